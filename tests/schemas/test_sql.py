"""SQL files and their macros: what they become, and what the macros of a run's status leave out."""

from importlib.resources import files
from typing import Any

import pytest
from jinja2 import UndefinedError

from schemas.sql import TEMPLATES, sql
from schemas.statuses import RunStatus
from stores.tables.client import Tables
from tests.support.api.stage import T0, Stage
from tests.support.sql import expand

CLOCKS: dict[str, Any] = {
    "clock_partitions": [0],
    "clock_times": [1_000_000],
    "behind": [],
    "disconnected_ms": 180_000,
    "stalled_ms": 900_000,
}


def test_every_statement_expands_and_keeps_its_parameters() -> None:
    for package in ("api", "projections"):
        for folder in files(package).iterdir():
            for file in folder.iterdir() if folder.is_dir() else ():
                if file.name.endswith(".sql"):
                    text = sql(f"{package}/{folder.name}/{file.name.removesuffix('.sql')}")
                    assert "SELECT" in text and "{{" not in text and "{%" not in text, file.name
    assert "WHERE run_id IN [{run_id:String}]" in sql("api/tasks/task")


def test_what_a_call_does_not_ask_for_is_left_out() -> None:
    """It would be planned all the same, a fifth of what a run's status takes."""
    assert "WHERE" not in expand("{{ run_statuses() }}")
    assert expand('{{ run_statuses(over_since="7") }}').count(">= 7)") == 2
    assert expand('{{ run_statuses(run_ids="[8]") }}').count("WHERE run_id IN [8]") == 2


def test_an_argument_or_a_macro_that_is_not_there_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="run_ids"):
        expand("{{ task_facts() }}")
    with pytest.raises(TypeError, match="other"):
        expand("{{ run_rows(other=1) }}")
    with pytest.raises(UndefinedError, match="nothing"):
        TEMPLATES.from_string('{% from "schemas/macros/runs.sql" import nothing %}{{ nothing() }}').render()


def mixed(stage: Stage) -> Tables:
    """Runs of every status, some over for long; observed time is 1,000,000."""
    said: list[tuple[int, dict[str, Any]]] = [
        (999_000, {"begun": 1}),
        (1000, {"begun": 1}),
        (999_000, {"created": {}}),
        (999_000, {"begun": 1, "tasks_seen": {"observed": 1, "appended": T0}}),
        (1000, {"completed": {"state": "succeeded"}}),
        (1000, {"completed": {"state": "failed"}}),
        (1000, {"completed": {"state": "cancelled"}}),
        (0, {"dialect": "weblog", "begun": 1}),
    ]
    for n, (seen, known) in enumerate(said):
        stage.run(f"r{n}", at=T0 + n, seen={"observed": seen, "appended": T0 + n}, **known)
    stage.figures("r3", tasks=2, open_tasks=0, total=2)
    stage.figures("r4", tasks=7, total=7)
    return stage.tables


def test_what_is_left_out_changes_nothing_of_the_rest(stage: Stage) -> None:
    tables = mixed(stage)

    def rows(arguments: str = "") -> list[dict[str, Any]]:
        text = (
            f"SELECT run_id, status, reason, total FROM {{{{ run_statuses({arguments}) }}}} ORDER BY run_id"
        )
        return tables.rows(expand(text), **CLOCKS)

    every = rows()
    assert [r["status"] for r in every] == [
        "running", "disconnected", "submitted", "stalled", "succeeded", "failed", "cancelled", "running",
    ]  # fmt: skip
    assert rows("run_ids=\"['r3', 'r4', 'nobody']\"") == every[3:5]
    assert rows(f'over_since="{T0 + 6}"') == [r for r in every if r["run_id"] not in ("r4", "r5")]


@pytest.mark.parametrize("status", RunStatus)
def test_the_list_filters_by_the_status_that_it_shows(stage: Stage, status: RunStatus) -> None:
    mixed(stage)
    stage.tick(T0 + 500, clock_ms=1_000_000)
    shown = {r["id"] for r in stage.get("/runs")["runs"] if r["status"] == status}
    assert {r["id"] for r in stage.get("/runs", status=status)["runs"]} == shown
