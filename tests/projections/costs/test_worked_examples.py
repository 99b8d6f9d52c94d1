"""The worked examples of docs/cost.md, counted by hand there: the tracker gives the same, to the last digit."""

import json
import re
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from projections.costs.in_force import put_in_force
from projections.costs.price_book import PriceBook
from schemas.events import Completed, TasksChanged
from schemas.hosts.events import Host, HostSeen
from schemas.statuses import ReportedState
from stores.tables.client import Tables
from tests.support.projection import Stage, task
from tests.support.reference.reducer import Limits
from tests.support.sql import expand

PAGE = (Path(__file__).parents[3] / "docs" / "cost.md").read_text("utf-8")
BOOK = PriceBook.model_validate_json(re.findall(r"^```json book\n(.+?)^```", PAGE, re.M | re.S)[0]).whole()
EXAMPLES: list[dict[str, Any]] = [
    json.loads(text) for text in re.findall(r"^```json example\n(.+?)^```", PAGE, re.M | re.S)
]
#: 2026-07-01T00:00:00Z, in ms: the day of the examples.
DAY = 1_782_864_000_000


def moment(clock: str) -> int:
    """Of `10:30` or `10:30:05` on that day, in ms; 24:30 is after midnight."""
    hours, minutes, seconds = ([int(n) for n in clock.split(":")] + [0])[:3]
    return DAY + ((hours * 60 + minutes) * 60 + seconds) * 1000


def project(stage: Stage) -> None:
    """All examples, each run with its end."""
    by_run = defaultdict(list)
    for example in EXAMPLES:
        for host in example.get("hosts", []):
            data = Host.model_validate(host)
            stage.history.append(
                0, HostSeen(id=data.hostname, source="ingest-0", received_at=DAY, on_any_run=True, data=data)
            )
        for t in example["tasks"]:
            by_run[t["run"]].append(t)
    for run_id, tasks in by_run.items():
        records = [
            task(
                run_id,
                n,
                t.get("status", "succeeded"),
                started_at=moment(t["from"]),
                completed_at=moment(t["to"]),
                cpus=float(t["cpus"]),
                memory_bytes=t["gib"] * 2**30 if "gib" in t else None,
                hostname=t.get("host"),
                **{k: t[k] for k in ("machine_type", "price_model", "queue", "error_action") if k in t},
            )
            for n, t in enumerate(tasks)
        ]
        stage.history.say(run_id, TasksChanged(instant=DAY), *records)
        stage.history.say(run_id, Completed(state=ReportedState.SUCCEEDED, instant=moment("24:30")))
    stage.project()


@pytest.fixture
def stage(tables: Tables) -> Stage:
    put_in_force(tables, BOOK)
    stage = Stage(tables, Limits(180_000, 900_000, 300_000))
    project(stage)
    return stage


def test_they_come_out_as_the_page_says(stage: Stage) -> None:
    assert len(EXAMPLES) == len(re.findall(r"^### ", PAGE, re.M)) - 1 == 12
    rows = stage.tables.rows("SELECT * FROM run_figures FINAL")
    figures = {r["run_id"]: r for r in rows}
    costs = stage.tables.rows(
        expand('SELECT run_id, task_id, cost FROM {{ task_facts("{ids:Array(String)}") }} ORDER BY task_id'),
        ids=list(figures),
    )
    by_run = defaultdict(list)
    for row in costs:
        by_run[row["run_id"]].append(row["cost"])
    for example in EXAMPLES:
        for run_id, amount in example["runs"].items():
            told = [t["cost"] for t in example["tasks"] if t["run"] == run_id]
            assert by_run[run_id] == [None if c is None else Decimal(c) for c in told], run_id
            f = figures[run_id]
            assert f["cost"] == Decimal(amount) == sum(c for c in by_run[run_id] if c is not None), run_id
            assert f["unpriced"] == example.get("unpriced", {}).get(run_id, 0), run_id
            assert f["wasted"] == Decimal(example.get("wasted", {}).get(run_id, "0")), run_id
            assert f["saved"] == Decimal(example.get("saved", {}).get(run_id, "0")), run_id
            if capacities := example.get("by_capacity", {}).get(run_id):
                assert (
                    f["cost_spot"],
                    f["cost_on_demand"],
                    f["cost"] - f["cost_spot"] - f["cost_on_demand"],
                ) == (tuple(Decimal(capacities[c]) for c in ("spot", "on-demand", "unknown")))
                assert f["assumed"] == (1 if f["cost_spot"] else 0)
