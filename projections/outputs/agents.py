"""The Faust agent of a collector: wakes it when a run ends, and shares the runs with the other collectors of the group.

It follows the rules of `projections.consume.agents`. What an event asks for is bounded: a look into the tables at what is due. To
list or delete a folder may take hours, and happens in jobs beside the agent; how far they are is said on the log and read from
the tables. So an event is acknowledged once its look was made: whoever has the partition next looks first at all that is due.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import faust
import structlog

from projections.consume.faust_app import new_app
from projections.consume.group import GroupWatch
from projections.consume.health import HealthServer
from projections.outputs.collector import POLL_SECONDS, Collector, Share, ends_a_run
from schemas.settings import Settings
from schemas.topics import COLLECTOR_GROUP, TRANSITIONS
from stores.log.port import EventLog

log = structlog.get_logger(__name__)

_BATCH, _BATCH_SECONDS = 500, 0.1


class Membership:
    """This collector as the watchdog of its group sees it."""

    topic, group = TRANSITIONS, COLLECTOR_GROUP

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self.partitions: frozenset[int] = frozenset()
        self.assigned = asyncio.Event()
        self.problem = ""

    def assign(self, share: Share) -> None:
        """Pass it on."""
        self.partitions = share.own
        self.assigned.set()
        self._collector.assign(share)

    @property
    def waiting(self) -> bool:
        """Whether the collector waits for the tables."""
        return self._collector.waiting

    @property
    def positions(self) -> Mapping[int, int]:
        """Nothing beyond what is acknowledged: a look takes no longer for more messages."""
        return {}

    def ping(self) -> bool:
        """Whether the tables answer. Blocking."""
        return self._collector.tables.ping()


def create_app(
    settings: Settings,
    collector: Collector,
    partitions: int,
    event_log: EventLog,
    health: HealthServer,
    scratch: Path,
) -> faust.App:
    """The Faust app with its one agent. `event_log` is open, its topics have so many partitions. `scratch`: see `new_app`."""
    app = new_app(settings, COLLECTOR_GROUP, scratch, _BATCH)
    transitions = settings.topic_prefix + TRANSITIONS
    topic = app.topic(transitions, value_type=bytes)
    member = Membership(collector)
    collector.assign(Share(partitions, frozenset()))
    watch = GroupWatch(app, member, event_log, health)

    @app.on_partitions_assigned.connect(weak=False)
    async def on_assigned(_app: faust.App, assigned: set[Any], **_: Any) -> None:
        member.assign(
            Share(partitions, frozenset(tp.partition for tp in assigned if tp.topic == transitions))
        )
        health.ready = True
        if not member.partitions:
            watch.empty_handed.set()
        log.info("partitions assigned", partitions=sorted(member.partitions))

    @app.agent(topic, concurrency=1)
    async def collect(stream: faust.types.StreamT[bytes]) -> AsyncIterator[None]:
        # Faust's own types leave noack out, and say that noack_take gives values where it gives events.
        unacknowledged: Any = stream
        async for batch in unacknowledged.noack().noack_take(_BATCH, within=_BATCH_SECONDS):
            if any(ends_a_run(event.message.value or b"") for event in batch):
                while not await collector.try_step(woken=True) and not app.should_stop:
                    await app.sleep(POLL_SECONDS)
            for event in batch:
                event.ack()
        yield

    @app.task  # type: ignore[untyped-decorator]
    async def look() -> None:
        # People ask for things too, runs end that nobody told of, and stores come back.
        while not app.should_stop:
            await collector.try_step(woken=False)
            await app.sleep(POLL_SECONDS)

    @app.task  # type: ignore[untyped-decorator]
    async def watch_group() -> None:
        await watch.run()

    @app.on_before_shutdown.connect(weak=False)
    async def on_shutdown(_app: faust.App, **_: Any) -> None:
        await collector.stop()
        await event_log.stop()

    return app
