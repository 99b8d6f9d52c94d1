"""`tracker collect`: says what runs left behind. Also a task of `tracker up`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
import typer

from projections.consume.health import HealthServer
from projections.outputs.collector import Collector
from schemas.settings import Settings
from stores.log.open import open_log
from stores.log.port import EventLog
from stores.objects.open import ObjectStores
from stores.tables.client import PATIENT, Tables, open_tables
from tracker.clock import now_ms
from tracker.errors import NotDone
from tracker.serving import cancel, run_alone
from tracker.settings import read_settings_of_stage
from tracker.startup import wait_for

log = structlog.get_logger()
app = typer.Typer()


@app.command()
def collect() -> None:
    """Run one collector: what runs left in their output folders is listed when they end. `tracker up` does it itself."""
    asyncio.run(run(read_settings_of_stage("collect")))


def has_roots(settings: Settings) -> bool:
    """Whether there is any folder that a collector may read."""
    return bool(settings.roots or settings.s3_folders)


async def run(settings: Settings) -> None:
    """The collector alone, until SIGINT or SIGTERM. Raises NotDone where it may read nothing."""
    if not has_roots(settings):
        raise NotDone("no folder may be read: set TRACKER_S3_ROOTS or TRACKER_LOCAL_ROOTS (docs/outputs.md)")
    event_log, tables, stores = open_log(settings), open_tables(settings, PATIENT), ObjectStores(settings)
    health = HealthServer(settings.host, settings.metrics_port)
    health.start()
    await wait_for("the log", event_log.start)
    work = Collector(event_log, tables, stores, settings, now_ms)
    log.info("collecting outputs", folders=[*settings.s3_folders, *map(str, settings.roots)])
    try:
        await run_alone(work, health)
    finally:
        await event_log.stop()
        tables.close()
        stores.close()


@asynccontextmanager
async def beside(event_log: EventLog, tables: Tables, settings: Settings) -> AsyncIterator[None]:
    """Collects while the block runs, if the settings name folders. A store that is away holds up nothing else."""
    if not has_roots(settings):
        yield
        return
    stores = ObjectStores(settings)
    collecting = asyncio.create_task(Collector(event_log, tables, stores, settings, now_ms).run())
    try:
        yield
    finally:
        await cancel(collecting)
        stores.close()
