"""The Faust agent: reads the log where it is Kafka, and calls the projector. It decides nothing.

Why it looks as it does (measured; see the architecture): with Faust an exception that leaves an agent loses events, and so do
`take()`, `stream.events()` and concurrency above 1. So: bytes in, noack_take, write with endless retries, then acknowledge
in order; and when something is wrong that retries cannot mend, the process exits and the next one reads again.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import faust
import structlog
from faust.types import EventT

from projections.health import HealthServer
from projections.projector import Projector
from schemas.settings import Settings
from schemas.topics import EVENTS, PROJECTOR_GROUP, TYPE_HEADER
from stores.log import EventLog, Record

log = structlog.get_logger()

_IDLE_SECONDS = 0.25
#: A projector that finishes no batch for so long, though it is not waiting for ClickHouse, is taken for dead.
_WATCHDOG_SECONDS = 120.0
_EXIT_SOFTWARE = 70


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
        self.finished_at = time.monotonic()
        self.busy = False
        self._assigned: frozenset[int] | None = None
        self._lock = asyncio.Lock()

    async def project(self, records: Sequence[Record]) -> None:
        """Write the records; all is written when it returns."""
        async with self._lock:
            self.busy = True
            try:
                await asyncio.to_thread(self._call, records)
            except Exception:
                log.exception(
                    "projector cannot go on: exiting, the next start reads again what is not acknowledged"
                )
                os._exit(_EXIT_SOFTWARE)
            self.busy = False
            self.finished_at = time.monotonic()

    def stuck(self, now: float) -> bool:
        """Whether a batch is in hand for too long, and not because ClickHouse is away."""
        return self.busy and not self.projector.writer.waiting and now - self.finished_at > _WATCHDOG_SECONDS

    def _call(self, records: Sequence[Record]) -> None:
        if self.partitions != self._assigned:
            self.projector.assign(self.partitions)
            self._assigned = self.partitions
        if records:
            self.projector.project(records)
        else:
            self.projector.refresh_due()


def create_app(settings: Settings, work: Work, event_log: EventLog, health: HealthServer) -> faust.App:
    """The Faust app with its one agent. `event_log` publishes transitions and dead letters."""
    app = faust.App(
        PROJECTOR_GROUP,
        broker=f"aiokafka://{settings.kafka_bootstrap}",
        store="memory://",
        datadir=str(settings.data / "faust"),
        key_serializer="raw",
        value_serializer="raw",
        agent_supervisor="mode.supervisors:CrashingSupervisor",
        broker_max_poll_interval=7
        * 24
        * 3600.0,  # above any outage of ClickHouse: past it the worker would leave for good
        broker_session_timeout=10.0,
        broker_heartbeat_interval=2.0,
        broker_commit_interval=1.0,
        broker_max_poll_records=settings.batch_events,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=4 * settings.max_body_bytes,
        stream_buffer_maxsize=2 * settings.batch_events,
        stream_wait_empty=True,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    topic = app.topic(EVENTS, key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw")

    @app.on_partitions_assigned.connect(weak=False)  # type: ignore[untyped-decorator]
    async def on_assigned(_app: faust.App, assigned: set[Any], **_: Any) -> None:
        work.partitions = frozenset(tp.partition for tp in assigned if tp.topic == EVENTS)
        log.info("partitions assigned", partitions=sorted(work.partitions))

    @app.agent(topic, concurrency=1)
    async def project(stream: faust.Stream[bytes]) -> AsyncIterator[None]:
        batches = stream.noack().noack_take(settings.batch_events, within=settings.batch_seconds)
        async for events in batches:
            await work.project([record_of(e) for e in events])
            for event in events:
                event.ack()
        yield

    @app.timer(_IDLE_SECONDS)
    async def refresh_when_idle() -> None:
        await work.project([])

    @app.timer(5.0)
    async def watchdog() -> None:
        if work.stuck(time.monotonic()):
            log.error("no batch was finished for too long: exiting", seconds=_WATCHDOG_SECONDS)
            os._exit(_EXIT_SOFTWARE)

    @app.task
    async def begin() -> None:
        await event_log.start()
        health.ready = True

    return app
