"""Retention: runs that ended long ago are deleted from the tables. The log and the archive keep their events.

Time is the log's own, an argument. `events` is left alone, since the delivery check counts it, and `executions`, which numbers
later ones; so are alerts, which are no projection of the log. A run that sends another event after its deletion exists again,
with that event alone.
"""

from collections.abc import Collection
from dataclasses import dataclass

import structlog

from projections.sql import sql
from schemas.metrics import RUNS_EXPIRED
from stores.tables.client import Tables

log = structlog.get_logger()

DAY_MS = 86_400_000
#: Most runs of one deletion, since projection waits while it lasts.
RUNS_AT_ONCE = 200
_EVERY_MS = 3_600_000
_AGAIN_MS = 10_000

#: `runs` comes last, so that an interrupted deletion is found again.
_TABLES = (
    "tasks",
    "run_processes",
    "run_figures",
    "transitions",
    "notes",
    "dead_letters",
    "outputs",
    "output_folders",
    "output_deletions",
    "output_reports",
    "run_list",
    "host_attempts",
    "host_costs",
    "host_marks",
    "runs",
)


def expire(tables: Tables, before_ms: int, partitions: Collection[int] = ()) -> int:
    """Delete runs of the partitions (all, if none is named) that are over and were last heard before; how many, at most
    RUNS_AT_ONCE. To do it again is harmless. Raises TablesUnavailable and ClickHouseError."""
    expired = tables.rows(
        sql("project/expired_runs"), partitions=sorted(partitions), before=before_ms, most=RUNS_AT_ONCE
    )
    run_ids = [r["run_id"] for r in expired]
    if run_ids:
        for table in _TABLES:
            tables.command(f"DELETE FROM {table} WHERE run_id IN {{run_ids:Array(String)}}", run_ids=run_ids)
        RUNS_EXPIRED.inc(len(run_ids))
        log.info("runs that ended long ago were deleted from the tables", runs=len(run_ids))
    return len(run_ids)


def expire_all(tables: Tables, before_ms: int) -> int:
    """As `expire`, of all partitions, until none is left."""
    total = 0
    while done := expire(tables, before_ms):
        total += done
    return total


@dataclass(slots=True)
class RetentionSchedule:
    """When a projector looks for runs to delete: hourly in the log's time, sooner while there are more. Pure.

    `days` of 0: never.
    """

    days: float = 0.0
    _due: int = 0

    def before(self, now_ms: int) -> int | None:
        """The time before which runs are to be deleted, or None while it is not time to look."""
        return now_ms - round(self.days * DAY_MS) if self.days > 0 and now_ms >= self._due else None

    def looked(self, now_ms: int, done: int) -> None:
        """Record that a look at `now_ms` deleted so many runs."""
        self._due = now_ms + (_AGAIN_MS if done >= RUNS_AT_ONCE else _EVERY_MS)
