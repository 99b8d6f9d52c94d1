"""Looks at the consumer group for the watchdog, and does what that decides. The decision is `watchdog.decide`."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import faust
import structlog

from projections.consume.health import HealthServer
from projections.consume.watchdog import Action, Observation, WatchState, decide, problem
from projections.consume.work import EXIT_SOFTWARE
from stores.log.port import EventLog, LogUnavailable

log = structlog.get_logger()

#: Between two looks. An assignment of no partitions is looked at once.
_LOOK_SECONDS = 5.0
_ACT_SECONDS = 10.0


class Member(Protocol):
    """One worker of a group that shares the partitions of a topic.

    `partitions`: those that it has; `assigned` is set from the first assignment on. `waiting`: whether it waits for the tables
    right now. `positions`: by partition the next message that it reads, where it is further than what it acknowledged.
    """

    topic: str
    group: str
    partitions: frozenset[int]
    assigned: asyncio.Event
    #: What the watchdog says is wrong; empty if nothing.
    problem: str

    @property
    def waiting(self) -> bool: ...

    @property
    def positions(self) -> Mapping[int, int]: ...

    def ping(self) -> bool:
        """Whether the tables answer. Blocking."""


async def observe(work: Member, event_log: EventLog) -> Observation | None:
    """What this worker sees. None while log or tables are away: then nobody can get on, and a restart would mend nothing."""
    if work.waiting:
        return None
    try:
        bounds = await event_log.bounds(work.topic)
        committed = await event_log.committed(work.group, work.topic)
        workers = await event_log.readers(work.group)
    except LogUnavailable:
        return None
    # Another worker waits for ClickHouse where we cannot see it.
    if not work.partitions and not await asyncio.to_thread(work.ping):
        return None
    # A batch of many rounds may take minutes on a busy machine: what it has read so far is progress too.
    reading = work.positions
    positions = {p: max(committed.get(p, 0), reading.get(p, 0), b.first) for p, b in bounds.items()}
    own = work.partitions if work.assigned.is_set() else None
    return Observation(own, positions, {p: b.end for p, b in bounds.items()}, workers)


class GroupWatch:
    """Looks every few seconds, and does to the consumer of the app, or to the process, what the watchdog decides."""

    def __init__(self, app: faust.App, work: Member, event_log: EventLog, health: HealthServer) -> None:
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
                log.error("nobody gets on although messages wait: exiting", topic=self._work.topic, **details)
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
