"""Generated histories, batch edges, crashes, merges and workers: the tables are what the reference reducer says."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import cycle
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st

from projections.project.projector import Projector
from stores.tables.client import Tables
from tests.support import projection as help
from tests.support.examples import examples
from tests.support.projection import Crash, Faulty
from tests.support.reference.compare import differences
from tests.support.reference.figures import Rate
from tests.support.reference.histories import LIMITS, PLANS, STEPS, Plan, put_off, written
from tests.support.reference.reducer import Message
from tests.support.sql import expand

pytestmark = pytest.mark.each_store

#: In chDB and on a server. An example takes 6 s of CPU, nearly all of it in ClickHouse's planner.
IN_CHDB, ON_A_SERVER = examples(6), examples(2)
PRICE_VERSION = 1
RATES = (
    Rate("m5.large", "on-demand", "", Decimal("0.096"), vcpus=2, memory_mib=8192),
    Rate("m5.large", "on-demand", "", Decimal("0.107"), vcpus=2, memory_mib=8192, valid_from_ms=4000),
    Rate("m5.large", "", "eu-", Decimal("0.11"), vcpus=2, valid_from_ms=2000, minimum_ms=3000),
    Rate("m5.large", "spot", "", Decimal("0.033333333"), vcpus=2, memory_mib=900, basis="assumed"),
    Rate("m5.large", "spot", "us-east-1", Decimal("0.0345")),
    Rate("", "", "", None, Decimal("0.04"), Decimal("0.004")),
)

_EARLY = "SELECT run_id, status FROM {{ run_statuses() }} WHERE over AND pending + submitted + running > 0"


class Watched(Faulty):
    """Notes each run that reads as over before its figures count its end."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.early: list[dict[str, object]] = []

    def insert(self, table: str, rows: bytes) -> None:
        super().insert(table, rows)
        if table == "runs" and b'"over":' in rows:  # of which alone an end can come to be seen
            limits = {"disconnected_ms": LIMITS.disconnected_ms, "stalled_ms": LIMITS.stalled_ms}
            none: dict[str, list[int]] = {"clock_partitions": [], "clock_times": [], "behind": []}
            self.early += self.inner.rows(expand(_EARLY), **none, **limits)


# --- how it is projected -------------------------------------------------------------------------


def project(tables: Faulty, messages: Sequence[Message], plan: Plan) -> None:
    """Project all messages as planned; at the end nothing is put off any more."""
    records = [help.record(m) for m in messages]
    partitions = sorted({r.partition for r in records})
    sizes, workers, merging = cycle(plan.sizes), cycle(plan.workers), cycle(plan.merges)
    crashes = iter(plan.crashes)
    back = _next_crash(tables, crashes)
    living: dict[int, Projector] = {}
    current, done, whole = None, 0, False
    while not whole:
        size, worker, merge = next(sizes), next(workers), next(merging)
        try:
            p = living.setdefault(worker, help.projector(tables, LIMITS, PRICE_VERSION))
            if worker != current:
                p.assign(partitions)
                current = worker
            p.project(records[done : done + size])
            done += size
            if done >= len(records):
                p.refresh_all()
                whole = True
        except Crash:
            del living[worker]
            current, done = None, max(0, min(done, len(records)) - back)
            back = _next_crash(tables, crashes)
        if merge:
            help.merge(tables.inner)


def _next_crash(tables: Faulty, crashes: Any) -> int:
    step, after, back = next(crashes, (None, False, 0))
    tables.arm(step, after)
    return int(back)


# --- what holds ----------------------------------------------------------------------------------


def test_tables_are_what_the_reducer_says(tables: Tables) -> None:
    @settings(
        max_examples=IN_CHDB if tables.embedded else ON_A_SERVER,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.integers(1, 3), STEPS, PLANS)
    def holds(partitions: int, steps: Sequence[Any], plan: Plan) -> None:
        messages = written(partitions, steps)
        help.empty(tables)
        help.merges(tables, allowed=any(plan.merges))
        expected = help.expect(tables, messages, LIMITS)
        help.put_rates(tables, RATES, PRICE_VERSION)
        faulty = Watched(tables)
        with put_off(plan):
            project(faulty, messages, plan)
        for what in {t.to_status for t in expected.transitions}:
            event(f"a run was {what}")
        for n, m in enumerate(messages):
            note(f"{n}: {m}")
        assert differences(tables, expected, LIMITS, RATES, PRICE_VERSION) == []
        assert set(faulty.published) == set(expected.transitions)
        assert faulty.early == []

    holds()
