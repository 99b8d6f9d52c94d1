"""The Faust agent: reads the log where it is Kafka, and calls the projector. It decides nothing.

Why it looks as it does (measured; see the architecture): with Faust an exception that leaves an agent loses events, and so do
`take()`, `stream.events()` and concurrency above 1. So: bytes in, noack_take, write with endless retries, then acknowledge
in order; and when something is wrong that retries cannot mend, the process exits and the next one reads again.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import faust
import structlog
from faust.types import EventT

from projections.consume.byte_budget import BudgetedSchema, ByteBudget
from projections.consume.faust_app import new_app
from projections.consume.group import GroupWatch
from projections.consume.health import HealthServer
from projections.consume.work import Work
from schemas.settings import Settings
from schemas.topics import EVENTS, PROJECTOR_GROUP, TYPE_HEADER
from stores.log.port import EventLog, Record

log = structlog.get_logger()

_IDLE_SECONDS = 0.05


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


def create_app(
    settings: Settings, work: Work, event_log: EventLog, health: HealthServer, scratch: Path
) -> faust.App:
    """The Faust app with its one agent. `event_log` is open; it publishes transitions and dead letters.

    `scratch`: see `new_app`.
    """
    app = new_app(settings, PROJECTOR_GROUP, scratch, settings.batch_events)
    budget = ByteBudget(2 * settings.batch_bytes)
    events = settings.topic_prefix + EVENTS
    topic = app.topic(events, schema=BudgetedSchema(budget))

    watch = GroupWatch(app, work, event_log, health)

    @app.on_partitions_assigned.connect(weak=False)
    async def on_assigned(_app: faust.App, assigned: set[Any], **_: Any) -> None:
        work.assign(frozenset(tp.partition for tp in assigned if tp.topic == events))
        budget.clear()
        health.ready = True
        if not work.partitions:
            watch.empty_handed.set()
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
                budget.release(len(event.message.value or b""))
        yield

    @app.task  # type: ignore[untyped-decorator]
    async def refresh_when_idle() -> None:
        while not app.should_stop:
            await app.sleep(_IDLE_SECONDS)
            await work.project([])

    @app.task  # type: ignore[untyped-decorator]
    async def watch_group() -> None:
        await watch.run()

    @app.on_before_shutdown.connect(weak=False)
    async def on_shutdown(_app: faust.App, **_: Any) -> None:
        await event_log.stop()  # the agent has acknowledged its last batch

    return app
