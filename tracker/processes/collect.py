"""`tracker collect`: a Faust worker that says what runs left behind. As a plain loop also a task of `tracker up`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
import typer

from projections.consume.health import HealthServer
from projections.outputs import loop as collector_loop
from projections.outputs.agents import create_app
from projections.outputs.collector import Collector
from schemas.settings import Settings
from schemas.topics import TRANSITIONS
from stores.log.open import open_log
from stores.log.port import EventLog
from stores.objects.open import ObjectStores
from stores.tables.client import PATIENT, Tables, open_tables
from tracker import faust_worker
from tracker.clock import now_ms
from tracker.errors import NotDone
from tracker.serving import cancel
from tracker.settings import read_settings_of_stage
from tracker.startup import wait_for

log = structlog.get_logger()
app = typer.Typer()


@app.command()
def collect() -> None:
    """Run one collector: what runs left in their output folders is listed when they end. `tracker up` does it itself."""
    run(read_settings_of_stage("collect"))


def has_roots(settings: Settings) -> bool:
    """Whether there is any folder that a collector may read."""
    return bool(settings.roots or settings.s3_folders)


def run(settings: Settings) -> None:
    """One Faust worker, until SIGINT or SIGTERM. Does not return: Faust exits the process.

    Raises NotDone where it may read nothing.
    """
    if not has_roots(settings):
        raise NotDone("no folder may be read: set TRACKER_S3_ROOTS or TRACKER_LOCAL_ROOTS (docs/outputs.md)")
    event_log, tables, stores = open_log(settings), open_tables(settings, PATIENT), ObjectStores(settings)
    health = HealthServer(settings.host, settings.metrics_port)
    health.start()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    async def partitions() -> int:
        # Until the topic is there Faust would look for it only every few minutes.
        await wait_for("the log", event_log.start)
        return len(
            await wait_for("the topics (made by `tracker migrate`)", lambda: event_log.bounds(TRANSITIONS))
        )

    with TemporaryDirectory(prefix="tracker-collect-") as scratch:
        collector = Collector(event_log, tables, stores, settings, now_ms)
        number = loop.run_until_complete(partitions())
        faust_app = create_app(settings, collector, number, event_log, health, Path(scratch))
        log.info("collecting outputs", folders=[*settings.s3_folders, *map(str, settings.roots)])
        faust_worker.execute(faust_app, loop)


@asynccontextmanager
async def beside(event_log: EventLog, tables: Tables, settings: Settings) -> AsyncIterator[None]:
    """Collects while the block runs, if the settings name folders. A store that is away holds up nothing else."""
    if not has_roots(settings):
        yield
        return
    stores = ObjectStores(settings)
    collector = Collector(event_log, tables, stores, settings, now_ms)
    collecting = asyncio.create_task(collector_loop.run(collector, event_log))
    try:
        yield
    finally:
        await cancel(collecting)
        stores.close()
