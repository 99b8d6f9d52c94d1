"""Looks at the consumer group for the watchdog, and does what that decides. The decision is `watchdog.decide`."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import faust
import structlog

from projections.consume.health import HealthServer
from projections.consume.watchdog import Action, Observation, WatchState, decide, problem
from projections.consume.work import EXIT_SOFTWARE, Work
from schemas.topics import EVENTS, PROJECTOR_GROUP
from stores.log.port import EventLog, LogUnavailable

log = structlog.get_logger()

#: Between two looks. An assignment of no partitions is looked at once.
_LOOK_SECONDS = 5.0
_ACT_SECONDS = 10.0


async def observe(work: Work, event_log: EventLog) -> Observation | None:
    """What this worker sees. None while log or tables are away: then nobody can get on, and a restart would mend nothing."""
    if work.projector.writer.waiting:
        return None
    try:
        bounds = await event_log.bounds(EVENTS)
        committed = await event_log.committed(PROJECTOR_GROUP, EVENTS)
        workers = await event_log.readers(PROJECTOR_GROUP)
    except LogUnavailable:
        return None
    # Another worker waits for ClickHouse where we cannot see it.
    if not work.partitions and not await asyncio.to_thread(work.projector.writer.tables.ping):
        return None
    # A batch of many rounds may take minutes on a busy machine: what it has read so far is progress too.
    reading = work.projector.positions
    positions = {p: max(committed.get(p, 0), reading.get(p, 0), b.first) for p, b in bounds.items()}
    own = work.partitions if work.assigned.is_set() else None
    return Observation(own, positions, {p: b.end for p, b in bounds.items()}, workers)


class GroupWatch:
    """Looks every few seconds, and does to the consumer of the app, or to the process, what the watchdog decides."""

    def __init__(self, app: faust.App, work: Work, event_log: EventLog, health: HealthServer) -> None:
        self._app, self._work, self._log, self._health = app, work, event_log, health
        self._state = WatchState()
        #: Set by an assignment of no partitions.
        self.empty_handed = asyncio.Event()

    async def run(self) -> None:
        """Look until the app stops."""
        while not self._app.should_stop:
            await self._app.wait(self.empty_handed.wait(), timeout=_LOOK_SECONDS)
            self.empty_handed.clear()
            await self.look(asyncio.get_running_loop().time())

    async def look(self, now: float) -> Action:
        """Look once, and act."""
        seen = await observe(self._work, self._log)
        if seen is None:
            self._state, action, why = WatchState(), Action.NONE, ""
        else:
            self._state, action = decide(self._state, seen, now)
            why = problem(self._state, seen.own, now)
        self._health.problem = self._work.problem = why
        if seen is not None and action is not Action.NONE:
            waiting = {p: round(s) for p, s in self._state.waiting(now).items()}
            details = {"partitions": sorted(seen.own or ()), "waiting": waiting, "workers": seen.workers}
            if action is Action.EXIT:
                log.error("nothing is projected although the log grows: exiting", **details)
                os._exit(EXIT_SOFTWARE)
            log.warning("asking for another assignment of partitions", how=str(action), **details)
            await self._in_consumer(_REQUESTS[action])
        return action

    async def _in_consumer(self, request: Callable[[Any], Awaitable[None]]) -> None:
        """Run the request on Faust's aiokafka consumer, in the event loop of its thread."""
        # Faust has no public way to ask for an assignment.
        thread: Any = getattr(self._app.consumer, "_thread", None)
        if thread is None or thread._consumer is None:
            return  # not started yet
        future = asyncio.run_coroutine_threadsafe(_call(request, thread._consumer), thread.thread_loop)
        try:
            await asyncio.wait_for(asyncio.wrap_future(future), _ACT_SECONDS)
        except TimeoutError:
            log.warning("the consumer did not take the request in time", seconds=_ACT_SECONDS)


async def _call(request: Callable[[Any], Awaitable[None]], consumer: Any) -> None:
    await request(consumer)


async def _refresh(consumer: Any) -> None:
    await consumer._client.force_metadata_update()
    consumer._coordinator.request_rejoin()


async def _rejoin(consumer: Any) -> None:
    await consumer._client.force_metadata_update()
    await consumer._coordinator._maybe_leave_group()  # and asks for a rejoin


_REQUESTS: dict[Action, Callable[[Any], Awaitable[None]]] = {
    Action.REFRESH: _refresh,
    Action.REJOIN: _rejoin,
}
