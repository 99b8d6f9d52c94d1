"""The plain loop that reads the local log and calls the projector: what a Faust agent does where the log is Kafka."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from projections.project.projector import Projector
from projections.project.sweep import Publish
from projections.project.writer import Stopped
from schemas.metrics import NOT_PUBLISHED
from schemas.settings import Settings
from schemas.topics import EVENTS, PROJECTOR_GROUP
from stores.log.port import EventLog, LogUnavailable

log = structlog.get_logger()
T = TypeVar("T")

_RETRY_SECONDS = 1.0
#: Between two tries to read the log: doubled from the first to the longest.
_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 5.0


def publisher(event_log: EventLog, loop: asyncio.AbstractEventLoop, stop: Callable[[float], bool]) -> Publish:
    """A `Publish` for the projector's thread: appends through the log's event loop, again until it is durable.

    `stop(seconds)` waits and says whether the process is stopping. The publish raises Stopped then. A message that the log takes
    in no case, as it is too large, is left out, counted and logged: it must not end the projection.
    """

    async def append(topic: str, key: str, value: bytes) -> None:
        try:
            await event_log.append(topic, key, topic, value)
        except ValueError as e:
            NOT_PUBLISHED.labels(topic).inc()
            log.error(
                "the log never takes this message: left out", topic=topic, key=key[:100], error=str(e)[:300]
            )

    def publish(topic: str, messages: Sequence[tuple[str, bytes]]) -> None:
        async def append_all() -> None:
            await asyncio.gather(*(append(topic, key, value) for key, value in messages))

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
    """Project what the log holds and what comes, until cancelled. What was not written is not acknowledged.

    While the log is away it waits.
    """
    bounds = await _patiently("ask for its offsets", lambda: event_log.bounds(EVENTS))
    committed = await _patiently("ask how far we are", lambda: event_log.committed(PROJECTOR_GROUP, EVENTS))
    positions = {p: committed.get(p, b.first) for p, b in bounds.items()}
    await _in_thread(projector, lambda: projector.assign(positions))
    while True:
        records = await _patiently(
            "read on",
            lambda: event_log.take(EVENTS, positions, settings.batch_events, settings.batch_seconds),
        )
        if not records:
            if projector.has_due():
                await _in_thread(projector, projector.refresh_due)
            continue
        await _in_thread(projector, lambda records=records: projector.project(records))  # type: ignore[misc]
        positions.update({r.partition: r.offset + 1 for r in records})
        await _patiently("say how far we are", lambda: event_log.commit(PROJECTOR_GROUP, EVENTS, positions))


async def _patiently(what: str, call: Callable[[], Awaitable[T]]) -> T:
    """The call's result, tried again while the log is away."""
    wait = _FIRST_WAIT_SECONDS
    while True:
        try:
            result = await call()
        except LogUnavailable as e:
            log.warning("the log is away, trying again", to=what, error=str(e)[:300], wait=wait)
            await asyncio.sleep(wait)
            wait = min(_LONGEST_WAIT_SECONDS, wait * 2)
            continue
        if wait > _FIRST_WAIT_SECONDS:
            log.info("the log is back, the projection goes on", to=what)
        return result


async def _in_thread(projector: Projector, call: Callable[[], None]) -> None:
    """Run the projector's work in a thread. On cancellation tell it to stop, and wait until it has."""
    work = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        projector.writer.stop.set()
        await asyncio.gather(work, return_exceptions=True)
        raise
