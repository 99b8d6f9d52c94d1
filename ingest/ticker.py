"""Time as an event: a clock tick of this process on every partition of the log while it runs."""

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

from ingest import ids
from schemas import topics, wire
from schemas.events import ClockLeft, ClockTick, Left, Spooled, Tick
from schemas.metrics import INGEST_LAST_TICK, INGEST_TICKS
from stores.log.port import EventLog
from stores.spool.spool import SpooledLog

_log = structlog.get_logger(__name__)

#: The longest that a process waits at its end to say so; unsaid, it is gone after INGEST_GONE_SECONDS.
LEAVE_SECONDS = 5.0


class Ticker:
    """Ticks from `async with` on, and says that the process left at its end. `now` gives ms since 1970.

    What fails is logged and tried again at the next tick: a log that is away stops the clock, nothing else.
    """

    def __init__(self, log: EventLog, process: str, tick_seconds: float, now: Callable[[], int]) -> None:
        self._log, self._process, self._now = log, process, now
        self._seconds = tick_seconds
        self._partitions: tuple[int, ...] = ()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="ticker")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.leave()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self.tick()
            # Ticks that were missed while the log was away are not made up for.
            due = max(due + self._seconds, loop.time())
            await asyncio.sleep(due - loop.time())

    async def tick(self) -> bool:
        """Tick once on every partition; whether all of them took it."""
        now = self._now()
        event = ClockTick(
            id=ids.event_id(self._process, "clock.tick", str(now).encode()),
            source=self._process,
            received_at=now,
            data=Tick(
                process=self._process,
                interval_ms=max(1, round(self._seconds * 1000)),
                spooled=self._spooled(),
            ),
        )
        if not await self._append_to_all(event):
            return False
        INGEST_LAST_TICK.set(now / 1000)
        return True

    async def leave(self) -> bool:
        """Say once on every partition that this process has stopped; whether all of them took it."""
        now = self._now()
        event = ClockLeft(
            id=ids.event_id(self._process, "clock.left", str(now).encode()),
            source=self._process,
            received_at=now,
            data=Left(process=self._process, spooled=self._spooled()),
        )
        try:
            return await asyncio.wait_for(self._append_to_all(event), LEAVE_SECONDS)
        except TimeoutError:
            _log.warning("the log did not take that this process leaves", process=self._process)
            return False

    def _spooled(self) -> Spooled | None:
        """What this process keeps on disk: the books need it, and no other process can see it."""
        log = self._log
        return Spooled(spool=log.name, requests=log.spooled) if isinstance(log, SpooledLog) else None

    async def _append_to_all(self, event: ClockTick | ClockLeft) -> bool:
        try:
            if not self._partitions:  # their number is fixed, so they are asked for once
                self._partitions = tuple(sorted(await self._log.bounds(topics.EVENTS)))
        except Exception as error:
            _log.warning("the log does not tell its partitions", process=self._process, error=repr(error))
            return False
        value = wire.encode(event)
        answers = await asyncio.gather(
            *(self._log.append(topics.EVENTS, "clock", event.type, value, p) for p in self._partitions),
            return_exceptions=True,
        )
        failed = [a for a in answers if isinstance(a, BaseException)]
        if event.type == "clock.tick":
            INGEST_TICKS.labels("appended").inc(len(answers) - len(failed))
            INGEST_TICKS.labels("failed").inc(len(failed))
        if failed:
            _log.warning(
                "a tick was not appended", process=self._process, failed=len(failed), error=repr(failed[0])
            )
        return bool(answers) and not failed
