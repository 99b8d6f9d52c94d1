"""Processes that became slower or dearer, and what differs."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.compare.regressions import FACTOR, put_together
from projections.costs.in_force import put_in_force
from projections.costs.price_book import PriceBook, Rate
from schemas.values import iso
from tests.support.api.stage import T0, Stage

HOUR, GIB = 3_600_000, 2**30
BOOK = PriceBook(rates=[Rate(per_cpu_hour=Decimal(1))]).whole()


def run(stage: Stage, number: int, state: str = "succeeded", revision: str = "1.0") -> str:
    facts = {"project_name": "lab/rna", "revision": revision, "started_at": iso(T0 + number * HOUR)}
    run_id = f"r{number}"
    stage.run(
        run_id, at=T0 + number * HOUR, facts=facts | {"name": f"run{number}"}, completed={"state": state}
    )
    return run_id


def tasks(stage: Stage, run_id: str, first: int, minutes: int, **known: Any) -> None:
    of: dict[str, Any] = {
        "cpus": 1,
        "queue": "short",
        "container": "a:1",
        "read_bytes": GIB,
        "name": f"n{first}",
    } | known
    stage.task(run_id, first, started_at=0, completed_at=minutes * 60_000, **of)


def test_what_became_slower_or_dearer_and_what_differs(stage: Stage) -> None:
    put_in_force(stage.tables, BOOK)
    for number in range(3):
        before = run(stage, number)
        tasks(stage, before, 1, 10 + number, process="W:SLOW")
        tasks(stage, before, 2, 10, process="W:DEAR")
        tasks(stage, before, 3, 10, process="W:SAME")
    for number, (state, revision) in ((3, ("failed", "1.0")), (4, ("succeeded", "2.0"))):
        tasks(stage, run(stage, number, state, revision), 1, 600, process="W:SLOW")
    now = run(stage, 5, "failed")
    other = {"queue": "long", "container": "a:2", "read_bytes": 4 * GIB}
    tasks(stage, now, 1, 33, process="W:SLOW", **other)
    tasks(stage, now, 2, 10, process="W:DEAR")
    stage.task(now, 3, "failed", process="W:DEAR", name="n2", cpus=1, started_at=0, completed_at=600_000)
    tasks(stage, now, 4, 12, process="W:SAME")
    tasks(stage, now, 5, 600, process="W:NEW")
    stage.project_figures(*(f"r{n}" for n in range(6)))
    found = stage.get("/runs/run5/regressions")
    assert found["baseline"] == ["r2", "r1", "r0"], "of its pipeline and revision, succeeded"
    assert (found["factor"], found["currency"], found["more"]) == (FACTOR, "USD", 0)
    slow, dear = found["regressions"]
    assert slow == {
        "process": "W:SLOW",
        "label": "W:SLOW",
        "slower": True,
        "dearer": True,
        "task_ms": 33 * 60_000,
        "usual_task_ms": 11 * 60_000,
        "ratio_time": 3.0,
        "cost_per_task": "0.55",
        "usual_cost_per_task": "0.183333333",
        "ratio_cost": 3.0,
        "differs": [
            {"what": "queue", "now": "long", "usual": "short"},
            {"what": "container", "now": "a:2", "usual": "a:1"},
            {"what": "read_bytes", "now": str(4 * GIB), "usual": str(GIB)},
        ],
    }
    assert (dear["process"], dear["slower"], dear["dearer"], dear["ratio_cost"]) == (
        "W:DEAR",
        False,
        True,
        2.0,
    )
    assert dear["differs"] == [{"what": "attempts_per_task", "now": "2", "usual": "1"}]


def test_costs_are_those_that_the_projection_keeps(stage: Stage) -> None:
    """Tasks of six runs are not priced at each call: a price that changed shows once the runs are priced anew, as in lists."""
    put_in_force(stage.tables, BOOK)
    for number in range(2):
        tasks(stage, run(stage, number), 1, 60, process="A", cpus=1 + number)
    stage.project_figures("r0", "r1")
    put_in_force(stage.tables, PriceBook(rates=[Rate(per_cpu_hour=Decimal(3))]).whole())
    for per_hour in (1, 3):
        [found] = stage.get("/runs/r1/regressions")["regressions"]
        assert (Decimal(found["cost_per_task"]), found["ratio_cost"]) == (Decimal(2 * per_hour), 2.0)
        stage.project_figures("r0", "r1")


def test_without_an_earlier_run_there_is_nothing_to_say(stage: Stage) -> None:
    tasks(stage, run(stage, 0), 1, 10)
    found = stage.get("/runs/r0/regressions")
    assert found == {"baseline": [], "factor": FACTOR, "currency": None, "regressions": [], "more": 0}
    stage.refused(404, "/runs/nobody/regressions")


def row(run_id: str, ms: int, cost: str, **known: Any) -> dict[str, Any]:
    places: dict[str, list[str]] = {
        f"{p}s": [] for p in ("executor", "queue", "container", "machine_type", "price_model")
    }
    base = {"tasks": 1, "attempts": 1, "succeeded": 1, "unpriced": 0, "read_bytes": 0, "process": "P"}
    return base | places | {"run_id": run_id, "task_ms": ms, "cost": Decimal(cost)} | known


def test_an_unknown_price_is_no_saving_and_a_second_no_regression() -> None:
    found = put_together("b", ["a"], [row("a", 10_000, "1"), row("b", 20_000, "9", unpriced=1)], None)
    assert [(r.slower, r.dearer, r.ratio_cost) for r in found.regressions] == [(True, False, None)]
    assert put_together("b", ["a"], [row("a", 10, "1"), row("b", 900, "1")], None).regressions == []


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=5), st.integers(0, 10**9))
def test_it_is_slower_by_the_factor_at_least(before: list[int], now: int) -> None:
    rows = [row(str(n), ms, "0") for n, ms in enumerate(before)] + [row("now", now, "0")]
    found = put_together("now", [str(n) for n in range(len(before))], rows, None).regressions
    usual = sorted(before)[(len(before) - 1) // 2]
    assert bool(found) == (usual > 0 and now - usual >= 1000 and round(now / usual, 3) >= FACTOR)
