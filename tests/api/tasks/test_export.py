"""The CSV of a run's tasks: twice the tasks are twice the work."""

from collections.abc import Iterator, Sequence
from typing import Any

from api.core.db import Reader
from api.tasks.params import TaskFilter
from api.tasks.queries import EXPORTED_AT_ONCE, all_tasks
from schemas.settings import Settings
from stores.tables.client import Tables
from tests.support.growth import MOST_GROWTH

TASKS = 10 * EXPORTED_AT_ONCE

FILL = """
INSERT INTO tasks (run_id, task_id, status, name, process, submitted_at)
SELECT
    {run_id:String}, number + 1, 'succeeded', toString(cityHash64(number)), 'p',
    fromUnixTimestamp64Milli(toInt64(1700000000000 - number), 'UTC')
FROM numbers({tasks:UInt64})
"""


class Counted(Tables):
    """Other tables, with the rows of `tasks` that the statements read, as ClickHouse plans them."""

    def __init__(self, tables: Tables) -> None:
        self.__dict__.update(tables.__dict__)
        self.read = 0

    def rows(self, sql: str, /, **parameters: Any) -> list[dict[str, Any]]:
        self._count(sql, parameters)
        return super().rows(sql, **parameters)

    def columns(self, sql: str, /, **parameters: Any) -> Iterator[Sequence[Sequence[Any]]]:
        self._count(sql, parameters)
        return super().columns(sql, **parameters)

    def _count(self, sql: str, parameters: dict[str, Any]) -> None:
        planned = super().rows(f"EXPLAIN ESTIMATE {sql}", **parameters)
        self.read += sum(r["rows"] for r in planned if r["table"] == "tasks")


def exported(tables: Tables, run_id: str, tasks: int) -> int:
    """Rows read to export the run, of which every task comes once."""
    tables.command(FILL, run_id=run_id, tasks=tasks)
    tables.command("OPTIMIZE TABLE tasks FINAL")
    counted = Counted(tables)
    reader = Reader(counted, Settings(), lambda: 0)
    ids = [t.task_id for t in all_tasks(reader, run_id, TaskFilter([], sort="name"))]
    assert ids == list(range(1, tasks + 1))
    return counted.read


def test_twice_the_tasks_are_twice_the_rows_read(tables: Tables) -> None:
    """By pages with OFFSET each page read all tasks before it."""
    once, twice = exported(tables, "r1", TASKS), exported(tables, "r2", 2 * TASKS)
    assert 0 < twice <= MOST_GROWTH * once, (once, twice)


def test_the_filter_holds_and_the_order_does_not(tables: Tables) -> None:
    tables.command(FILL, run_id="r1", tasks=10)
    reader = Reader(tables, Settings(), lambda: 0)
    assert [t.task_id for t in all_tasks(reader, "r1", TaskFilter([], process="p", sort="-task_id"))] == list(
        range(1, 11)
    )
    assert list(all_tasks(reader, "r1", TaskFilter(["failed"]))) == []
