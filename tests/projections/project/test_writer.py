"""The writer: waits while ClickHouse is away, sets aside the row that it calls wrong, lets the rest land."""

import threading
from typing import Any

import pytest

from projections.project.event_rows import EventRows
from projections.project.writer import Stopped, Writer
from stores.log.port import Record
from stores.tables.client import Tables, TablesUnavailable

pytestmark = pytest.mark.each_store


def _rows(offset: int, tasks: bytes) -> EventRows:
    record = Record(0, offset, 1_790_000_000_000, "r", "tasks.changed", b"")
    event = f'{{"partition":0,"type":"tasks.changed","offset":{offset},"outcome":"projected"}}'.encode()
    return EventRows(record, None, 0, run_id="r", tasks=tasks, events=event)


def test_a_wrong_row_is_set_aside_and_the_others_land(tables: Tables) -> None:
    good = [_rows(n, f'{{"run_id":"r","task_id":{n},"status":"running"}}'.encode()) for n in range(9)]
    bad = _rows(9, b'{"run_id":"r","task_id":"nine","status":"running"}')
    Writer(tables, threading.Event()).insert([*good[:4], bad, *good[4:]])
    assert tables.value("SELECT count() FROM tasks FINAL") == 9
    [letter] = tables.rows("SELECT offset, part, reason FROM dead_letters FINAL")
    assert (letter["offset"], letter["part"]) == (9, "tasks")
    assert "nine" in letter["reason"] or "parse" in letter["reason"].lower()
    assert tables.value("SELECT count() FROM events FINAL") == 10


def test_dead_letters_that_are_refused_end_nothing(tables: Tables) -> None:
    rows = _rows(0, b"")
    rows.dead_letters = b'{"partition":0,"offset":"nine","part":"p","reason":"why"}'
    assert Writer(tables, threading.Event()).insert([rows, _rows(1, b"")]) == []
    assert tables.value("SELECT count() FROM dead_letters") == 0
    assert tables.value("SELECT count() FROM events FINAL") == 2


class _Away(Tables):
    """Tables that do not answer the first `times` calls."""

    def __init__(self, tables: Tables, times: int, stop: threading.Event) -> None:
        super().__init__(tables.target, tables.path, tables.database)
        self.times, self.calls, self.stop = times, 0, stop

    def insert(self, table: str, rows: bytes) -> None:
        self.calls += 1
        if self.calls <= self.times:
            raise TablesUnavailable("away")
        super().insert(table, rows)


def test_it_tries_until_clickhouse_is_back(tables: Tables) -> None:
    away = _Away(tables, 2, threading.Event())
    writer = Writer(away, away.stop)
    writer.insert([_rows(0, b'{"run_id":"r","task_id":1,"status":"running"}')])
    assert tables.value("SELECT count() FROM tasks") == 1
    assert not writer.waiting
    away.close()


def test_a_stop_ends_the_endless_tries() -> None:
    class StopSoon(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            self.set()
            return True

    def away() -> Any:
        raise TablesUnavailable("away")

    with pytest.raises(Stopped):
        Writer(Tables("chdb", None), StopSoon()).retrying("test", away)  # type: ignore[arg-type]


def test_no_server_is_unavailable() -> None:
    nobody = Tables("http://default@127.0.0.1:9/x", None)  # type: ignore[arg-type]
    with pytest.raises(TablesUnavailable):
        nobody.command("SELECT 1")
    assert not nobody.ping()
