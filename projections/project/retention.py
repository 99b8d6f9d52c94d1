"""Keeping: runs that were over long ago leave the tables. The log and the archive keep what was said of them.

Time is the log's own, as an argument. `events` is left alone, since the books are counts over it, and so are alerts, which are no
projection of the log. A run that is over and yet is heard again, after it has gone, is there again with what it said then.
"""

from collections.abc import Collection
from dataclasses import dataclass

import structlog

from projections.sql import sql
from schemas.metrics import RUNS_EXPIRED
from stores.tables.client import Tables

log = structlog.get_logger()

DAY_MS = 86_400_000
#: A deletion is of so many runs at most: it holds up the projection while it lasts.
RUNS_AT_ONCE = 200
_EVERY_MS = 3_600_000
_AGAIN_MS = 10_000

#: `runs` is the last: what was not finished is found again.
_TABLES = ("tasks", "run_processes", "run_figures", "transitions", "notes", "dead_letters", "runs")


def expire(tables: Tables, before_ms: int, partitions: Collection[int] = ()) -> int:
    """Delete runs of the partitions (all, if none is named) that are over and were last heard before; how many, at most
    RUNS_AT_ONCE. To do it again is harmless. Raises TablesUnavailable and ClickHouseError."""
    found = tables.rows(
        sql("project/expired_runs"), partitions=sorted(partitions), before=before_ms, most=RUNS_AT_ONCE
    )
    run_ids = [r["run_id"] for r in found]
    if run_ids:
        for table in _TABLES:
            tables.command(f"DELETE FROM {table} WHERE run_id IN {{run_ids:Array(String)}}", run_ids=run_ids)
        RUNS_EXPIRED.inc(len(run_ids))
        log.info("runs were over long ago and left the tables", runs=len(run_ids))
    return len(run_ids)


def expire_all(tables: Tables, before_ms: int) -> int:
    """As `expire`, of all partitions, until none is left."""
    total = 0
    while done := expire(tables, before_ms):
        total += done
    return total


@dataclass(slots=True)
class Keeper:
    """When a projector is to look for runs that have to go: hourly in the log's time, sooner while there are more. Pure.

    `days` of 0: never.
    """

    days: float = 0.0
    _due: int = 0

    def before(self, now_ms: int) -> int | None:
        """The time before which runs go, if it is time to look."""
        return now_ms - round(self.days * DAY_MS) if self.days > 0 and now_ms >= self._due else None

    def looked(self, now_ms: int, done: int) -> None:
        """So many went."""
        self._due = now_ms + (_AGAIN_MS if done >= RUNS_AT_ONCE else _EVERY_MS)
