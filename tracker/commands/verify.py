"""`tracker verify`: do figures, tables and log agree?"""

import asyncio
import sys

import typer

from projections.costs.in_force import price_version
from projections.replay import compare
from schemas.topics import EVENTS
from stores.log.port import EventLog
from stores.tables.client import Tables
from tracker.offline import report, with_log_and_tables
from tracker.settings import read_settings

app = typer.Typer()


@app.command()
def verify() -> None:
    """Check every run's figures against its tasks, and the tables against the log. Exit 1 and a list where they differ."""

    async def work(event_log: EventLog, tables: Tables) -> int:
        projected = await asyncio.to_thread(compare.projected, tables)
        bounds = await event_log.bounds(EVENTS)
        version = await asyncio.to_thread(price_version, tables)
        differences = await asyncio.to_thread(compare.log_and_tables, tables, projected, bounds)
        differences += await asyncio.to_thread(compare.figures, tables, version)
        for name, run_id, missing in await asyncio.to_thread(compare.incomplete, tables):
            typer.echo(
                f"incomplete: {name} ({run_id}): {missing} tasks were not reported one by one; counts are the runner's"
            )
        report(differences, "figures, tables and log agree")
        return 1 if differences else 0

    sys.exit(with_log_and_tables(read_settings(), work))
