"""A new price book: the figures of all runs are priced anew in slices between batches, live runs first. Work is counted."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest

from projections.costs.in_force import put_in_force
from projections.costs.price_book import PriceBook, Rate
from projections.project import refresh
from projections.project.projector import Projector
from projections.project.refresh import LARGE_RUN_RECORDS, PATIENCE, Repricing
from projections.replay import compare
from schemas.events import Completed, TasksChanged
from schemas.statuses import ReportedState
from stores.tables.client import Tables
from tests.support.projection import T0, Faulty, Stage, projector, task
from tests.support.reference.reducer import Limits

HOUR = 3_600_000
LIMITS = Limits(180_000, 900_000, 300_000)
RUNS, LIVE, AT_ONCE, PAGE = 30, 7, 4, 12


class Counted(Faulty):
    """Tables that write down the runs of each refresh, and how many statements came."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.refreshed: list[list[str]] = []
        self.statements = 0

    def rows(self, sql: str, /, **parameters: Any) -> list[dict[str, Any]]:
        self.statements += 1
        return super().rows(sql, **parameters)

    def command(self, sql: str, /, **parameters: Any) -> None:
        self.statements += 1
        if sql.startswith("INSERT INTO run_figures"):
            self.refreshed.append(parameters["run_ids"])
        super().command(sql, **parameters)


def book(per_hour: int) -> PriceBook:
    return PriceBook(rates=[Rate(machine_type="m", per_hour=Decimal(per_hour))])


@pytest.fixture
def stage(tables: Tables) -> Iterator[Stage]:
    """Some runs, most of them over, priced by a first book; then a second one is put in force."""
    first = put_in_force(tables, book(1))
    stage = Stage(tables, LIMITS)
    stage.projector = projector(stage.tables, LIMITS, first)
    stage.projector.assign([0])
    tables.command("SYSTEM STOP MERGES runs")  # the runs and their ends lie in parts of their own
    for n in range(RUNS):
        done = task(f"r{n:02}", 1, "succeeded", started_at=T0, completed_at=T0 + HOUR, machine_type="m")
        stage.history.say(f"r{n:02}", TasksChanged(instant=T0 + HOUR), done)
    stage.project()
    for n in range(RUNS - LIVE):
        stage.history.say(f"r{n:02}", Completed(state=ReportedState.SUCCEEDED, instant=T0 + HOUR))
    stage.project()
    with mock.patch.multiple(refresh, SMALL_RUNS_AT_ONCE=AT_ONCE, OUTDATED_AT_ONCE=PAGE, PATIENCE=0):
        yield stage
    tables.command("SYSTEM START MERGES runs")


def worker(tables: Tables) -> tuple[Projector, Counted]:
    """A new process that prices by the second book."""
    counted = Counted(tables)
    made = projector(counted, LIMITS, put_in_force(tables, book(2)))
    made.assign([0])
    return made, counted


def costs(tables: Tables) -> dict[str, Decimal]:
    return {r["run_id"]: r["cost"] for r in tables.rows("SELECT run_id, cost FROM run_figures FINAL")}


def test_a_new_book_costs_an_assignment_nothing_and_a_step_one_slice(stage: Stage, tables: Tables) -> None:
    made, counted = worker(tables)
    assert counted.refreshed == [], "an assignment waits for no price"
    steps = -(-RUNS // AT_ONCE)
    for n in range(steps):
        counted.statements = 0
        made.refresh_due()
        assert len(counted.refreshed) == n + 1 and len(counted.refreshed[-1]) <= AT_ONCE
        assert counted.statements <= 5, (
            "the search for outdated runs at times, whether there are hosts, and three of a refresh"
        )
    order = [r for group in counted.refreshed for r in group]
    assert sorted(order) == sorted(costs(tables)), "each run once"
    assert set(order[:LIVE]) == {f"r{n:02}" for n in range(RUNS - LIVE, RUNS)}, "live runs go first"
    assert set(costs(tables).values()) == {Decimal(2)}
    assert compare.figures(tables, made.price_version) == []
    made.refresh_due()  # whether there are hosts, and with them runs that are marked
    counted.statements = 0
    made.refresh_due()
    made.refresh_due()
    assert counted.statements == 0, "nothing is left, and nobody searches any more"


def test_the_next_worker_goes_on_where_the_one_before_stopped(stage: Stage, tables: Tables) -> None:
    made, before = worker(tables)
    for _ in range(3):
        made.refresh_due()
    made, after = worker(tables)
    made.refresh_all()
    done = [r for group in before.refreshed + after.refreshed for r in group]
    assert len(before.refreshed) == 3 and sorted(done) == sorted(costs(tables)), "each run once"
    assert set(costs(tables).values()) == {Decimal(2)}


def test_messages_are_projected_meanwhile_and_win(stage: Stage, tables: Tables) -> None:
    made, counted = worker(tables)
    stage.history.say(
        "r00",
        TasksChanged(instant=T0 + HOUR),
        task("r00", 2, "succeeded", started_at=T0, completed_at=T0 + HOUR, machine_type="m"),
    )
    made.project(stage.history.records[stage.projected :])
    assert costs(tables)["r00"] == Decimal(4) and sum(map(len, counted.refreshed)) == 1 + AT_ONCE
    made.refresh_all()
    assert costs(tables)["r00"] == Decimal(4)
    assert compare.figures(tables, made.price_version) == []


def run(name: str, tasks: int) -> dict[str, Any]:
    return {"run_id": name, "offset": 1, "tasks": tasks}


def test_a_slice_has_few_tasks_or_one_large_run() -> None:
    left = Repricing()
    half = LARGE_RUN_RECORDS // 2
    left.found([run("a", half), run("b", half), run("c", 1), run("giant", 10**9), run("d", 1)])
    slices = [list(left.slice()) for _ in range(4)]
    assert slices == [["a", "b"], ["c"], ["giant"], ["d"]] and left.slice() == {}


def test_a_slice_waits_longer_than_the_one_before_took() -> None:
    left = Repricing()
    left.refreshed(now=100, took=2)
    assert left.not_before == 100 + 2 * PATIENCE
