"""Verify and replay: they agree with what was projected, and find what was changed behind the projector's back."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from projections.consume import setup
from projections.costs.in_force import price_version
from projections.replay import compare, replay
from schemas.events import (
    Completed,
    Created,
    RunCompleted,
    RunCreated,
    TaskRecord,
    TasksChanged,
    TasksChangedEvent,
)
from schemas.settings import Settings
from schemas.statuses import ReportedState, TaskStatus
from schemas.topics import EVENTS, PROJECTOR_GROUP
from schemas.wire import encode
from stores.log.local import LocalLog
from stores.log.port import Record
from stores.tables.client import Tables

pytestmark = pytest.mark.each_store

T0 = 1_790_000_000_000
SETTINGS = Settings()


async def _fill(log: LocalLog) -> None:
    for n in range(4):
        run = f"run{n}"
        created = RunCreated(
            id=f"{n:032x}", source="t", run_id=run, received_at=T0, data=Created(name=run, instant=T0)
        )
        await log.append(EVENTS, run, created.type, encode(created))
        tasks = [
            TaskRecord(
                run_id=run, task_id=t, status=TaskStatus.RUNNING, process=f"P{t % 2}", started_at=T0 / 1000
            )
            for t in range(5)
        ]
        changed = TasksChangedEvent(
            id=f"{n + 50:032x}", source="t", run_id=run, received_at=T0, data=TasksChanged(instant=T0 + 1)
        )
        await log.append(EVENTS, run, changed.type, encode(changed, tasks))
    done = RunCompleted(
        id="f" * 32,
        source="t",
        run_id="run0",
        received_at=T0,
        data=Completed(state=ReportedState.FAILED, instant=T0 + 2),
    )
    await log.append(EVENTS, "run0", done.type, encode(done))
    await log.append(EVENTS, "", "?", b"not an event")


async def _records(log: LocalLog) -> list[Record]:
    found: list[Record] = []
    for partition, bounds in (await log.bounds(EVENTS)).items():
        async for chunk in log.read(EVENTS, partition, bounds.first, bounds.end):
            found += chunk
    return found


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LocalLog]:
    yield LocalLog(tmp_path / "log.sqlite", partitions=2)


def _project(tables: Tables, records: Sequence[Record]) -> None:
    projector = setup.projector(tables, SETTINGS, lambda _topic, _messages: None, threading.Event())
    projector.assign([0, 1])
    projector.project(records)
    projector.refresh_all()


async def _projected(log: LocalLog, tables: Tables) -> None:
    await log.start()
    await _fill(log)
    _project(tables, await _records(log))


def test_verify_agrees_and_finds_each_change(log: LocalLog, tables: Tables) -> None:
    async def work() -> None:
        await log.start()
        await _fill(log)
        records = await _records(log)
        _project(tables, records[:-1])
        before = compare.projected(tables)
        _project(tables, records[-1:])  # it goes on while it is looked at
        bounds = await log.bounds(EVENTS)
        await log.stop()
        assert compare.log_and_tables(tables, before, bounds) == []
        projected = compare.projected(tables)
        assert compare.log_and_tables(tables, projected, bounds) == []
        assert compare.figures(tables, price_version(tables)) == []

        tables.insert("tasks", b'{"run_id":"run1","task_id":3,"status":"failed","process":"P1"}')
        found = compare.figures(tables, price_version(tables))
        assert [d.where for d in found] == ["run_processes run1 P1", "run_figures run1"]
        assert "failed is 0, its tasks say 1" in found[0].what

        tables.command("ALTER TABLE events DELETE WHERE offset = 1 SETTINGS mutations_sync = 2")
        [lost] = compare.log_and_tables(
            tables, projected, bounds
        )  # run0's partition has one message, at offset 0
        assert lost.what == "8 messages in events between offsets 0 and 8"
        shorter = {p: type(b)(0, b.end - 1) for p, b in bounds.items()}
        assert any(
            "but the log ends at" in str(d) for d in compare.log_and_tables(tables, projected, shorter)
        )

    asyncio.run(work())


def test_replay_makes_identical_tables_and_finds_what_differs(log: LocalLog, tables: Tables) -> None:
    async def work() -> None:
        await _projected(log, tables)
        told: list[int] = []
        shadow = await replay.into_shadow(log, tables, SETTINGS, told.append)
        assert sum(told) == 10
        assert compare.databases(tables, tables.database, shadow.database) == []

        tables.insert("transitions", b'{"run_id":"run1","offset":7,"to_status":"made up"}')
        [found] = compare.databases(tables, tables.database, shadow.database)
        assert found.where == "transitions" and "made up" in found.what

        replay.exchange(tables, shadow)
        assert tables.value("SELECT count() FROM transitions WHERE to_status = 'made up'") == 0
        assert shadow.value("SELECT count() FROM transitions WHERE to_status = 'made up'") == 1
        assert tables.value("SELECT count() FROM tasks FINAL") == 20
        shadow.drop_database()
        shadow.close()
        await log.stop()

    asyncio.run(work())


def test_replay_refuses_a_log_that_is_not_the_one(log: LocalLog, tables: Tables) -> None:
    async def work() -> None:
        await log.start()
        tables.insert("watermarks", b'{"partition":0,"offset":5,"appended_at":"2026-01-01T00:00:00Z"}')
        with pytest.raises(replay.ReplayRefused, match="right log"):
            await replay.into_shadow(log, tables, SETTINGS, lambda _: None)
        assert await log.readers(PROJECTOR_GROUP) == 0
        await log.stop()

    asyncio.run(work())
