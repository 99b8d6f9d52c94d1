"""Clock ticks: on every partition, from the start, and a word at the end; a log away stops nothing."""

import asyncio
import itertools

from ingest.ticker import Ticker
from tests.support.ingest import decoded
from tests.support.log import MemoryLog


def types(log: MemoryLog) -> list[list[str]]:
    return [[r.type for r in records] for records in log.partitions.values()]


async def until(log: MemoryLog, ticks: int) -> None:
    while min(len(records) for records in log.partitions.values()) < ticks:
        await asyncio.sleep(0.001)


def test_ticks_on_every_partition_from_the_start_and_leaves_at_the_end() -> None:
    async def run() -> MemoryLog:
        log, now = MemoryLog(3), itertools.count(1000, 5000)
        async with Ticker(log, "ingest-1", 0.005, lambda: next(now)):
            await asyncio.wait_for(until(log, 3), 5)
        return log

    log = asyncio.run(run())
    for of_partition in types(log):
        assert set(of_partition[:-1]) == {"clock.tick"} and of_partition[-1] == "clock.left"
    events = [decoded(r.value)[0] for r in log.partitions[2]]
    assert [e.received_at for e in events[:3]] == [1000, 6000, 11000]
    first = events[0]
    assert first.type == "clock.tick" and first.data.process == "ingest-1" and first.data.interval_ms == 5
    assert len({e.id for e in events}) == len(events) and first.run_id == "" and first.source == "ingest-1"


def test_a_log_that_is_away_or_fails_is_tried_again() -> None:
    async def run() -> MemoryLog:
        log = MemoryLog(2)
        log.away = True
        ticker = Ticker(log, "ingest-1", 0.002, lambda: 1)
        assert await ticker.tick() is False
        async with ticker:
            await asyncio.sleep(0.01)
            log.away, log.broken = False, True
            await asyncio.sleep(0.01)
            assert types(log) == [[], []]
            log.broken = False
            await asyncio.wait_for(until(log, 2), 5)
            log.broken = True
        return log

    assert all(set(t) == {"clock.tick"} for t in types(asyncio.run(run()))), "it could not say that it left"
