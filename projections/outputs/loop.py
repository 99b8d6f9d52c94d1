"""The plain loop that wakes a collector when a run ends: what a Faust agent does where collectors are processes of their own."""

import asyncio

import structlog

from projections.outputs.collector import AWAY, POLL_SECONDS, Collector, ends_a_run
from schemas.topics import TRANSITIONS
from stores.log.port import EventLog

log = structlog.get_logger(__name__)

_MOST = 500


async def run(collector: Collector, event_log: EventLog) -> None:
    """Collect for every run until cancelled. It keeps no position: a start begins with a look at all that is due."""
    positions: dict[int, int] = {}
    woken = True
    try:
        while True:
            if not await collector.try_step(woken):
                await asyncio.sleep(POLL_SECONDS)
                continue
            try:
                if not positions:
                    positions = {p: b.end for p, b in (await event_log.bounds(TRANSITIONS)).items()}
                records = await event_log.take(TRANSITIONS, positions, _MOST, POLL_SECONDS)
            except AWAY as e:
                log.warning("the collector waits for the log", error=str(e)[:300])
                woken = True
                await asyncio.sleep(POLL_SECONDS)
                continue
            positions |= {r.partition: r.offset + 1 for r in records}
            woken = any(ends_a_run(r.value) for r in records)
    finally:
        await collector.stop()
