"""Fills the tables with very many runs, as the projector would leave them: what runners said by INSERT … SELECT, the figures by
the real refresh, and the last transition of each run."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from projections.costs.in_force import price_version
from projections.hosts.sharing import HostShares
from projections.project.refresh import refresh
from projections.project.writer import Writer
from schemas.settings import Settings
from schemas.sql import sql
from stores.tables.client import Tables, open_tables
from tracker.startup import prepare

LIVE_RUNS = 20
_DAYS = 90
_OPEN_TASKS = 300
_HOUR_MS = 3_600_000
#: Their ids stand in the statement, and a ClickHouse server takes no parameter of more than 128 KiB.
_REFRESHED_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Filled:
    """What lies in the tables. `giant` (over) and `live_giant`: ids of the two runs with very many tasks."""

    giant: str
    live_giant: str
    runs: int
    tasks: int
    seconds: float


def fill(settings: Settings, runs: int, giant_tasks: int) -> Filled:
    """Fill the tables that the settings name; they must be empty, and chDB must be nobody else's."""
    began, now_ms = time.monotonic(), time.time_ns() // 1_000_000
    with _empty(settings) as tables:
        small = {"runs": runs, "now_ms": now_ms, "days": _DAYS, "live": LIVE_RUNS}
        tables.command(sql("bench/sql/runs"), **small)
        _tasks(tables, "small_tasks", **small)
        giant = _giant(tables, "giant_hopper", giant_tasks, 24, now_ms, live=False)
        live_giant = _giant(tables, "restless_turing", giant_tasks, 12, now_ms, live=True)
        _refresh(tables)
        tables.command(sql("bench/sql/transitions"))
        [told] = tables.rows("SELECT count() AS runs, sum(tasks) AS tasks FROM run_figures FINAL")
    return Filled(giant, live_giant, told["runs"], told["tasks"], time.monotonic() - began)


def fill_giant(settings: Settings, tasks: int) -> str:
    """Fill the tables with one live run of so many tasks; its id."""
    with _empty(settings) as tables:
        run_id = _giant(tables, "restless_turing", tasks, 12, time.time_ns() // 1_000_000, live=True)
        _refresh(tables)
        tables.command(sql("bench/sql/transitions"))
    return run_id


def fill_runs(settings: Settings, runs: int, live: int, tasks: bool = False) -> None:
    """Fill the tables with runs and their figures, as `fill`, but those are made up, so that a million take a minute; with their
    tasks, if asked, some more.
    """
    said = {"runs": runs, "now_ms": time.time_ns() // 1_000_000, "days": _DAYS, "live": live}
    with _empty(settings) as tables:
        tables.command(sql("bench/sql/runs"), **said)
        if tasks:
            _tasks(tables, "small_tasks", **said)
        tables.command(sql("bench/sql/figures"), price_version=price_version(tables))
        tables.command(sql("projections/project/list_all"))
        tables.command(sql("bench/sql/transitions"))


@contextmanager
def _empty(settings: Settings) -> Iterator[Tables]:
    """The tables that the settings name, made, and closed at the end."""
    settings.data.mkdir(parents=True, exist_ok=True)
    tables = open_tables(settings)
    try:
        prepare(tables, settings)
        yield tables
    finally:
        tables.close()


def _giant(tables: Tables, name: str, tasks: int, hours: int, now_ms: int, live: bool) -> str:
    """A run of so many tasks that began so many hours ago; its id."""
    start_ms = now_ms - hours * _HOUR_MS
    run_id = f"{start_ms:x}giant"
    said = {"run_id": run_id, "start_ms": start_ms}
    tables.command(sql("bench/sql/giant_run"), **said, name=name, live=int(live), now_ms=now_ms)
    _tasks(tables, "giant_tasks", **said, tasks=tasks, open=_OPEN_TASKS if live else 0)
    return run_id


def _tasks(tables: Tables, said: str, **parameters: object) -> None:
    rows = sql(f"bench/sql/{said}")
    tables.command(sql("bench/sql/tasks").replace("(${said})", f"(\n{rows})"), **parameters)


def _refresh(tables: Tables) -> None:
    """The figures of every run, by the projector's own statements."""
    writer, version = Writer(tables, threading.Event()), price_version(tables)
    shares = HostShares(tables, writer.retrying)
    ids = [r["run_id"] for r in tables.rows("SELECT run_id FROM runs FINAL ORDER BY run_id")]
    for start in range(0, len(ids), _REFRESHED_AT_ONCE):
        refresh(writer, dict.fromkeys(ids[start : start + _REFRESHED_AT_ONCE], 0), version, shares)
