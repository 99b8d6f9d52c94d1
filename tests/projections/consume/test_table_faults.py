"""ClickHouse down, out of disk, restarting in the middle of an insert, refusing a row: what lands, lands once, and nothing is
acknowledged before it has. Waits are real, but of milliseconds.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from projections.consume import loop
from projections.project import writer
from projections.project.writer import Stopped
from schemas import events as e
from schemas.metrics import ROWS_SET_ASIDE
from schemas.settings import Settings
from schemas.topics import DEAD_LETTERS, EVENTS, PROJECTOR_GROUP
from stores.log.local import LocalLog
from stores.log.port import Record
from stores.tables.client import Tables, TablesUnavailable
from tests.support.projection import T0, History, task
from tests.support.reference.compare import differences
from tests.support.reference.reducer import reduce
from tests.support.table_faults import LIMITS, Watched, history, projector

pytestmark = pytest.mark.each_store

Fault = Callable[[Callable[[], None]], None]


def down(_: Callable[[], None]) -> None:
    raise TablesUnavailable("connection refused")


def restarts_after_the_insert(insert: Callable[[], None]) -> None:
    """It is written, but the answer never comes."""
    insert()
    raise TablesUnavailable("connection reset by peer")


def no_space(_: Callable[[], None]) -> None:
    raise DatabaseError(
        "HTTPDriver: Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)"
    )


def memory_limit(_: Callable[[], None]) -> None:
    raise DatabaseError("Code: 241. DB::Exception: (total) memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)")


class Shaky(Tables):
    """Other tables, whose inserts into each table fail so often before they succeed."""

    def __init__(self, tables: Tables, fault: Fault, times: int) -> None:
        self.__dict__.update(tables.__dict__)
        self.fault, self.times = fault, times
        self.left: dict[str, int] = {}
        self.largest = 0

    def insert(self, table: str, rows: bytes) -> None:
        left = self.left.setdefault(table, self.times)
        self.largest = max(self.largest, len(rows))
        if left:
            self.left[table] = left - 1
            self.fault(lambda: super(Shaky, self).insert(table, rows))
        else:
            super().insert(table, rows)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_FIRST_WAIT_SECONDS", 0.001)


@pytest.mark.parametrize("fault", [down, restarts_after_the_insert, no_space, memory_limit])
def test_every_table_fails_and_all_lands_once(tables: Tables, fault: Fault) -> None:
    h, shaky = history(), Shaky(tables, fault, 3)
    worker = projector(shaky)
    for at in range(0, len(h.records), 7):
        worker.project(h.records[at : at + 7])
    worker.refresh_all()
    assert differences(tables, reduce(h.messages, LIMITS, lambda _: 0), LIMITS) == []
    assert set(shaky.left) >= {
        "tasks",
        "runs",
        "dead_letters",
        "notes",
        "alert_acts",
        "spools",
        "events",
        "watermarks",
    }
    assert not any(shaky.left.values()) and not worker.writer.waiting


def test_a_disk_that_is_full_is_waited_for(own_tables: Tables) -> None:
    """The server itself refuses, with the error that it has for it."""
    h = history()
    own_tables.command(
        "ALTER TABLE tasks MODIFY SETTING min_free_disk_bytes_to_perform_insert = 9000000000000000000"
    )
    stop = Watched()
    worker = projector(own_tables, stop)
    working = threading.Thread(target=worker.project, args=(h.records,))
    working.start()
    try:
        assert stop.waited.wait(30) and worker.writer.waiting
        assert own_tables.value("SELECT count() FROM tasks") == 0
        assert own_tables.value("SELECT count() FROM events WHERE outcome != 'clock'") == 0
        own_tables.command("ALTER TABLE tasks RESET SETTING min_free_disk_bytes_to_perform_insert")
        working.join(30)
    finally:
        stop.set()
        working.join()
    worker.writer.stop.clear()
    worker.refresh_all()
    assert differences(own_tables, reduce(h.messages, LIMITS, lambda _: 0), LIMITS) == []


def bad(h: History, partition: int = 0) -> Record:
    """A message whose one task record no table takes."""
    m = h.say("run0", e.TasksChanged(instant=T0 + 2), task("run0", 9, "running"))
    record = h.records[-1]
    value = record.value.replace(b'"task_id":9', b'"task_id":"nine"')
    assert value != record.value and m.offset == record.offset
    return Record(partition, record.offset, record.appended_at, record.key, record.type, value)


def test_one_bad_row_goes_to_the_dead_letters_and_the_rest_lands(tables: Tables) -> None:
    h = history()
    wrong = bad(h)
    h.say("run1", e.TasksChanged(instant=T0 + 3), task("run1", 7, "succeeded"))
    records = [wrong if r.offset == wrong.offset else r for r in h.records]
    published: list[tuple[str, bytes]] = []
    worker = projector(Shaky(tables, restarts_after_the_insert, 2))
    worker.publish = lambda topic, told: published.extend((topic, v) for _, v in told)
    before = ROWS_SET_ASIDE.labels("tasks")._value.get()
    for _ in range(2):  # a restart before the acknowledgement
        worker.project(records)
    assert tables.value("SELECT count() FROM tasks FINAL") == 13
    [row] = tables.rows("SELECT * FROM dead_letters FINAL WHERE part = 'tasks'")
    assert (row["run_id"], row["offset"], row["type"]) == ("run0", wrong.offset, "tasks.changed")
    assert "nine" in row["reason"] or "parse" in row["reason"].lower()
    assert tables.value("SELECT count() FROM events FINAL") == len(records)
    told = [json.loads(v) for topic, v in published if topic == DEAD_LETTERS and b'"part":"tasks"' in v]
    assert {t["offset"] for t in told} == {wrong.offset}, "the notifier hears of it"
    assert ROWS_SET_ASIDE.labels("tasks")._value.get() == before + 2


def test_a_batch_is_written_in_pieces_of_bounded_size(tables: Tables) -> None:
    h = History()
    h.tick()
    for n in range(40):
        h.say("run", e.TasksChanged(instant=T0 + n), task("run", n, "running", script="x" * 10_000))
    h.wait(10_000)
    shaky = Shaky(tables, down, 0)
    projector(shaky, write_batch_bytes=50_000).project(h.records)
    assert 10_000 < shaky.largest < 80_000
    assert tables.value("SELECT count() FROM tasks FINAL") == 40
    assert tables.value("SELECT uniqExact(offset) FROM events") == len(h.records)


def test_sigterm_acknowledges_only_what_is_written(tables: Tables, tmp_path: Path) -> None:
    """ClickHouse goes away in the second batch; the process is told to stop; the next one finds the rest."""
    written = threading.Event()

    class GoesAway(Shaky):
        def insert(self, table: str, rows: bytes) -> None:
            if self.times and table == "events" and tables.value("SELECT count() FROM events") >= 4:
                written.set()
                raise TablesUnavailable("away")
            super(Shaky, self).insert(table, rows)

    async def scene() -> tuple[dict[int, int], dict[int, int]]:
        log = LocalLog(tmp_path / "log.sqlite", 1)
        await log.start()
        for record in history().records[:12]:
            await log.append(EVENTS, record.key, record.type, record.value, 0)
        shaky = GoesAway(tables, down, 1)
        settings = Settings(batch_events=4)
        running = asyncio.create_task(loop.run(log, projector(shaky), settings))
        assert await asyncio.to_thread(written.wait, 30)
        running.cancel()
        results: Sequence[Any] = await asyncio.gather(running, return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError)
        first = dict(await log.committed(PROJECTOR_GROUP, EVENTS))
        shaky.times = 0
        again = asyncio.create_task(loop.run(log, projector(shaky), settings))
        async with asyncio.timeout(30):
            while (await log.committed(PROJECTOR_GROUP, EVENTS)).get(0, 0) < 12:
                await asyncio.sleep(0.01)
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)
        last = dict(await log.committed(PROJECTOR_GROUP, EVENTS))
        await log.stop()
        return first, last

    first, last = asyncio.run(scene())
    assert (first, last) == ({0: 4}, {0: 12})
    assert (
        tables.value("SELECT uniqExact(offset) FROM events")
        == 12
        == tables.value("SELECT count() FROM events FINAL")
    )


def test_a_stop_in_an_outage_ends_the_projector_with_nothing_acknowledged(tables: Tables) -> None:
    h, stop = history(), threading.Event()
    worker = projector(Shaky(tables, down, 10**9), stop)
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(Stopped):
        worker.project(h.records)
