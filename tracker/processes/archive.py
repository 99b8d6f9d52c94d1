"""`tracker archive`: what the log holds goes to S3. Also a task of `tracker up`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import structlog
import typer

from projections.archive.archiver import Archiver
from projections.consume.health import HealthServer
from schemas.settings import Settings
from stores.log.kafka import KafkaLog
from stores.log.open import open_log
from stores.log.port import EventLog, LogReader
from stores.s3.archive import Archive, ArchivedLog, open_archive
from tracker.clock import now_ms
from tracker.errors import NotDone
from tracker.serving import cancel, run_alone
from tracker.settings import read_settings
from tracker.startup import wait_for

log = structlog.get_logger()
app = typer.Typer()


@app.command()
def archive(
    skip_lost: Annotated[
        bool,
        typer.Option(help="Where the log lost messages before they were archived, go on behind the hole."),
    ] = False,
) -> None:
    """Run one archiver: what the log holds goes to S3, an hour at a time (TRACKER_ARCHIVE). `tracker up` does it itself."""
    asyncio.run(run(read_settings(), skip_lost))


def archive_of(settings: Settings) -> Archive:
    """The archive that the settings name. Raises NotDone."""
    archive = open_archive(settings)
    if archive is None:
        raise NotDone("no archive is set: TRACKER_ARCHIVE=s3://BUCKET/PREFIX names one")
    return archive


def archiver(event_log: EventLog, to: Archive, settings: Settings, skip_lost: bool = False) -> Archiver:
    """The archiver of these settings."""
    hours = settings.log_retention_hours
    return Archiver(
        event_log,
        to,
        now_ms,
        trim=event_log if isinstance(event_log, KafkaLog) else None,
        retention_ms=None if hours is None else round(hours * 3_600_000),
        skip_lost=skip_lost,
    )


async def run(settings: Settings, skip_lost: bool) -> None:
    """The archiver alone, until SIGINT or SIGTERM. Beside `tracker up` it reads the local log without writing to it."""
    to = archive_of(settings)
    event_log = open_log(settings, read_only=True)
    health = HealthServer(settings.host, settings.metrics_port)
    health.start()
    await wait_for("the log", event_log.start)
    work = archiver(event_log, to, settings, skip_lost)
    log.info("archiving", to=to.name)
    try:
        await run_alone(work, health)
    finally:
        await event_log.stop()
        to.close()


@asynccontextmanager
async def beside(event_log: EventLog, settings: Settings) -> AsyncIterator[None]:
    """Archives while the block runs, if the settings name an archive. A store that is away holds up nothing else."""
    to = open_archive(settings)
    if to is None:
        yield
        return
    archiving = asyncio.create_task(archiver(event_log, to, settings).run())
    log.info("archiving", to=to.name)
    try:
        yield
    finally:
        await cancel(archiving)
        to.close()


@asynccontextmanager
async def source(event_log: EventLog, settings: Settings, from_archive: bool) -> AsyncIterator[LogReader]:
    """What a replay reads: the log, or the archive and then the log. Raises NotDone."""
    if not from_archive:
        yield event_log
        return
    to = archive_of(settings)
    try:
        yield ArchivedLog(event_log, to)
    finally:
        to.close()
