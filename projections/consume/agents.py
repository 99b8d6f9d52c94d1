"""The Faust agent: reads the log where it is Kafka, and calls the projector. It decides nothing.

Why it looks as it does (measured; see the architecture): with Faust an exception that leaves an agent loses events, and so do
`take()`, `stream.events()` and concurrency above 1. So: bytes in, noack_take, write with endless retries, then acknowledge
in order; and when something is wrong that retries cannot mend, the process exits and the next one reads again.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import faust
import structlog
from faust.types import EventT

from projections.consume.byte_budget import Room, RoomySchema
from projections.consume.health import HealthServer
from projections.project.projector import Projector
from projections.project.writer import Stopped
from schemas.settings import Settings
from schemas.topics import EVENTS, PROJECTOR_GROUP, TYPE_HEADER
from stores.log.port import EventLog, LogUnavailable, Record

log = structlog.get_logger()

_IDLE_SECONDS = 0.05
_WATCH_SECONDS = 5.0
#: A projector that gets on with nothing for so long, though it is not waiting for ClickHouse, is taken for dead.
_WATCHDOG_SECONDS = 120.0
_EXIT_SOFTWARE = 70
#: Messages and bytes that are taken from the broker at once. A single message may be larger, and is taken alone.
_POLL_RECORDS = 50
_FETCH_BYTES = 4 * 2**20


def record_of(event: EventT[Any]) -> Record:
    """A Faust event as the record that the projector knows."""
    message = event.message
    headers: Any = message.headers or {}
    kind = dict(headers).get(TYPE_HEADER, b"")
    return Record(
        message.partition,
        message.offset,
        round(message.timestamp * 1000),
        (message.key or b"").decode("utf-8", "replace"),
        kind.decode("utf-8", "replace"),
        message.value or b"",
    )


class Work:
    """Calls the projector from the agent and the timer, one at a time, in a thread. Any exception ends the process."""

    def __init__(self, projector: Projector) -> None:
        self.projector = projector
        self.partitions: frozenset[int] = frozenset()
        #: The last offset of each partition that is written.
        self.done: dict[int, int] = {}
        self._new_assignment = False
        self._lock = asyncio.Lock()

    def assign(self, partitions: frozenset[int]) -> None:
        """These partitions are ours from the next call on. To be called at each assignment, also of the same: another worker
        may have had them in between."""
        self.partitions = partitions
        self._new_assignment = True
        self.done = {p: offset for p, offset in self.done.items() if p in partitions}

    async def project(self, records: Sequence[Record]) -> None:
        """Write the records; all is written when it returns."""
        async with self._lock:
            try:
                await asyncio.to_thread(self._call, records)
            except Stopped as e:
                log.warning(
                    "stopped in the middle of a batch, which the next start reads again", during=str(e)
                )
                os._exit(0)
            except Exception:
                log.exception(
                    "projector cannot go on: exiting, the next start reads again what is not acknowledged"
                )
                os._exit(_EXIT_SOFTWARE)
            self.done |= {r.partition: r.offset for r in records}

    def _call(self, records: Sequence[Record]) -> None:
        if self._new_assignment:
            self._new_assignment = False
            self.projector.assign(self.partitions)
        if records:
            self.projector.project(records)
        else:
            self.projector.refresh_due()


@dataclass(slots=True)
class Watchdog:
    """Finds partitions whose log grows while nothing of them is projected: agents are known to die silently. Pure."""

    patience: float
    _since: dict[int, tuple[float, int | None, int]] = field(default_factory=dict)

    def forget(self) -> None:
        """Begin anew: everybody gets fresh patience."""
        self._since = {}

    def dead(
        self, partitions: Iterable[int], done: Mapping[int, int], ends: Mapping[int, int], now: float
    ) -> list[int]:
        """The partitions that have grown, but not got on, for longer than the patience (seconds of `now`)."""
        found: dict[int, tuple[float, int | None, int]] = {}
        for p in partitions:
            fresh = (now, done.get(p), ends.get(p, 0))
            last = self._since.get(p, fresh)
            found[p] = last if last[1] == fresh[1] and fresh[2] > last[2] else fresh
        self._since = found
        return [p for p, (since, _, _) in found.items() if now - since > self.patience]


async def hung(work: Work, event_log: EventLog, watchdog: Watchdog, now: float) -> list[int]:
    """The partitions of `work` that the watchdog, at `now` (s), finds dead.

    None while the log or ClickHouse is away: then nothing can get on, and a restart would mend nothing.
    """
    try:
        ends = {p: b.end for p, b in (await event_log.bounds(EVENTS)).items()}
    except LogUnavailable:
        watchdog.forget()  # what it saw before the outage says nothing of the time after it
        return []
    return watchdog.dead(() if work.projector.writer.waiting else work.partitions, work.done, ends, now)


def create_app(
    settings: Settings, work: Work, event_log: EventLog, health: HealthServer, scratch: Path
) -> faust.App:
    """The Faust app with its one agent. `event_log` is open; it publishes transitions and dead letters.

    Faust wants a folder, `scratch`, but keeps nothing in it.
    """
    app = faust.App(
        settings.topic_prefix + PROJECTOR_GROUP,
        broker=f"aiokafka://{settings.kafka_bootstrap}",
        store="memory://",
        datadir=str(scratch),
        key_serializer="raw",
        value_serializer="raw",
        agent_supervisor="mode.supervisors:CrashingSupervisor",
        broker_max_poll_interval=7
        * 24
        * 3600.0,  # above any outage of ClickHouse: past it the worker would leave for good
        broker_session_timeout=10.0,
        broker_heartbeat_interval=2.0,
        broker_commit_interval=1.0,
        broker_max_poll_records=_POLL_RECORDS,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=_FETCH_BYTES,
        stream_buffer_maxsize=2 * settings.batch_events,
        stream_wait_empty=True,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    room = Room(2 * settings.batch_bytes)
    events = settings.topic_prefix + EVENTS
    topic = app.topic(events, schema=RoomySchema(room))

    @app.on_partitions_assigned.connect(weak=False)
    async def on_assigned(_app: faust.App, assigned: set[Any], **_: Any) -> None:
        work.assign(frozenset(tp.partition for tp in assigned if tp.topic == events))
        room.clear()
        health.ready = True
        log.info("partitions assigned", partitions=sorted(work.partitions))

    @app.agent(topic, concurrency=1)
    async def project(stream: faust.types.StreamT[bytes]) -> AsyncIterator[None]:
        # Faust's own types leave noack out, and say that noack_take gives values where it gives events.
        unacknowledged: Any = stream
        batches = unacknowledged.noack().noack_take(settings.batch_events, within=settings.batch_seconds)
        async for batch in batches:
            await work.project([record_of(e) for e in batch])
            for event in batch:
                event.ack()
                room.give(len(event.message.value or b""))
        yield

    @app.task  # type: ignore[untyped-decorator]
    async def refresh_when_idle() -> None:
        while not app.should_stop:
            await app.sleep(_IDLE_SECONDS)
            await work.project([])

    watchdog = Watchdog(_WATCHDOG_SECONDS)

    @app.task  # type: ignore[untyped-decorator]
    async def watch() -> None:
        while not app.should_stop:
            await app.sleep(_WATCH_SECONDS)
            if dead := await hung(work, event_log, watchdog, time.monotonic()):
                log.error("nothing is projected although the log grows: exiting", partitions=dead)
                os._exit(_EXIT_SOFTWARE)

    @app.on_before_shutdown.connect(weak=False)
    async def on_shutdown(_app: faust.App, **_: Any) -> None:
        await event_log.stop()  # the agent has acknowledged its last batch

    return app
