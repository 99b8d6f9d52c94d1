"""What an operator does to the tables: migrate, replay, verify."""

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from projections.consume import setup
from projections.project.price_book import price_version
from projections.replay import compare
from projections.replay import replay as replaying
from schemas.settings import Settings
from schemas.topics import EVENTS, PROJECTOR_GROUP
from stores.log.open import open_log
from stores.log.port import Bounds, EventLog, LogUnavailable
from stores.tables import migrate as migrations
from stores.tables.client import Tables, open_tables
from tracker.processes import archive as archiving
from tracker.processes import serve


def migrate(settings: Settings, only_list: bool) -> None:
    """Make topics, tables and prices what this version needs; or only say what is there and what waits."""
    tables = open_tables(settings)
    try:
        if only_list:
            _list(tables)
            return
        asyncio.run(_prepare(settings, tables))
    finally:
        tables.close()


def replay(settings: Settings, exchange: bool, from_archive: bool = False) -> int:
    """Exit code 0 if the rebuilt tables equal the live ones. `exchange` puts them in their place, equal or not.

    `from_archive`: read the archive as far as it goes, and the log from there on.
    """

    async def work(event_log: EventLog, tables: Tables) -> int:
        await _nobody_projects(event_log)
        await asyncio.to_thread(_catch_up, tables, settings)
        bounds = await event_log.bounds(EVENTS)
        acknowledged = await event_log.committed(PROJECTOR_GROUP, EVENTS)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("replaying", total=sum(b.end for b in bounds.values()))
            async with archiving.source(event_log, settings, from_archive) as source:
                shadow = await replaying.into_shadow(
                    source, tables, settings, lambda n: progress.advance(task, n), acknowledged
                )
        found = await asyncio.to_thread(compare.databases, tables, tables.database, shadow.database)
        _tell(found, "the rebuilt tables are identical")
        if exchange:
            await _nobody_projects(event_log)
            await asyncio.to_thread(replaying.exchange, tables, shadow)
            print("exchanged: the rebuilt tables are live")
        await asyncio.to_thread(shadow.drop_database)
        shadow.close()
        return 1 if found and not exchange else 0

    return asyncio.run(_with_log(settings, work))


def verify(settings: Settings) -> int:
    """Exit code 0 if figures equal their tasks and the tables hold the log's messages, else 1, with a list."""

    async def work(event_log: EventLog, tables: Tables) -> int:
        bounds: Mapping[int, Bounds] = await event_log.bounds(EVENTS)
        version = await asyncio.to_thread(price_version, tables)
        found = await asyncio.to_thread(compare.log_and_tables, tables, bounds)
        found += await asyncio.to_thread(compare.figures, tables, version)
        _tell(found, "figures, tables and log agree")
        return 1 if found else 0

    return asyncio.run(_with_log(settings, work))


async def _with_log(settings: Settings, work: Callable[[EventLog, Tables], Awaitable[int]]) -> int:
    """Run with the log and the tables open. The local log admits one process, so beside `tracker up` this fails, saying so."""
    event_log, tables = open_log(settings), open_tables(settings)
    try:
        await event_log.start()
    except LogUnavailable as e:
        hint = "; if `tracker up` runs on it, stop that first" if settings.log == "local" else ""
        raise LogUnavailable(f"{e}{hint}") from e
    try:
        return await work(event_log, tables)
    finally:
        await event_log.stop()
        tables.close()


async def _prepare(settings: Settings, tables: Tables) -> None:
    event_log = open_log(settings)
    await serve.wait_for("the log", event_log.start)
    try:
        await event_log.create_topics(settings.log_partitions)
    finally:
        await event_log.stop()
    applied = await serve.wait_for("ClickHouse", lambda: asyncio.to_thread(serve.prepare, tables, settings))
    print(f"applied {', '.join(applied)}" if applied else "up to date")


async def _nobody_projects(event_log: EventLog) -> None:
    readers = await event_log.readers(PROJECTOR_GROUP)
    if readers:
        raise replaying.ReplayRefused(f"{readers} projectors are running: stop them first")


def _catch_up(tables: Tables, settings: Settings) -> None:
    """Refresh the figures that a stopped projector had put off, as its next start would."""
    projector = setup.projector(tables, settings, lambda _topic, _messages: None, threading.Event())
    projector.assign([r["partition"] for r in tables.rows("SELECT partition FROM watermarks FINAL")])


def _list(tables: Tables) -> None:
    table = Table("migration", "applied")
    for m in migrations.status(tables):
        table.add_row(m.name, f"{m.applied_at:%Y-%m-%d %H:%M:%S} UTC" if m.applied_at else "waits")
    Console().print(table)


def _tell(found: list[compare.Difference], good: str) -> None:
    for difference in found[:100]:
        print(difference)
    if len(found) > 100:
        print(f"… and {len(found) - 100} more")
    print(good if not found else f"{len(found)} differences", file=sys.stderr if found else sys.stdout)
