"""The archive as a stage: `tracker archive`, or a task of `tracker up`."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from projections.archive.archiver import Archiver
from projections.consume.health import HealthServer
from schemas.settings import Settings
from stores.log.kafka import KafkaLog
from stores.log.open import open_log
from stores.log.port import EventLog, LogReader
from stores.s3.archive import Archive, ArchivedLog, open_archive
from tracker.processes.serve import now_ms, wait_for

log = structlog.get_logger()


class NoArchive(ValueError):
    """The settings name no archive."""


def archive_of(settings: Settings) -> Archive:
    """The archive that the settings name. Raises NoArchive."""
    archive = open_archive(settings)
    if archive is None:
        raise NoArchive("no archive is set: TRACKER_ARCHIVE=s3://BUCKET/PREFIX names one")
    return archive


def archiver(event_log: EventLog, archive: Archive, settings: Settings, skip_lost: bool = False) -> Archiver:
    """The archiver of these settings."""
    hours = settings.log_retention_hours
    return Archiver(
        event_log,
        archive,
        now_ms,
        trim=event_log if isinstance(event_log, KafkaLog) else None,
        retention_ms=None if hours is None else round(hours * 3_600_000),
        skip_lost=skip_lost,
    )


async def run(settings: Settings, skip_lost: bool) -> None:
    """The archiver alone, until SIGINT or SIGTERM. Beside `tracker up` it reads the local log without writing to it."""
    archive = archive_of(settings)
    event_log = open_log(settings, read_only=True)
    health = HealthServer(settings.host, settings.metrics_port)
    health.start()
    await wait_for("the log", event_log.start)
    work = archiver(event_log, archive, settings, skip_lost)
    archiving = asyncio.create_task(work.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, archiving.cancel)
    log.info("archiving", to=archive.name)
    try:
        while not archiving.done():
            await asyncio.wait({archiving}, timeout=1)
            health.ready = work.ready
        with suppress(asyncio.CancelledError):
            await archiving
    finally:
        await event_log.stop()
        archive.close()


@asynccontextmanager
async def beside(event_log: EventLog, settings: Settings) -> AsyncIterator[None]:
    """Archives while the block runs, if the settings name an archive. A store that is away holds up nothing else."""
    archive = open_archive(settings)
    if archive is None:
        yield
        return
    archiving = asyncio.create_task(archiver(event_log, archive, settings).run())
    log.info("archiving", to=archive.name)
    try:
        yield
    finally:
        archiving.cancel()
        with suppress(asyncio.CancelledError):
            await archiving
        archive.close()


@asynccontextmanager
async def source(event_log: EventLog, settings: Settings, from_archive: bool) -> AsyncIterator[LogReader]:
    """What a replay reads: the log, or the archive and then the log. Raises NoArchive."""
    if not from_archive:
        yield event_log
        return
    archive = archive_of(settings)
    try:
        yield ArchivedLog(event_log, archive)
    finally:
        archive.close()
