"""The plain loop that reads the local log and calls the projector: what a Faust agent does where the log is Kafka."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from projections.projector import Projector
from projections.sweep import Publish
from projections.writer import Stopped
from schemas.settings import Settings
from schemas.topics import EVENTS, PROJECTOR_GROUP
from stores.log import EventLog, LogUnavailable

log = structlog.get_logger()

_RETRY_SECONDS = 1.0


def publisher(event_log: EventLog, loop: asyncio.AbstractEventLoop, stop: Callable[[float], bool]) -> Publish:
    """A `Publish` for the projector's thread: appends through the log's event loop, again until it is durable.

    `stop(seconds)` waits and says whether the process is stopping. The publish raises Stopped then.
    """

    def publish(topic: str, messages: Sequence[tuple[str, bytes]]) -> None:
        async def append_all() -> None:
            await asyncio.gather(*(event_log.append(topic, key, topic, value) for key, value in messages))

        while True:
            try:
                asyncio.run_coroutine_threadsafe(append_all(), loop).result()
            except LogUnavailable as e:
                log.warning("log refused, trying again", topic=topic, error=str(e))
            else:
                return
            if stop(_RETRY_SECONDS):
                raise Stopped(topic)

    return publish


async def run(event_log: EventLog, projector: Projector, settings: Settings) -> None:
    """Project what the log holds and what comes, until cancelled. What was not written is not acknowledged."""
    bounds = await event_log.bounds(EVENTS)
    committed = await event_log.committed(PROJECTOR_GROUP, EVENTS)
    positions = {p: committed.get(p, b.first) for p, b in bounds.items()}
    await _in_thread(projector, lambda: projector.assign(positions))
    while True:
        records = await event_log.take(EVENTS, positions, settings.batch_events, settings.batch_seconds)
        if not records:
            await _in_thread(projector, projector.refresh_due)
            continue
        await _in_thread(projector, lambda records=records: projector.project(records))  # type: ignore[misc]
        positions |= {r.partition: r.offset + 1 for r in records}
        await event_log.commit(PROJECTOR_GROUP, EVENTS, positions)


async def _in_thread(projector: Projector, call: Callable[[], None]) -> None:
    """Run the projector's work in a thread. On cancellation tell it to stop, and wait until it has."""
    work = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        projector.writer.stop.set()
        await asyncio.gather(work, return_exceptions=True)
        raise
