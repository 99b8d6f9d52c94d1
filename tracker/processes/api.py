"""`tracker api`: the query API with its pages."""

import asyncio

import typer

from api.app import create_app
from api.core.db import Reader
from api.core.probes import TableProbes
from schemas.settings import Settings
from stores.files import open_private_folder
from stores.log.open import open_log
from stores.tables.client import ANSWERING, open_tables
from tracker import access, startup
from tracker.clock import now_ms
from tracker.reread import read_again
from tracker.serving import cancel, probes_apart, serve
from tracker.settings import read_settings_of_stage

app = typer.Typer()


@app.command()
def api() -> None:
    """Run one query API with its pages."""
    asyncio.run(run(read_settings_of_stage("api")))


async def run(settings: Settings) -> None:
    """The query API and the pages alone, until SIGINT or SIGTERM."""
    open_private_folder(settings.data)
    event_log, tables = open_log(settings), open_tables(settings, ANSWERING)
    tokens = access.token_list(tables, settings)
    # Most of what it does needs the tables alone, and probes are to be answered while the log is away.
    opening = asyncio.create_task(startup.wait_for("the log", event_log.start))
    try:
        with tokens.refreshing():
            await startup.until_safe(tokens, settings)
            again, gate = read_again(settings), access.gate(tokens, settings)
            probes = TableProbes(Reader(tables, settings, now_ms), event_log)
            pages = create_app(
                *(tables, event_log, settings, now_ms), read_again=again, gate=gate, table_probes=probes
            )
            async with probes_apart(probes, settings):
                await serve(pages, settings)
    finally:
        await cancel(opening)
        await event_log.stop()
        tables.close()
