"""What goes wrong while archiving is told, counted and tried again."""

import asyncio

import pytest
from structlog.testing import capture_logs

from schemas import metrics
from stores.log.port import LogUnavailable
from stores.s3.archive import ArchiveBroken
from stores.s3.archive_format import SegmentKey, hour_of
from stores.s3.client import ObjectDamaged, S3Store, StoreUnavailable
from tests.support.archive import T0, HourlyLog, MemoryStore, archived, archiver, segments
from tests.support.services.seaweed import SeaweedS3


@pytest.mark.parametrize(
    ("error", "reason", "told"),
    [
        (StoreUnavailable("S3 says no"), "store", "S3 says no"),
        (LogUnavailable("no broker"), "log", "no broker"),
        (ArchiveBroken("another's"), "store", "another's"),
        (RuntimeError("a defect"), "defect", "failed unexpectedly"),
    ],
)
def test_failures_are_told_counted_and_tried_again(
    error: Exception, reason: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    log, store = HourlyLog(), MemoryStore()
    log.say_hours(2)
    a = archiver(log, store)
    left = [error] * 9
    step, sleep = a.step, asyncio.sleep

    async def failing() -> int:
        if left:
            raise left.pop()
        return await step()

    async def counted(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    monkeypatch.setattr(a, "step", failing)
    monkeypatch.setattr("projections.archive.archiver.asyncio.sleep", counted)
    before = metrics.ARCHIVE_FAILURES.labels(reason)._value.get()

    async def work() -> None:
        running = asyncio.ensure_future(a.run())
        while not a.ready:
            await sleep(0.001)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    with capture_logs() as logged:
        asyncio.run(work())
    assert waits[:9] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert metrics.ARCHIVE_FAILURES.labels(reason)._value.get() == before + 9
    assert told in str(logged)
    assert [len(s.records) for s in asyncio.run(segments(store))] == [4]


@pytest.mark.s3
def test_an_s3_that_hangs_is_waited_for_and_a_damaged_object_is_told(s3: SeaweedS3) -> None:
    s3.make_bucket("hangs")
    store = S3Store("hangs", s3.endpoint, read_seconds=0.5)
    log = HourlyLog()
    log.say_hours(2)
    a = archiver(log, store)
    failures = metrics.ARCHIVE_FAILURES.labels("store")._value
    before = failures.get()

    async def work() -> None:
        s3.pause()
        try:
            with pytest.raises(StoreUnavailable, match="ReadTimeout"):
                await store.keys("")
            running = asyncio.ensure_future(a.run())
            while failures.get() == before:
                await asyncio.sleep(0.05)
        finally:
            s3.resume()
        async with asyncio.timeout(30):
            while not a.ready:
                await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert await archived(store, log) == log.partitions

        key = f"t/tracker.events/{SegmentKey(0, hour_of(T0), 0).path()}"
        store._connected().put_object(Bucket="hangs", Key=key, Body=b"x", Metadata={"sha256": "0" * 64})
        with pytest.raises(ObjectDamaged, match="SHA-256"):
            await store.get(key)
        with pytest.raises(ArchiveBroken, match="SHA-256"):
            await archived(store, log)

    asyncio.run(work())
    store.close()
