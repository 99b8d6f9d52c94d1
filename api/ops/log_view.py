"""What the log is known to hold: one reading for all who ask together, and what the last one said while it does not answer.

The page of operations is looked at most when something is wrong, so it may neither wait for the log nor read it for everybody.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from schemas.topics import EVENTS
from stores.log.port import Bounds, EventLog, LogUnavailable

#: The longest that anybody waits for a reading (s).
ANSWER_SECONDS = 2.0
#: A reading is given up after so long, and no other begins before (s).
GIVEN_UP_SECONDS = 30.0
_CLOCK = "clock."

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LogReading:
    """Offsets of each partition; clock messages among those that wait, None where they were not counted; and since when the log
    has not answered (wall clock, ms), None if it did just now."""

    bounds: Mapping[int, Bounds]
    ticks: Mapping[int, int] | None
    unreachable_since_ms: int | None = None


@dataclass(slots=True)
class LogView:
    """Belongs to one event loop. `clock` gives the wall clock in ms, `monotonic` seconds."""

    log: EventLog
    clock: Callable[[], int]
    monotonic: Callable[[], float] = time.monotonic
    _known: Mapping[int, Bounds] = field(default_factory=dict)
    _reading: "asyncio.Task[LogReading] | None" = None
    _unreachable_since_ms: int | None = None

    async def read(self, projected: Mapping[int, int], most: int) -> LogReading:
        """The log as it is now, or after `ANSWER_SECONDS` as it was known last. Never raises.

        `projected`: the next offset of each partition, from which on clock messages are counted if at most so many messages wait.
        """
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(dict(projected), most))
        reading = self._reading
        await asyncio.wait({reading}, timeout=ANSWER_SECONDS)
        if reading.done() and not reading.cancelled() and reading.exception() is None:
            self._unreachable_since_ms = None
            return reading.result()
        if reading.done() and not reading.cancelled():
            _log.warning("the log could not be looked at", error=repr(reading.exception())[:300])
        if self._unreachable_since_ms is None:
            self._unreachable_since_ms = self.clock()
        return LogReading(self._known, None, self._unreachable_since_ms)

    async def _read(self, projected: Mapping[int, int], most: int) -> LogReading:
        try:
            async with asyncio.timeout(GIVEN_UP_SECONDS):
                bounds = self._known = await self.log.bounds(EVENTS)
        except TimeoutError as error:
            raise LogUnavailable("no answer") from error
        starts = {p: max(b.first, projected.get(p, 0)) for p, b in bounds.items()}
        if sum(max(0, b.end - starts[p]) for p, b in bounds.items()) > most:
            return LogReading(bounds, None)
        try:
            async with asyncio.timeout(ANSWER_SECONDS / 2):
                ticks = {
                    p: await self.log.count(EVENTS, p, starts[p], b.end, _CLOCK)
                    for p, b in bounds.items()
                    if starts[p] < b.end
                }
        except (TimeoutError, LogUnavailable):
            return LogReading(bounds, None)  # they are too large to be counted in time
        return LogReading(bounds, ticks)
