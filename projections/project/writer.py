"""Rows → tables, until they are written: retries while ClickHouse is away, sets a row aside that it calls wrong."""

import threading
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError

from projections.project.event_rows import Said, dead_letter
from schemas.metrics import INSERT_SECONDS, PROJECTED_EVENTS, ROWS_SET_ASIDE
from stores.tables.client import Tables, TablesUnavailable, blames_data

log = structlog.get_logger()
T = TypeVar("T")

_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 5.0

#: In this order: what a run's figures are made of comes first, what says that a message is projected comes last.
_TABLES = ("tasks", "runs", "dead_letters", "notes", "alert_acts", "spools", "letter_replays", "events")


class Stopped(Exception):
    """The process is stopping while ClickHouse is away; what was not written is not acknowledged."""


@dataclass(slots=True)
class Writer:
    """Writes batches. `stop` ends the endless retries; `waiting` says that it is in one."""

    tables: Tables
    stop: threading.Event
    waiting: bool = False

    def insert(self, batch: Sequence[Said]) -> list[tuple[Said, bytes]]:
        """Insert all rows of the batch. Every table takes the same row twice without harm. Raises Stopped.

        The dead letters of what ClickHouse called wrong, which are inserted too.
        """
        refused: list[tuple[Said, bytes]] = []
        for table in _TABLES:
            parts = [(s, part) for s in batch if (part := getattr(s, table))]
            refused += self._insert_parts(table, parts)
        for said in batch:
            PROJECTED_EVENTS.labels(said.outcome).inc()
        return refused

    def steadily(self, what: str, call: Callable[[], T]) -> T:
        """The call's result, tried again while ClickHouse cannot do it. Raises Stopped, or ClickHouseError for wrong data."""
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

    def _insert_parts(self, table: str, parts: Sequence[tuple[Said, bytes]]) -> list[tuple[Said, bytes]]:
        """Insert; if ClickHouse calls a row wrong, halve until the bad message stands alone, and set that one aside."""
        if not parts:
            return []
        try:
            self.steadily(f"insert into {table}", lambda: self._insert(table, [part for _, part in parts]))
        except ClickHouseError as e:
            if len(parts) > 1:
                middle = len(parts) // 2
                return self._insert_parts(table, parts[:middle]) + self._insert_parts(table, parts[middle:])
            [(said, part)] = parts
            if table == "dead_letters":
                raise  # a dead letter is made of strings alone: this is a bug, and the log keeps the message
            log.error(
                "row set aside",
                table=table,
                partition=said.record.partition,
                offset=said.record.offset,
                error=str(e)[:500],
            )
            raw = b64encode(part[:1_000_000]).decode()
            letter = dead_letter(said.record, said.event, table, said.record.type, str(e)[:2000], "", raw)
            self._insert_parts("dead_letters", [(said, letter)])
            ROWS_SET_ASIDE.labels(table).inc()
            return [(said, letter)]
        return []
