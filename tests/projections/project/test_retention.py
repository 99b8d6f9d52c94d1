"""Keeping: what was over long ago leaves the tables, nothing else does, the books stay, and a replay does not bring it back."""

import asyncio
import threading
from pathlib import Path

import pytest

from projections.consume import setup
from projections.costs.in_force import price_version
from projections.project import retention
from projections.project.retention import DAY_MS, RetentionSchedule, expire, expire_all
from projections.replay import compare, replay
from schemas import events as e
from schemas.settings import Settings
from schemas.statuses import ReportedState
from schemas.topics import EVENTS
from stores.log.local import LocalLog
from stores.tables.client import Tables
from tests.support.projection import T0, History, Stage, task
from tests.support.reference.reducer import Limits

pytestmark = pytest.mark.each_store

LIMITS = Limits(180_000, 360_000, 300_000)
HOUR = 3_600_000
DONE = e.Completed(state=ReportedState.SUCCEEDED, instant=T0)
OF_RUNS = ("tasks", "run_processes", "run_figures", "transitions", "notes", "dead_letters", "runs")


def say_all(h: History, run: str, over: bool = True) -> None:
    h.say(run, e.Created(name=run, instant=T0))
    h.say(run, e.TasksChanged(instant=T0), task(run, 1, "succeeded", process="P"))
    h.say(run, e.Note(note_id="1", text="why"))
    h.say(run, e.Unreadable(reason="?", request="PUT", raw=""))
    if over:
        h.say(run, DONE)


def runs(tables: Tables, table: str = "runs") -> set[str]:
    return {r["run_id"] for r in tables.rows(f"SELECT DISTINCT run_id FROM {table}")}


@pytest.mark.parametrize("days", [0.0, 2.0])
def test_what_was_over_long_ago_leaves_every_table_and_the_rest_stays(tables: Tables, days: float) -> None:
    stage = Stage(tables, LIMITS)
    stage.projector.retention = RetentionSchedule(days)
    h = stage.history
    h.tick(interval_ms=HOUR)
    say_all(h, "old")
    say_all(h, "open", over=False)
    h.wait(DAY_MS, interval_ms=HOUR)
    say_all(h, "young")
    h.wait(DAY_MS + 2 * HOUR, interval_ms=HOUR)
    stage.project(5)
    for table in OF_RUNS:
        assert runs(tables, table) == {"open", "young"} | ({"old"} if days == 0 else set()), table
    assert tables.value("SELECT uniqExact(offset) FROM events") == len(h.messages), "the books stay"
    assert compare.figures(tables, 0) == []
    h.say("old", e.Heartbeat())
    h.wait(HOUR, interval_ms=HOUR)
    stage.project()
    assert "old" in runs(tables)


def test_it_goes_by_few_at_a_time_by_the_ms_and_by_partition(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "RUNS_AT_ONCE", 2)
    stage = Stage(tables, LIMITS, partitions=2)
    for n in range(5):
        stage.history.say(f"r{n}", DONE, partition=n % 2)
    stage.history.tick()
    stage.project()
    assert expire(tables, T0) == 0, "not earlier than said"
    assert expire(tables, T0 + 1, [1]) == 2 and runs(tables) == {"r0", "r2", "r4"}
    assert expire(tables, T0 + 1, [1]) == 0
    assert expire_all(tables, T0 + 1) == 3 and runs(tables) == set()


def test_a_projector_looks_hourly_and_sooner_while_there_are_more() -> None:
    schedule = RetentionSchedule(1)
    assert schedule.before(T0) == T0 - DAY_MS
    schedule.looked(T0, 3)
    assert schedule.before(T0 + HOUR - 1) is None and schedule.before(T0 + HOUR) == T0 + HOUR - DAY_MS
    schedule.looked(T0, retention.RUNS_AT_ONCE)
    assert schedule.before(T0 + 9_999) is None and schedule.before(T0 + 10_000) is not None
    assert RetentionSchedule(0).before(T0) is None


def test_a_replay_does_not_bring_them_back(tables: Tables, tmp_path: Path) -> None:
    h, settings = History(), Settings(keep_runs_days=1)
    say_all(h, "old")
    h.wait(2 * DAY_MS, interval_ms=HOUR)
    say_all(h, "young")

    async def work() -> None:
        now = T0
        log = LocalLog(tmp_path / "log.sqlite", 1, clock=lambda: now)
        await log.start()
        for record in h.records:
            now = record.appended_at
            await log.append(EVENTS, record.key, record.type, record.value, 0)
        records = [r async for chunk in log.read(EVENTS, 0, 0, len(h.records)) for r in chunk]
        live = setup.projector(tables, settings, lambda *_: None, threading.Event())
        live.assign([0])
        live.project(records)
        live.refresh_all()
        assert runs(tables) == {"young"}
        shadow = await replay.into_shadow(log, tables, settings, lambda _: None)
        assert compare.databases(tables, tables.database, shadow.database) == []
        assert compare.log_and_tables(tables, compare.projected(tables), await log.bounds(EVENTS)) == []
        assert compare.figures(tables, price_version(tables)) == []
        shadow.drop_database()
        shadow.close()
        await log.stop()

    asyncio.run(work())
