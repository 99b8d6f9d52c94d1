"""What is written down twice stays the same: columns, ranks, fields; and FINAL is never read past a tuple."""

import re
from pathlib import Path

import pytest

from projections.hosts.sharing import SHARES
from projections.project.refresh import FIGURES
from projections.sql import sql
from schemas.events import TaskRecord
from schemas.sql import sql as of_path
from schemas.statuses import RANKS, TaskStatus
from stores.tables.client import Tables
from stores.tables.migrate import released
from tests.support.sql import expand

ROOT = Path(__file__).parents[3]
SQL_FILES = sorted(
    str(f.relative_to(ROOT).with_suffix(""))
    for folder in ("projections", "api")
    for f in (ROOT / folder).rglob("*.sql")
)


@pytest.mark.parametrize("table", FIGURES | SHARES)
def test_a_refresh_gives_the_columns_of_its_table_in_their_order(tables: Tables, table: str) -> None:
    """INSERT … SELECT goes by position."""
    parameters = {"run_ids": ["r"], "offsets": [1], "marks": [0], "price_version": 0, "from_ms": 0}
    given = tables.rows(f"DESCRIBE TABLE ({sql((FIGURES | SHARES)[table])})", **parameters)
    wanted = tables.rows(f"DESCRIBE TABLE {table}")
    assert [c["name"] for c in given] == [c["name"] for c in wanted]


def test_what_lists_a_run_gives_the_columns_of_the_list_in_their_order(tables: Tables) -> None:
    given = tables.rows(f"DESCRIBE TABLE ({expand('{{ list_rows() }}')})")
    assert [c["name"] for c in given] == [c["name"] for c in tables.rows("DESCRIBE TABLE run_list")]


def test_ranks_are_those_of_the_table(tables: Tables) -> None:
    assert set(RANKS) == set(TaskStatus)
    rows = "\n".join(f'{{"run_id":"{s}","task_id":1,"status":"{s}"}}' for s in TaskStatus)
    tables.insert("tasks", rows.encode())
    assert {r["status"]: r["rank"] for r in tables.rows("SELECT status, rank FROM tasks")} == RANKS


def test_a_record_has_the_columns_of_tasks(tables: Tables) -> None:
    columns = tables.rows("DESCRIBE TABLE tasks")
    told = [c["name"] for c in columns if c["default_type"] != "MATERIALIZED"]
    assert sorted(told) == sorted(TaskRecord.model_fields)


def test_the_version_of_a_task_is_over_all_that_a_record_says() -> None:
    """A column that is left out of the hash would make two records equal that are not, and the last one would win."""
    ddl = [m.sql for m in released() if "version" in m.name or m.name == "0001_tasks.sql"][-1]
    hashed = re.findall(r"cityHash64\(tuple\(([^)]*)\)\)", ddl)
    assert sorted(re.findall(r"\w+", " ".join(hashed))) == sorted(
        TaskRecord.model_fields.keys() - {"run_id", "task_id"}
    )


def _selects_from_final(text: str) -> list[str]:
    """Each `SELECT … FROM runs FINAL …` up to its closing bracket, without what is in brackets of its own."""
    text = re.sub(r"--[^\n]*", "", text)
    found = []
    for at in re.finditer(r"\b(?:runs|run_figures|tasks)\s+FINAL\b", text):
        depth, start = 0, at.start()
        while start > 0 and depth >= 0:
            start -= 1
            depth += {")": 1, "(": -1}.get(text[start], 0)
        depth, end = 0, at.end()
        while end < len(text) and depth >= 0:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        found.append(text[start:end])
    return found


@pytest.mark.parametrize("path", SQL_FILES)
def test_no_query_reads_a_part_of_a_tuple_from_final(path: str) -> None:
    """FINAL would not merge it: see schemas/tables/0002_runs.sql."""
    [runs] = [m.sql for m in released() if m.name == "0002_runs.sql"]
    tuples = re.findall(r"^ +(\w+) +SimpleAggregateFunction\(max, Tuple\(", runs, re.M)
    assert "completed" in tuples and "seen" in tuples
    part = re.compile(rf"\b(?:{'|'.join(tuples)})\.\w+")
    for select in _selects_from_final(of_path(path)):
        assert part.findall(select) == [], select


def test_that_test_finds_one() -> None:
    bad = "SELECT a FROM (SELECT run_id, completed.hash FROM runs FINAL WHERE f(run_id)) AS r"
    [select] = _selects_from_final(bad)
    assert "completed.hash" in select and "SELECT a" not in select
