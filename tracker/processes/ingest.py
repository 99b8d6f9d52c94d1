"""`tracker ingest`: HTTP in, events on the log."""

import asyncio
import socket

import typer

from ingest.app import create_app
from ingest.owners import RunOwners, reading
from ingest.probes import LogProbes
from schemas.metrics import INGEST_SPOOL_BYTES, INGEST_SPOOL_REFUSED, INGEST_SPOOLED
from schemas.settings import Settings
from stores.files import open_private_folder
from stores.log.open import open_log
from stores.spool.spool import SpooledLog
from stores.tables.client import ANSWERING, open_tables
from tracker import access, startup
from tracker.clock import now_ms
from tracker.serving import probes_apart, serve
from tracker.settings import read_settings_of_stage

app = typer.Typer()


@app.command()
def ingest() -> None:
    """Run one ingest process: HTTP in, events on the log."""
    asyncio.run(run(read_settings_of_stage("ingest")))


async def run(settings: Settings) -> None:
    """The ingest stage alone, until SIGINT or SIGTERM."""
    open_private_folder(settings.data)
    # By port: processes that share a host have spools of their own, and a restart finds its own again.
    folder = settings.data / f"spool-{settings.port}"
    event_log = SpooledLog(
        open_log(settings), folder, settings.spool_bytes, name=f"{socket.gethostname()}/{folder.name}"
    )
    INGEST_SPOOLED.set_function(lambda: event_log.spooled)
    INGEST_SPOOL_BYTES.set_function(lambda: event_log.spooled_bytes)
    INGEST_SPOOL_REFUSED.set_function(lambda: event_log.refused)
    tables = open_tables(settings, ANSWERING)
    tokens = access.token_list(tables, settings)
    await event_log.start()
    try:
        with tokens.refreshing():
            await startup.until_safe(tokens, settings)
            owners, probes = RunOwners(reading(tables)), LogProbes(event_log, tokens)
            async with probes_apart(probes, settings):
                name = startup.process_name()
                await serve(create_app(event_log, settings, name, now_ms, tokens, owners, probes), settings)
    finally:
        await event_log.stop()
        tables.close()
