"""`tracker up`: all stages in one process."""

import asyncio
import threading

import typer

from api.app import create_app
from ingest.app import routes
from ingest.ticker import Ticker
from projections.alerts import rules
from projections.alerts.notifier import Notifier
from projections.consume import loop as projection_loop
from projections.consume import setup
from schemas.settings import Settings
from stores.files import open_private_folder
from stores.log.local import LocalLog
from stores.log.open import open_log
from stores.tables.client import ANSWERING, PROJECTING, open_tables
from tracker import access, startup
from tracker.clock import now_ms
from tracker.processes import archive
from tracker.reread import read_again
from tracker.serving import cancel, serve
from tracker.settings import read_settings

app = typer.Typer()


@app.command()
def up() -> None:
    """Run everything in one process: the local log and chDB by default."""
    asyncio.run(run(read_settings()))


async def run(settings: Settings) -> None:
    """All stages in this process, until SIGINT or SIGTERM."""
    alert_rules = rules.load(settings)
    open_private_folder(settings.data)
    event_log, tables = open_log(settings), open_tables(settings, PROJECTING)
    answering = tables if tables.embedded else open_tables(settings, ANSWERING)
    stop = threading.Event()
    if isinstance(event_log, LocalLog):
        await event_log.start()  # another process that holds the file is an error, nothing to wait for
        # It keeps the partitions that it was made with, unless the settings ask for a number.
        partitions = settings.partitions or event_log.partitions
        # The local log admits one process: under one name, so that after a crash nobody waits for the ticks of the last one.
        process = "tracker-up"
    else:
        await startup.wait_for("the log", event_log.start)
        partitions, process = settings.log_partitions, startup.process_name()
    try:
        await startup.wait_for("the topics", lambda: event_log.create_topics(partitions))
        await startup.wait_for("ClickHouse", lambda: asyncio.to_thread(startup.prepare, tables, settings))
        tokens = access.token_list(answering, settings)
        await asyncio.to_thread(tokens.refresh)
        startup.refuse_exposed(tokens, settings)
        publish = projection_loop.publisher(event_log, asyncio.get_running_loop(), stop.wait)
        projector = setup.projector(tables, settings, publish, stop)
        pages = create_app(
            answering,
            event_log,
            settings,
            now_ms,
            extra_routes=routes(event_log, settings, process, now_ms, tokens),
            gate=access.gate(tokens, settings),
            read_again=read_again(settings),
        )
        projecting = asyncio.create_task(projection_loop.run(event_log, projector, settings))
        notifying = asyncio.create_task(Notifier(event_log, tables, settings, alert_rules, now_ms).run())
        async with (
            archive.beside(event_log, settings),
            Ticker(event_log, process, settings.tick_seconds, now_ms),
        ):
            with tokens.refreshing():
                is_open = tokens.current is not None and tokens.current.is_open
                await serve(pages, settings, projecting, banner(settings, is_open))
        await cancel(projecting)
        await cancel(notifying)
    finally:
        await event_log.stop()
        answering.close()
        tables.close()


def banner(settings: Settings, is_open: bool) -> str:
    """What it prints when it is ready; `is_open`: no token has been made."""
    token = "any" if is_open else "trk_…"
    return (
        f"\nRun Tracker is ready at {settings.base_url}\n\n"
        f"Follow a Nextflow run with\n"
        f"    TOWER_ACCESS_TOKEN={token} nextflow run … -with-tower {settings.base_url}\n"
    )
