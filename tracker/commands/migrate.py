"""`tracker migrate`: makes topics and tables what this version needs."""

import asyncio
from typing import Annotated

import typer

from schemas.settings import Settings
from stores.log.open import open_log
from stores.tables import migrate as migrations
from stores.tables.client import Tables, open_tables
from tracker import printing, startup
from tracker.settings import read_settings

app = typer.Typer()


@app.command()
def migrate(
    dry_run: Annotated[bool, typer.Option(help="Say what would be applied, change nothing.")] = False,
    show: Annotated[
        bool, typer.Option("--list", help="List every migration and when it was applied.")
    ] = False,
    cluster: Annotated[
        str,
        typer.Option(help="Make the tables on each replica of this cluster of ClickHouse (docs/scaling.md)."),
    ] = "",
) -> None:
    """Make the topics and the tables, or bring them up to this version; put the price book in force."""
    settings = read_settings()
    tables = open_tables(settings)
    try:
        if dry_run or show:
            _list(tables, cluster)
        else:
            asyncio.run(_apply(settings, tables, cluster))
    finally:
        tables.close()


async def _apply(settings: Settings, tables: Tables, cluster: str) -> None:
    event_log = open_log(settings)
    await startup.wait_for("the log", event_log.start)
    try:
        await event_log.create_topics(settings.log_partitions)
    finally:
        await event_log.stop()
    applied = await startup.wait_for(
        "ClickHouse", lambda: asyncio.to_thread(startup.prepare, tables, settings, cluster)
    )
    print(f"applied {', '.join(applied)}" if applied else "up to date")


def _list(tables: Tables, cluster: str) -> None:
    rows = [
        (m.name, f"{m.applied_at:%Y-%m-%d %H:%M:%S} UTC" if m.applied_at else "waits")
        for m in migrations.status(tables, cluster)
    ]
    printing.print_table(("migration", "applied"), rows)
