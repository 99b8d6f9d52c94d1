"""`tracker replay`: projects the whole log again and compares, or exchanges, the tables."""

import asyncio
import sys
import threading
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress

from projections.consume import setup
from projections.replay import compare
from projections.replay import replay as replaying
from schemas.settings import Settings
from schemas.topics import EVENTS, PROJECTOR_GROUP
from stores.log.port import EventLog
from stores.tables.client import Tables
from tracker.offline import report, with_log_and_tables
from tracker.processes import archive
from tracker.settings import read_settings

app = typer.Typer()

#: One that was stopped while its group shared the partitions anew counts until its session is over, which takes 10 s.
_GONE_SECONDS, _LOOK_SECONDS = 15.0, 0.5


@app.command()
def replay(
    exchange: Annotated[
        bool,
        typer.Option(help="Put the rebuilt tables in the place of the live ones; without it, only compare."),
    ] = False,
    source: Annotated[
        Literal["log", "archive"],
        typer.Option("--from", help="The log alone, or the archive as far as it goes and then the log."),
    ] = "log",
) -> None:
    """Project the whole log again into shadow tables and compare. Exit 1 where they differ. No projector may run."""
    settings = read_settings()

    async def work(event_log: EventLog, tables: Tables) -> int:
        await nobody_projects(event_log)
        await asyncio.to_thread(_catch_up, tables, settings)
        bounds = await event_log.bounds(EVENTS)
        acknowledged = await event_log.committed(PROJECTOR_GROUP, EVENTS)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("replaying", total=sum(b.end for b in bounds.values()))
            async with archive.source(event_log, settings, source == "archive") as reader:
                shadow = await replaying.into_shadow(
                    reader, tables, settings, lambda n: progress.advance(task, n), acknowledged
                )
        differences = await asyncio.to_thread(compare.databases, tables, tables.database, shadow.database)
        report(differences, "the rebuilt tables are identical")
        if exchange:
            await nobody_projects(event_log)
            await asyncio.to_thread(replaying.exchange, tables, shadow)
            print("exchanged: the rebuilt tables are live")
        await asyncio.to_thread(shadow.drop_database)
        shadow.close()
        return 1 if differences and not exchange else 0

    sys.exit(with_log_and_tables(settings, work))


async def nobody_projects(event_log: EventLog, seconds: float = _GONE_SECONDS) -> None:
    """Wait at most so long until no projector runs. Raises ReplayRefused."""
    left = asyncio.get_running_loop().time() + seconds
    while readers := await event_log.readers(PROJECTOR_GROUP):
        if asyncio.get_running_loop().time() >= left:
            raise replaying.ReplayRefused(f"{readers} projectors are running: stop them first")
        await asyncio.sleep(_LOOK_SECONDS)


def _catch_up(tables: Tables, settings: Settings) -> None:
    """Refresh the figures that a stopped projector had put off, as its next start would."""
    projector = setup.projector(tables, settings, lambda _topic, _messages: None, threading.Event())
    projector.assign([r["partition"] for r in tables.rows("SELECT partition FROM watermarks FINAL")])
    projector.refresh_all()
