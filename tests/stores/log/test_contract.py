"""The contract of the port `EventLog`, held by the local log, by Kafka, and by the one that stands in for them in tests."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from schemas import topics
from stores.log.kafka import KafkaLog
from stores.log.local import LocalLog
from stores.log.port import Bounds, EventLog, Position, Record
from tests.support.log import MemoryLog
from tests.support.services.kafka import KafkaBroker

PARTITIONS = 4
MAX_MESSAGE_BYTES = 32 * 2**20
_PREFIXES = count()


@dataclass(frozen=True)
class Place:
    """Where one test's log lies; `log()` is another client of it, not yet started."""

    log: Callable[[], EventLog]


@pytest.fixture(params=["memory", "local", pytest.param("kafka", marks=pytest.mark.kafka)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "memory":
        memory = MemoryLog(PARTITIONS, lambda: time.time_ns() // 1_000_000)
        return Place(lambda: memory)
    if request.param == "local":
        return Place(lambda: LocalLog(tmp_path / "log.sqlite", PARTITIONS))
    broker: KafkaBroker = request.getfixturevalue("kafka_broker")
    prefix = f"contract-{next(_PREFIXES)}-"  # topics of its own for each test
    return Place(lambda: KafkaLog(broker.bootstrap, 1, 20, MAX_MESSAGE_BYTES, prefix))


def run(place: Place, test: Callable[[EventLog], Awaitable[None]]) -> None:
    async def main() -> None:
        log = place.log()
        await log.start()
        try:
            await log.create_topics(PARTITIONS)
            await test(log)
        finally:
            await log.stop()

    asyncio.run(main())


async def everything(log: EventLog, topic: str = topics.EVENTS) -> dict[int, list[Record]]:
    """Partition → its records, first to last."""
    found: dict[int, list[Record]] = {}
    for partition, bounds in (await log.bounds(topic)).items():
        found[partition] = []
        async for chunk in log.read(topic, partition, bounds.first, bounds.end):
            found[partition] += chunk
    return found


def append(log: EventLog, key: str, value: bytes = b"x", partition: int | None = None) -> Awaitable[Position]:
    return log.append(topics.EVENTS, key, "test", value, partition)


def test_a_record_comes_back_whole(place: Place) -> None:
    async def test(log: EventLog) -> None:
        value = bytes(range(256)) * 10
        before = time.time_ns() // 1_000_000
        position = await log.append(topics.EVENTS, "rün-1", "run.begun", value)
        (record,) = (await everything(log))[position.partition]
        assert record.appended_at >= before - 1000  # a broker's clock is not this process's
        assert record == Record(
            position.partition, position.offset, record.appended_at, "rün-1", "run.begun", value
        )
        assert (await log.bounds(topics.TRANSITIONS))[position.partition] == Bounds(0, 0)  # a topic by itself

    run(place, test)


def test_concurrent_appends_keep_their_order_within_a_key(place: Place) -> None:
    async def test(log: EventLog) -> None:
        keys = [f"run-{n}" for n in range(10)]
        # Large enough that batches fill up and appends must wait for one another, while new ones come.
        values = [b"%06d" % n + b"." * 60_000 for n in range(1500)]
        appending = []
        for n, value in enumerate(values):
            appending.append(asyncio.ensure_future(append(log, keys[n % 10], value)))
            if n > 400:
                await asyncio.sleep(0)  # one turn of the loop, in which others are woken
        await asyncio.gather(*appending)
        found = await everything(log)
        for key in keys:
            mine = [record for records in found.values() for record in records if record.key == key]
            assert len({record.partition for record in mine}) == 1
            assert [r.value for r in mine] == [v for n, v in enumerate(values) if keys[n % 10] == key]

    run(place, test)


def test_keys_spread_and_equal_keys_share_a_partition(place: Place) -> None:
    async def test(log: EventLog) -> None:
        keys = [f"run-{n}" for n in range(64)]
        first = await asyncio.gather(*(append(log, key) for key in keys))
        again = await asyncio.gather(*(append(log, key) for key in keys))
        assert [p.partition for p in first] == [p.partition for p in again]
        assert {p.partition for p in first} == set(range(PARTITIONS))

    run(place, test)


def test_a_named_partition_wins_over_the_key(place: Place) -> None:
    async def test(log: EventLog) -> None:
        for partition in range(PARTITIONS):
            assert await append(log, "clock", b"tick", partition) == Position(partition, 0)
        with pytest.raises(ValueError, match="no partition 4"):
            await append(log, "clock", b"tick", PARTITIONS)

    run(place, test)


def test_offsets_rise_by_one_and_bounds_say_where(place: Place) -> None:
    async def test(log: EventLog) -> None:
        assert await log.bounds(topics.EVENTS) == {n: Bounds(0, 0) for n in range(PARTITIONS)}
        done = await asyncio.gather(*(append(log, "run", b"%d" % n, 1) for n in range(50)))
        assert sorted(p.offset for p in done) == list(range(50))
        bounds = await log.bounds(topics.EVENTS)
        assert bounds[1] == Bounds(0, 50)
        assert bounds[0] == Bounds(0, 0)
        assert [r.offset for r in (await everything(log))[1]] == list(range(50))

    run(place, test)


def test_append_time_never_falls_within_a_partition(place: Place) -> None:
    async def test(log: EventLog) -> None:
        for n in range(5):
            await asyncio.gather(*(append(log, f"run-{n}-{m}") for m in range(20)))
        for records in (await everything(log)).values():
            times = [record.appended_at for record in records]
            assert times == sorted(times)

    run(place, test)


def test_read_gives_the_range_and_no_more(place: Place) -> None:
    async def test(log: EventLog) -> None:
        for n in range(30):
            await append(log, "run", b"%d" % n, 2)

        async def offsets(start: int, end: int) -> list[int]:
            return [r.offset async for chunk in log.read(topics.EVENTS, 2, start, end) for r in chunk]

        assert await offsets(10, 20) == list(range(10, 20))
        assert await offsets(25, 99) == list(range(25, 30))  # what is not yet there is not waited for
        assert await offsets(30, 99) == []
        assert await offsets(5, 5) == []

    run(place, test)


def test_reading_while_writing(place: Place) -> None:
    async def test(log: EventLog) -> None:
        total = 300
        positions = dict.fromkeys(range(PARTITIONS), 0)
        seen: list[Record] = []

        async def write(writer: int) -> None:
            for n in range(total // 3):
                await append(log, f"run-{writer}", b"%d-%d" % (writer, n))

        async def read() -> None:
            while len(seen) < total:
                for record in await log.take(topics.EVENTS, positions, 50, 0.2):
                    assert record.offset == positions[record.partition]
                    positions[record.partition] += 1
                    seen.append(record)

        await asyncio.wait_for(asyncio.gather(read(), *(write(n) for n in range(3))), 60)
        for writer in range(3):
            mine = [record.value for record in seen if record.key == f"run-{writer}"]
            assert mine == [b"%d-%d" % (writer, n) for n in range(total // 3)]

    run(place, test)


def test_take_respects_most_and_gives_what_is_there_at_once(place: Place) -> None:
    async def test(log: EventLog) -> None:
        await asyncio.gather(*(append(log, f"run-{n}") for n in range(40)))
        positions = dict.fromkeys(range(PARTITIONS), 0)
        taken: list[Record] = []
        started = time.monotonic()
        while len(taken) < 40:
            batch = await log.take(topics.EVENTS, positions, 8, 60)
            assert len(batch) == 8  # full, so it does not wait for the 60 s
            for record in batch:
                assert record.offset == positions[record.partition]
                positions[record.partition] += 1
            taken += batch
        assert time.monotonic() - started < 30

    run(place, test)


def test_take_finds_what_is_there_from_any_position(place: Place) -> None:
    async def test(log: EventLog) -> None:
        for n in range(20):
            await append(log, "run", b"%d" % n, 0)
        for start in (0, 15, 3, 19):
            taken = await log.take(topics.EVENTS, {0: start}, 1, 0.001)
            assert [record.offset for record in taken] == [start]

    run(place, test)


def test_take_leaves_out_partitions_that_were_not_asked_for(place: Place) -> None:
    async def test(log: EventLog) -> None:
        for partition in range(PARTITIONS):
            await append(log, "run", b"x", partition)
        taken = await log.take(topics.EVENTS, {1: 0, 3: 0}, 2, 10)
        assert {record.partition for record in taken} == {1, 3}
        assert await log.take(topics.EVENTS, {}, 2, 0.01) == []

    run(place, test)


def test_take_comes_back_empty_after_its_time(place: Place) -> None:
    async def test(log: EventLog) -> None:
        positions = dict.fromkeys(range(PARTITIONS), 0)
        for _ in range(2):
            started = time.monotonic()
            assert await log.take(topics.EVENTS, positions, 10, 0.3) == []
            assert 0.25 < time.monotonic() - started < 10

    run(place, test)


def test_take_wakes_at_once_and_waits_for_more_only_so_long(place: Place) -> None:
    async def test(log: EventLog) -> None:
        positions = {0: 0}
        assert await log.take(topics.EVENTS, positions, 1, 0.01) == []  # from here on it is at the position
        waiting = asyncio.ensure_future(log.take(topics.EVENTS, positions, 1, 60))
        await append(log, "run", b"first", 0)
        started = time.monotonic()
        (record,) = await waiting
        assert record.value == b"first"
        assert time.monotonic() - started < 10  # far below its 60 s

        # Three arrive, ten are asked for: it comes back a second after the first.
        waiting = asyncio.ensure_future(log.take(topics.EVENTS, {0: 1}, 10, 1))
        await asyncio.gather(*(append(log, "run", b"%d" % n, 0) for n in range(3)))
        assert len(await waiting) == 3

    run(place, test)


def test_two_readers_take_the_same_records(place: Place) -> None:
    async def test(log: EventLog) -> None:
        await asyncio.gather(*(append(log, "run", b"%d" % n, 0) for n in range(10)))
        one, two = await asyncio.gather(
            *(log.take(topics.EVENTS, {0: 0}, 10, 10) for _ in range(2)),
        )
        assert len(one) == 10
        assert one == two

    run(place, test)


def test_resume_from_the_committed_position(place: Place) -> None:
    async def first(log: EventLog) -> None:
        assert await log.committed("readers", topics.EVENTS) == {}
        for n in range(10):
            await append(log, "run", b"%d" % n, 1)
        await log.commit("readers", topics.EVENTS, {1: 4})
        await log.commit("readers", topics.EVENTS, {1: 7, 2: 0})
        await log.commit("others", topics.EVENTS, {1: 1})
        await log.commit("readers", topics.TRANSITIONS, {0: 0})

    async def then(log: EventLog) -> None:
        assert await log.committed("readers", topics.EVENTS) == {1: 7, 2: 0}
        assert await log.committed("others", topics.EVENTS) == {1: 1}
        assert await log.committed("readers", topics.TRANSITIONS) == {0: 0}
        taken = await log.take(topics.EVENTS, await log.committed("readers", topics.EVENTS), 3, 10)
        assert [record.value for record in taken] == [b"7", b"8", b"9"]

    run(place, first)
    run(place, then)


def test_a_big_message(place: Place) -> None:
    async def test(log: EventLog) -> None:
        value = hashlib.shake_128(b"big").digest(12 * 2**20)  # does not compress
        await append(log, "run", b"before", 0)
        await append(log, "run", value, 0)
        await append(log, "run", b"after", 0)
        assert [r.value for r in (await everything(log))[0]] == [b"before", value, b"after"]
        taken: Sequence[Record] = []
        while len(taken) < 3:
            taken = [*taken, *await log.take(topics.EVENTS, {0: len(taken)}, 3, 0.1)]
        assert [record.value for record in taken] == [b"before", value, b"after"]

    run(place, test)


def test_topics_keep_their_number_of_partitions(place: Place) -> None:
    async def test(log: EventLog) -> None:
        await append(log, "run")
        await log.create_topics(PARTITIONS)  # made already: nothing happens
        for other in (PARTITIONS - 1, PARTITIONS + 1):
            with pytest.raises(ValueError, match=f"{PARTITIONS} partitions, not {other}"):
                await log.create_topics(other)
        assert len(await log.bounds(topics.EVENTS)) == PARTITIONS

    run(place, test)


def test_stop_loses_nothing_acknowledged(place: Place) -> None:
    done: list[tuple[Position, bytes]] = []

    async def first(log: EventLog) -> None:
        async def one(n: int) -> None:
            value = b"%d" % n * 1000
            done.append((await append(log, f"run-{n % 7}", value), value))

        appending = [asyncio.ensure_future(one(n)) for n in range(200)]
        await appending[50]
        await log.stop()  # in the middle
        await asyncio.wait(appending)
        for task in appending:
            task.exception()  # those that came too late were told so

    async def then(log: EventLog) -> None:
        found = await everything(log)
        assert len(done) > 50
        for position, value in done:
            assert found[position.partition][position.offset].value == value

    run(place, first)
    run(place, then)


def test_types_are_counted(place: Place) -> None:
    async def test(log: EventLog) -> None:
        for n in range(6):
            await log.append(topics.EVENTS, "k", "clock.tick" if n % 2 else "run.created", b"x" * 1000, 1)
        for start, end, type_, found in (
            (0, 6, "clock.", 3),
            (1, 4, "clock.", 2),
            (2, 2, "clock.", 0),
            (0, 6, "", 6),
        ):
            assert await log.count(topics.EVENTS, 1, start, end, type_) == found
        assert await log.count(topics.EVENTS, 0, 0, 0, "clock.") == 0

    run(place, test)
