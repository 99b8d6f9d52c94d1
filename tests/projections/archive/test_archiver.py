"""The archive holds every message once, whoever dies when, and joins with the log without hole or overlap."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from projections.archive.archiver import GRACE_MS, deletable_before
from schemas import metrics
from schemas.topics import EVENTS, PROJECTOR_GROUP
from stores.log.port import Bounds, Record
from stores.s3 import archive_format
from stores.s3.archive import Archive, ArchiveBroken, ArchivedLog, Written
from stores.s3.archive_format import Segment, SegmentKey, encode, hour_of
from stores.s3.client import ObjectStore, S3Store
from tests.support.archive import (
    HOUR,
    T0,
    DeadlyStore,
    HourlyLog,
    Killed,
    MemoryStore,
    archived,
    archiver,
    segments,
)
from tests.support.services.seaweed import SeaweedS3

_BUCKETS = (f"archive-{n}" for n in count())
AFTER_ALL = T0 + 1000 * HOUR  # a wall clock at which every hour is over


@pytest.fixture(params=["memory", pytest.param("s3", marks=pytest.mark.s3)])
def store(request: pytest.FixtureRequest) -> Iterator[ObjectStore]:
    """An empty bucket, in memory and in a real S3."""
    if request.param == "memory":
        yield MemoryStore()
        return
    seaweed: SeaweedS3 = request.getfixturevalue("s3")
    bucket = next(_BUCKETS)
    seaweed.make_bucket(bucket)
    real = S3Store(bucket, seaweed.endpoint)
    yield real
    real.close()


def test_hours_that_are_over_are_archived_and_the_rest_is_read_from_the_log(store: ObjectStore) -> None:
    async def work() -> None:
        log = HourlyLog(partitions=2)
        log.say_hours(3)
        assert await archiver(log, store).step() == 4
        assert await archiver(log, store).step() == 0
        for p in (0, 1):
            found = await segments(store, p)
            assert [r for s in found for r in s.records] == log.partitions[p][:8], (
                "the third hour is not over"
            )
            assert [s.key.hour for s in found] == [hour_of(T0), hour_of(T0) + 1]
        log.first = {0: 8, 1: 5}
        assert await archived(store, log) == log.partitions

    asyncio.run(work())


def test_the_last_hour_is_archived_when_nothing_comes_any_more(store: ObjectStore) -> None:
    async def work() -> None:
        log = HourlyLog()
        log.say_hours(1)
        assert await archiver(log, store, T0 + HOUR + GRACE_MS - 1).step() == 0
        assert await archiver(log, store, T0 + HOUR + GRACE_MS).step() == 1
        log.say(0, T0 + HOUR - 1)  # a broker whose clock is far behind: the hour is not opened again
        log.say(0, T0 + HOUR)
        log.say(0, T0 + 2 * HOUR)
        assert await archiver(log, store).step() == 2
        assert [len(s.records) for s in await segments(store)] == [4, 1, 1]
        assert await archived(store, log) == log.partitions

    asyncio.run(work())


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_killed_at_any_step_it_writes_each_message_once(store: ObjectStore, after: bool) -> None:
    async def work() -> int:
        log = HourlyLog(partitions=2)
        log.say_hours(2)
        deaths = 0
        for n in count(1):
            log.say_hours(1)  # the clock stands where it is: the append times step back, and on
            try:
                await archiver(log, DeadlyStore(store, n, after), AFTER_ALL).step()
            except Killed:
                deaths += 1
            else:
                break
            log.first = {p: s[-1].end if (s := await segments(store, p)) else 0 for p in (0, 1)}
        for p in (0, 1):
            assert [r for s in await segments(store, p) for r in s.records] == log.partitions[p]
        return deaths

    assert asyncio.run(work()) >= 6


def test_two_at_once_write_each_message_once(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_format, "SEGMENT_MESSAGES", 3)

    async def work() -> None:
        log = HourlyLog(partitions=2)
        both = [archiver(log, store, AFTER_ALL) for _ in range(3)]
        for _ in range(3):
            log.say_hours(2, of_each=5)
            await asyncio.gather(*(a.step() for a in both))
        for p in (0, 1):
            assert [r for s in await segments(store, p) for r in s.records] == log.partitions[p]

    before = metrics.ARCHIVE_OBJECTS.labels("there_already")._value.get()
    asyncio.run(work())
    assert metrics.ARCHIVE_OBJECTS.labels("there_already")._value.get() > before


def test_an_archiver_that_cuts_otherwise_changes_nothing(store: ObjectStore) -> None:
    async def work() -> None:
        log = HourlyLog()
        log.say_hours(1, of_each=9)
        archive = Archive(store, "t")
        segment_key = SegmentKey(0, hour_of(T0), 0)
        assert await archive.write(Segment(segment_key, tuple(log.partitions[0][:4]))) is Written.NEW
        assert (
            await archive.write(Segment(segment_key, tuple(log.partitions[0][:4]))) is Written.THERE_ALREADY
        )
        assert (
            await archive.write(Segment(segment_key, tuple(log.partitions[0][:3]))) is Written.CUT_OTHERWISE
        )
        late = archiver(log, _ListsNothing(store), AFTER_ALL)  # it looked before the other had written
        assert await late.step() == 1
        assert await archiver(log, store, AFTER_ALL).step() == 1
        assert [len(s.records) for s in await segments(store)] == [4, 5]
        assert await archived(store, log) == log.partitions

    asyncio.run(work())


class _ListsNothing(DeadlyStore):
    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store, 0, False)

    async def keys(self, prefix: str) -> list[str]:
        return []


async def _one_bad(log: HourlyLog, store: ObjectStore) -> str:
    """Step with partition 0 in disorder; the other must be archived all the same. What was logged."""
    with capture_logs() as told:
        await archiver(log, store, AFTER_ALL).step()
    assert metrics.ARCHIVE_REFUSES.labels("0")._value.get() == 1
    assert metrics.ARCHIVE_REFUSES.labels("1")._value.get() == 0
    assert (await segments(store, 1))[-1].end == len(log.partitions[1])
    [error] = (entry["error"] for entry in told if entry["log_level"] == "error")
    return str(error)


def test_messages_that_went_before_they_were_archived_are_told_and_not_skipped(store: ObjectStore) -> None:
    async def work() -> None:
        log = HourlyLog(partitions=2)
        log.say_hours(2)
        await archiver(log, store).step()
        log.first[0] = 6  # the archive ends at 4
        assert "offsets 4 to 5 are on neither" in await _one_bad(log, store)
        assert [s.end for s in await segments(store)] == [4]
        with pytest.raises(ArchiveBroken, match="offsets 4 to 5 are on neither"):
            await archived(store, log)

        await archiver(log, store, AFTER_ALL, skip_lost=True).step()  # an operator has said so
        assert [(s.key.first, s.end) for s in await segments(store)] == [(0, 4), (6, 8)]
        await archiver(log, store, AFTER_ALL).step()
        with pytest.raises(ArchiveBroken, match="a hole: offsets 4 to 5 are missing"):
            await archived(store, log)

    asyncio.run(work())


def test_the_archive_of_another_log_is_left_alone(store: ObjectStore) -> None:
    async def work() -> None:
        log = HourlyLog(partitions=2)
        log.say_hours(2)
        await archiver(log, store).step()
        kept = [encode(s.records) for s in await segments(store)]

        other = HourlyLog(partitions=2)
        other.partitions = {
            0: [replace(r, key="other") for r in log.partitions[0]],
            1: list(log.partitions[1]),
        }
        assert "differ at offset 3" in await _one_bad(other, store)
        with pytest.raises(ArchiveBroken, match="right log"):
            await archived(store, other)
        shorter = HourlyLog(partitions=2)
        shorter.partitions = {0: log.partitions[0][:2], 1: list(log.partitions[1])}
        assert "is it the right log" in await _one_bad(shorter, store)
        with pytest.raises(ArchiveBroken, match="another's"):
            await archiver(HourlyLog(partitions=3), store).step()
        late = archiver(other, _ListsNothing(store), AFTER_ALL)
        with capture_logs() as told:
            await late.step()
        assert "is there already and differs from the log" in str(told)
        assert [encode(s.records) for s in await segments(store)] == kept

    asyncio.run(work())


def test_a_store_that_overwrites_is_refused() -> None:
    class Overwrites(MemoryStore):
        async def put_new(self, key: str, body: bytes) -> bool:
            self.objects[key] = body
            return True

    with pytest.raises(ArchiveBroken, match="conditional puts"):
        asyncio.run(archiver(HourlyLog(), Overwrites()).step())


def _without(store: MemoryStore, n: int) -> None:
    key = sorted(k for k in store.objects if "partition=0" in k)[n]
    del store.objects[key]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda s: _without(s, 1), r"a hole: offsets 4 to 7 are missing"),
        (lambda s: s.objects.clear(), "no archive at s3://memory/t/tracker.events/"),
        (lambda s: s.objects.update({"t/tracker.events/archive.json": b"?"}), "cannot be read"),
        (
            lambda s: s.objects.update(
                {
                    f"t/tracker.events/{SegmentKey(0, hour_of(T0), 2).path()}": encode(
                        [Record(0, 2, T0, "", "", b"")]
                    )
                }
            ),
            "overlaps: the object that begins at offset 2 does not join at 4",
        ),
        (
            lambda s: s.objects.update({f"t/tracker.events/{SegmentKey(0, hour_of(T0) + 9, 1).path()}": b""}),
            "hours and offsets disagree",
        ),
        (
            lambda s: s.objects.update({f"t/tracker.events/{SegmentKey(0, hour_of(T0), 0).path()}": b"x"}),
            "is damaged",
        ),
    ],
)
def test_an_archive_that_is_not_whole_is_not_read_as_if_it_were(
    spoil: Callable[[MemoryStore], None], why: str
) -> None:
    async def work() -> None:
        log, store = HourlyLog(), MemoryStore()
        log.say_hours(4)
        await archiver(log, store).step()
        log.first[0] = 12
        store.objects["t/tracker.events/partition=0/notes.txt"] = b"none of ours is not read"
        assert await archived(store, log) == log.partitions
        spoil(store)
        with pytest.raises(ArchiveBroken, match=why):
            await archived(store, log)

    asyncio.run(work())


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 15))
def test_any_stretch_can_be_read(start: int, end: int, first: int) -> None:
    async def work() -> None:
        log, store = HourlyLog(), MemoryStore()
        log.say_hours(5)
        await archiver(log, store).step()
        log.first[0] = min(first, 16)
        reader = ArchivedLog(log, Archive(store, "t"))
        assert (await reader.bounds(EVENTS))[0] == Bounds(0, 20)
        got = [r async for chunk in reader.read(EVENTS, 0, start, end) for r in chunk]
        assert got == log.partitions[0][start:end]

    asyncio.run(work())


def test_nothing_is_archived_before_it_is_on_the_log_and_an_empty_log_has_an_archive(
    store: ObjectStore,
) -> None:
    async def work() -> None:
        log = HourlyLog()
        assert await archiver(log, store, AFTER_ALL).step() == 0
        assert await archived(store, log) == {0: []}

    asyncio.run(work())


# --- deleting from the log -------------------------------------------------------------------------


def test_only_what_is_archived_projected_and_old_is_deleted(store: ObjectStore) -> None:
    async def work() -> None:
        log = HourlyLog(partitions=2)
        log.say_hours(5)  # four hours are over; the fifth is at offset 16
        log.groups[PROJECTOR_GROUP, EVENTS] = {0: 11}
        now = T0 + 5 * HOUR
        await archiver(log, store, now, trim=log).step()
        assert log.first == {0: 0, 1: 0}, "without a retention nothing is"
        await archiver(log, store, now, retention_ms=HOUR).step()
        assert log.first == {0: 0, 1: 0}
        await archiver(log, store, now, trim=log, retention_ms=3 * HOUR).step()
        assert log.first == {0: 8, 1: 0}, "of the second nothing is projected"
        log.groups[PROJECTOR_GROUP, EVENTS] = {0: 20, 1: 11}
        keeps = archiver(log, store, now, trim=log, retention_ms=HOUR)
        await keeps.step()
        assert log.first == {0: 16, 1: 11}
        await keeps.step()
        await archiver(log, store, now + 100 * HOUR, trim=log, retention_ms=HOUR).step()
        assert log.first == {0: 20, 1: 11}
        assert await archived(store, log) == log.partitions

    asyncio.run(work())


def test_what_may_be_deleted() -> None:
    begins = [(10, 0), (10, 7), (12, 9)]
    assert [deletable_before(begins, 20, h * HOUR) for h in (10, 11, 12, 13)] == [0, 9, 9, 20]
    assert deletable_before([], 5, 99 * HOUR) == 0
