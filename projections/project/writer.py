"""Writes rows into tables: it retries while ClickHouse is away, and makes a dead letter of a row that ClickHouse refuses."""

import threading
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError

from projections.project.event_rows import EventRows
from projections.project.letters import dead_letter, rows_of, stub
from schemas.metrics import INSERT_SECONDS, PROJECTED_EVENTS, ROWS_SET_ASIDE
from stores.tables.client import Tables, TablesUnavailable, blames_data

log = structlog.get_logger()
T = TypeVar("T")

_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 5.0

#: In the order of insertion: first what a run's figures are computed from, last the record that a message is projected. Dead
#: letters go before runs: once a run's labels are there, which of them were too many is not found again.
_TABLES = (
    "tasks",
    "dead_letters",
    "runs",
    "notes",
    "alert_acts",
    "spools",
    "letter_replays",
    "executions",
    "outputs",
    "output_folders",
    "output_deletions",
    "output_reports",
    "hosts",
    "events",
)


class Stopped(Exception):
    """The process is stopping while ClickHouse is away; what was not written is not acknowledged."""


@dataclass(slots=True)
class Writer:
    """Writes batches of rows. `stop` ends the endless retries; `waiting` is true during one."""

    tables: Tables
    stop: threading.Event
    waiting: bool = False

    def insert(self, batch: Sequence[EventRows]) -> list[tuple[EventRows, bytes]]:
        """Insert all rows of the batch, and return the dead letters of the rows that ClickHouse refused, inserted too.

        Every table takes the same row twice without harm. Raises Stopped.
        """
        refused: list[tuple[EventRows, bytes]] = []
        for table in _TABLES:
            parts = [(s, part) for s in batch if (part := getattr(s, table))]
            refused += self._insert_parts(table, parts)
        for rows in batch:
            PROJECTED_EVENTS.labels(rows.outcome).inc()
        return refused

    def retrying(self, what: str, call: Callable[[], T]) -> T:
        """Return the call's result; call again while ClickHouse is away. Raises Stopped, or ClickHouseError for wrong data."""
        wait = _FIRST_WAIT_SECONDS
        while True:
            try:
                result = call()
                self.waiting = False
                return result
            except (TablesUnavailable, ClickHouseError) as e:
                if isinstance(e, ClickHouseError) and blames_data(e):
                    raise
                log.warning("clickhouse refused, trying again", what=what, error=str(e)[:500], wait=wait)
            self.waiting = True
            if self.stop.wait(wait):
                raise Stopped(what)
            wait = min(_LONGEST_WAIT_SECONDS, wait * 2)

    def _insert(self, table: str, rows: Sequence[bytes]) -> None:
        with INSERT_SECONDS.labels(table).time():
            self.tables.insert(table, b"\n".join(rows))

    def _insert_parts(
        self, table: str, parts: Sequence[tuple[EventRows, bytes]]
    ) -> list[tuple[EventRows, bytes]]:
        """Insert; where ClickHouse refuses a row, halve until the bad message stands alone, and make a dead letter of it."""
        if not parts:
            return []
        try:
            self.retrying(f"insert into {table}", lambda: self._insert(table, [part for _, part in parts]))
        except ClickHouseError as e:
            if len(parts) > 1:
                middle = len(parts) // 2
                return self._insert_parts(table, parts[:middle]) + self._insert_parts(table, parts[middle:])
            [(rows, part)] = parts
            if table == "dead_letters":
                return self._insert_stubs(rows, part, e)
            log.error(
                "row refused: it becomes a dead letter",
                table=table,
                partition=rows.record.partition,
                offset=rows.record.offset,
                error=str(e)[:500],
            )
            raw = b64encode(part[:1_000_000]).decode()
            letter = dead_letter(rows.record, rows.event, table, rows.record.type, str(e)[:2000], "", raw)
            self._insert_parts("dead_letters", [(rows, letter)])
            ROWS_SET_ASIDE.labels(table).inc()
            return [(rows, letter)]
        return []

    def _insert_stubs(
        self, rows: EventRows, letters: bytes, why: ClickHouseError
    ) -> list[tuple[EventRows, bytes]]:
        """Insert stubs of dead letters that ClickHouse refused. Where it refuses these too, the log alone keeps them."""
        place = {"partition": rows.record.partition, "offset": rows.record.offset}
        log.error("dead letters refused: stubs are kept", **place, error=str(why)[:500])
        ROWS_SET_ASIDE.labels("dead_letters").inc()
        stubs = [stub(letter) for letter in rows_of(letters)]
        try:
            self.retrying("insert into dead_letters", lambda: self._insert("dead_letters", stubs))
        except ClickHouseError as e:
            log.error("stubs of dead letters refused: only the log has them", **place, error=str(e)[:500])
        return []
