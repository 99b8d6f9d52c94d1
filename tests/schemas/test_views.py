"""Views written out in statements: the text is the view's own, and what it gives is what the view gives."""

import re
from typing import Any

import pytest

from api.core.db import sql as api_sql
from projections.sql import sql as projection_sql
from schemas.statuses import RunStatus
from schemas.views import VIEWS, body, write_out
from stores.tables.client import Tables
from stores.tables.migrate import released
from tests.support.api_stage import T0, Stage

ARGUMENTS = "clock_partitions = [0], clock_times = [1000000], behind = [], disconnected_ms = 180000, stalled_ms = 900000"
ALL = f"{ARGUMENTS}, run_ids = CAST([], 'Array(String)'), over_since = 0"


def test_a_call_is_replaced_and_keeps_its_alias() -> None:
    text = write_out(
        "SELECT x FROM task_facts(run_ids = [{id:String}]) JOIN task_facts(run_ids = f(1, (2))) AS b USING y"
    )
    assert text.startswith("SELECT x FROM (\nSELECT") and text.endswith("\n) AS b USING y")
    assert (
        "\n) AS task_facts JOIN (" in text
        and "run_id IN [{id:String}]" in text
        and "run_id IN f(1, (2))" in text
    )
    assert write_out("SELECT 1 FROM runs") == "SELECT 1 FROM runs"


def test_a_condition_that_the_call_switches_off_is_left_out() -> None:
    """It would be planned all the same, a fifth of what a run's status takes."""
    asked = f"SELECT run_id FROM run_statuses({ALL})"
    assert "SELECT run_id FROM runs FINAL" not in write_out(asked)
    recent = write_out(asked.replace("over_since = 0", "over_since = 7"))
    assert recent.count("(7 = 0 OR run_id IN (\n            SELECT run_id FROM runs FINAL") == 2


def test_an_argument_that_is_missing_or_no_argument_is_an_error() -> None:
    with pytest.raises(KeyError, match="run_ids"):
        write_out("SELECT 1 FROM task_facts(other = 1)")
    with pytest.raises(ValueError, match="name = argument"):
        write_out("SELECT 1 FROM task_facts(1)")


def test_the_text_is_that_of_the_table_files_and_no_statement_calls_a_view() -> None:
    ddl = {m.name: m.sql for m in released()}
    for view, file in VIEWS.items():
        assert body(view) in ddl[file]
    made = {name for text in ddl.values() for name in re.findall(r"VIEW (\w+) AS", text)}
    assert made == set(VIEWS)
    for sql in (
        api_sql("runs/runs"),
        api_sql("tasks/tasks_page"),
        projection_sql("project/sweep"),
        projection_sql("project/refresh_figures"),
    ):
        assert "\nSELECT" in sql and not re.search(rf"\b({'|'.join(VIEWS)})\(", sql)


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


def test_what_is_written_out_gives_what_the_view_gives(stage: Stage) -> None:
    tables = mixed(stage)
    asked = f"SELECT run_id, status, liveness, reported_state, reason, over, total FROM run_statuses({ALL}) ORDER BY run_id"
    rows = tables.rows(asked)
    assert [r["status"] for r in rows] == [
        "running", "disconnected", "submitted", "stalled", "succeeded", "failed", "cancelled", "running",
    ]  # fmt: skip
    assert tables.rows(write_out(asked)) == rows
    stage.task("r1", 1, started_at=0, completed_at=9)
    tasks = "SELECT run_id, task_id, shown, from_ms, to_ms, cost FROM task_facts(run_ids = ['r1'])"
    assert tables.rows(write_out(tasks)) == tables.rows(tasks) != []


def test_what_is_left_out_changes_nothing_of_the_rest(stage: Stage) -> None:
    tables = mixed(stage)
    asked = f"SELECT run_id, status, reason, total FROM run_statuses({ALL}) ORDER BY run_id"
    rows = tables.rows(write_out(asked))
    some = asked.replace("CAST([], 'Array(String)')", "['r3', 'r4', 'nobody']")
    assert tables.rows(write_out(some)) == rows[3:5]
    recent = asked.replace("over_since = 0", f"over_since = {T0 + 6}")
    assert tables.rows(write_out(recent)) == [r for r in rows if r["run_id"] not in ("r4", "r5")]


@pytest.mark.parametrize("status", RunStatus)
def test_the_list_filters_by_the_status_that_it_shows(stage: Stage, status: RunStatus) -> None:
    mixed(stage)
    stage.tick(T0 + 500, clock_ms=1_000_000)
    shown = {r["id"] for r in stage.get("/runs")["runs"] if r["status"] == status}
    assert {r["id"] for r in stage.get("/runs", status=status)["runs"]} == shown
