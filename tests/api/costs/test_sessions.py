"""However a session was resumed and retried, it costs what its attempts cost, each once; what the cache saved is none of it."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.costs.in_force import put_in_force
from projections.costs.price_book import PriceBook, Rate
from schemas.events import Begun, Completed, TaskRecord, TasksChanged, Workflow
from schemas.statuses import ReportedState
from tests.support.api.stage import T0, Stage
from tests.support.examples import examples
from tests.support.projection import Stage as Projection
from tests.support.projection import task
from tests.support.reference.reducer import Limits

#: A minute of one of its four CPUs costs 0.01.
BOOK = PriceBook(rates=[Rate(machine_type="m", per_hour=Decimal("2.4"), vcpus=4)]).whole()
MINUTE = 60_000
LIMITS = Limits(180_000, 900_000, 300_000)
_SESSIONS = count()


@dataclass(frozen=True)
class Attempt:
    """Of what work, with what end; `times`: how often its message is delivered."""

    work: int
    ends_well: bool
    minutes: int
    cpus: int
    times: int


ATTEMPTS = st.builds(
    Attempt, st.integers(0, 4), st.booleans(), st.integers(1, 90), st.integers(1, 4), st.integers(1, 3)
)
CYCLES = st.lists(st.lists(ATTEMPTS, min_size=1, max_size=6), min_size=1, max_size=4)


@dataclass
class Told:
    """A cycle as its runner tells it, what it costs, and what it would have cost without the cache."""

    records: list[tuple[TaskRecord, int]]
    cost: Decimal
    saved: Decimal


def told(run_id: str, cycle: list[Attempt], done: dict[int, Attempt], clock_ms: int) -> Told:
    """Work that is done is taken from the cache, with the figures of the attempt that did it; `done` grows by what this cycle
    does."""
    records, cost, saved = [], Decimal(0), Decimal(0)
    for n, attempt in enumerate(cycle, 1):
        cached = done.get(attempt.work)
        of = cached or attempt
        price = of.cpus * of.minutes * Decimal("0.01")
        known: dict[str, Any] = {
            "process": f"P{attempt.work}",
            "machine_type": "m",
            "cpus": float(of.cpus),
            "submitted_at": clock_ms,
            "started_at": clock_ms,
            "completed_at": clock_ms + of.minutes * MINUTE,
        }
        if cached:
            saved += price
            status = "cached"
        else:
            cost += price
            status = "succeeded" if attempt.ends_well else "failed"
            known["error_action"] = None if attempt.ends_well else "RETRY"
            if attempt.ends_well:
                done[attempt.work] = attempt
        records.append((task(run_id, n, status, **known), attempt.times))
    return Told(records, cost, saved)


def test_a_session_counts_nothing_twice(stage: Stage) -> None:
    put_in_force(stage.tables, BOOK)

    @settings(
        max_examples=examples(5),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(CYCLES)
    def holds(cycles: list[list[Attempt]]) -> None:
        session, done, clock_ms = f"session-{next(_SESSIONS)}", dict[int, Attempt](), T0
        projection = Projection(stage.tables, LIMITS)
        expected = {}
        for n, cycle in enumerate(cycles):
            run_id = f"{session}-{n}"
            projection.history.now += 1000
            workflow = Workflow(name=run_id, session_id=session)
            projection.history.say(run_id, Begun(instant=clock_ms, workflow=workflow))
            expected[run_id] = found = told(run_id, cycle, done, clock_ms)
            for record, times in found.records:
                for _ in range(times):
                    projection.history.say(run_id, TasksChanged(instant=clock_ms), record)
            clock_ms += 100 * MINUTE
            projection.history.say(run_id, Completed(state=ReportedState.SUCCEEDED, instant=clock_ms))
        projection.project()

        costs = {run_id: stage.get(f"/runs/{run_id}/costs") for run_id in expected}
        assert {r: Decimal(c["amount"]) for r, c in costs.items()} == {r: t.cost for r, t in expected.items()}
        assert {r: Decimal(c["saved_by_cache"] or 0) for r, c in costs.items()} == {
            r: t.saved for r, t in expected.items()
        }
        whole = stage.get("/costs", session_id=session)["total"]
        assert (whole["runs"], whole["complete"]) == (len(cycles), True)
        assert Decimal(whole["amount"]) == sum(t.cost for t in expected.values())

    holds()
