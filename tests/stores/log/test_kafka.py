"""What only Kafka brings: brokers that die and come back, groups with members, topics that others made."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError

from schemas import topics
from stores.log.kafka import KafkaLog, _Reader
from stores.log.port import LogUnavailable, Position
from tests.support.services.kafka import KafkaBroker
from tests.support.services.process import free_port

pytestmark = pytest.mark.kafka
PARTITIONS = 2
_PREFIXES = count()


def new_log(broker: KafkaBroker, timeout: float = 20) -> KafkaLog:
    return KafkaLog(broker.bootstrap, 1, timeout, 2**20, prefix=f"kafka-{next(_PREFIXES)}-")


def run(log: KafkaLog, test: Callable[[KafkaLog], Awaitable[None]]) -> None:
    async def main() -> None:
        await log.start()
        try:
            await log.create_topics(PARTITIONS)
            await test(log)
        finally:
            await log.stop()

    asyncio.run(main())


async def values(log: KafkaLog, partition: int) -> list[bytes]:
    end = (await log.bounds(topics.EVENTS))[partition].end
    return [r.value async for chunk in log.read(topics.EVENTS, partition, 0, end) for r in chunk]


@pytest.mark.parametrize("timeout", [1.0, 30.0], ids=["appends time out", "appends outlast it"])
def test_a_broker_killed_and_started_again_loses_nothing_acknowledged(tmp_path: Path, timeout: float) -> None:
    done: list[tuple[Position, bytes]] = []
    refused: list[bytes] = []
    seen: list[bytes] = []

    async def test(log: KafkaLog, broker: KafkaBroker) -> None:
        stopping = asyncio.Event()
        some = asyncio.Event()

        async def write(writer: int) -> None:
            n = 0
            while not stopping.is_set():
                value = b"%d-%d" % (writer, n)
                try:
                    done.append((await log.append(topics.EVENTS, f"run-{writer}", "test", value), value))
                except LogUnavailable:
                    refused.append(value)
                n += 1
                if len(done) >= 200:
                    some.set()

        async def follow() -> None:
            """One reader all the time, through the outage."""
            positions = dict.fromkeys(range(PARTITIONS), 0)
            while len(seen) < len(done) or not stopping.is_set():
                try:
                    records = await log.take(topics.EVENTS, positions, 100, 0.2)
                except LogUnavailable:  # its first fetch fell into the outage
                    continue
                for record in records:
                    assert record.offset == positions[record.partition]
                    positions[record.partition] += 1
                    seen.append(record.value)

        work = [asyncio.ensure_future(write(n)) for n in range(6)]
        following = asyncio.ensure_future(follow())
        await some.wait()
        await asyncio.to_thread(broker.kill)
        if timeout < 5:
            while len(refused) < 6:  # every writer has met the outage
                done_now, _ = await asyncio.wait(work, timeout=0.05)
                assert not done_now
        await asyncio.to_thread(broker.start)
        before = len(done)
        while len(done) < before + 200:  # it goes on by itself
            done_now, _ = await asyncio.wait(work, timeout=0.05)
            assert not done_now
        stopping.set()
        await asyncio.wait_for(asyncio.gather(*work), 60)
        await asyncio.wait_for(following, 60)
        found = {partition: await values(log, partition) for partition in range(PARTITIONS)}
        for position, value in done:
            assert found[position.partition][position.offset] == value
        assert len({(p.partition, p.offset) for p, _ in done}) == len(done)
        for writer in range(6):  # in order, whatever was sent again, and once
            mine = [v for records in found.values() for v in records if v.startswith(b"%d-" % writer)]
            numbers = [int(v.split(b"-")[1]) for v in mine]
            assert numbers == sorted(set(numbers))
        assert bool(refused) == (timeout < 5)

    with KafkaBroker(tmp_path / "kafka") as broker:
        run(new_log(broker, timeout), lambda log: test(log, broker))


def test_positions_are_those_of_the_group(kafka_broker: KafkaBroker) -> None:
    """A worker that joins the group resumes from what was committed here, and the other way round."""
    log = new_log(kafka_broker)
    group = "group-of-workers"

    async def test(log: KafkaLog) -> None:
        name, members = log._prefix + topics.EVENTS, log._prefix + group
        for n in range(10):
            await log.append(topics.EVENTS, "run", "test", b"%d" % n, 0)
        await log.commit(group, topics.EVENTS, {0: 4})
        member = AIOKafkaConsumer(
            name, bootstrap_servers=kafka_broker.bootstrap, group_id=members, enable_auto_commit=False
        )
        await member.start()
        try:
            assert (await member.getone()).value == b"4"
            await member.getone()
            await member.commit()
            assert (await log.committed(group, topics.EVENTS))[0] == 6
            with pytest.raises(LogUnavailable):  # while the group has members, they alone commit
                await log.commit(group, topics.EVENTS, {0: 1})
        finally:
            await member.stop()
        assert (await log.committed(group, topics.EVENTS))[0] == 6
        await log.commit(group, topics.EVENTS, {0: 8})
        assert (await log.committed(group, topics.EVENTS))[0] == 8

    run(log, test)


def test_trackers_with_prefixes_of_their_own_share_a_cluster(kafka_broker: KafkaBroker) -> None:
    one, other = new_log(kafka_broker), new_log(kafka_broker)

    async def test(log: KafkaLog) -> None:
        await other.start()
        try:
            await other.create_topics(PARTITIONS)
            await log.append(topics.EVENTS, "run", "test", b"x", 0)
            await log.commit(topics.PROJECTOR_GROUP, topics.EVENTS, {0: 1})
            assert (await other.bounds(topics.EVENTS))[0].end == 0
            assert await other.committed(topics.PROJECTOR_GROUP, topics.EVENTS) == {}
        finally:
            await other.stop()

    run(one, test)


def test_the_type_is_a_header_and_the_key_the_run(kafka_broker: KafkaBroker) -> None:
    async def test(log: KafkaLog) -> None:
        await log.append(topics.EVENTS, "run-1", "run.begun", b"value", 1)
        consumer = AIOKafkaConsumer(
            log._prefix + topics.EVENTS,
            bootstrap_servers=kafka_broker.bootstrap,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            message = await consumer.getone()
        finally:
            await consumer.stop()
        assert (message.key, message.value, message.partition) == (b"run-1", b"value", 1)
        assert dict(message.headers) == {topics.TYPE_HEADER: b"run.begun"}
        assert message.timestamp_type == 1  # the broker's time

    run(new_log(kafka_broker), test)


def test_too_large_a_message_is_refused_and_harms_nothing(kafka_broker: KafkaBroker) -> None:
    async def test(log: KafkaLog) -> None:
        with pytest.raises(ValueError, match="larger than the maximum"):
            await log.append(topics.EVENTS, "run", "test", bytes(2**20), 0)
        assert await log.append(topics.EVENTS, "run", "test", b"x", 0) == Position(0, 0)

    run(new_log(kafka_broker), test)


def test_a_position_that_is_not_there_is_an_error(kafka_broker: KafkaBroker) -> None:
    """The log was cut behind its reader's back: better told than waited for."""

    async def test(log: KafkaLog) -> None:
        with pytest.raises(LogUnavailable, match="OffsetOutOfRange"):
            await log.take(topics.EVENTS, {0: 5}, 1, 10)
        assert await log.append(topics.EVENTS, "run", "test", b"x", 0) == Position(0, 0)
        assert len(await log.take(topics.EVENTS, {0: 0}, 1, 10)) == 1

    run(new_log(kafka_broker), test)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({}, "LogAppendTime"),
        (
            {"message.timestamp.type": "LogAppendTime", "max.message.bytes": "1000"},
            "max.message.bytes=1000.*1048576",
        ),
    ],
    ids=["time", "size"],
)
def test_a_topic_with_the_producers_time_or_for_smaller_messages_is_refused(
    kafka_broker: KafkaBroker, config: dict[str, str], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    log = new_log(kafka_broker)

    async def test() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap)
        await admin.start()
        await admin.create_topics(
            [NewTopic(log._prefix + topic, PARTITIONS, 1, topic_configs=config) for topic in topics.ALL]
        )
        await admin.close()
        await log.start()
        try:
            async with asyncio.timeout(30):  # the brokers may not know the topics at once
                while not re.search(says, caplog.text):
                    await log._warn_of_topics()
            with pytest.raises(ValueError, match=says):
                await log.create_topics(PARTITIONS)
        finally:
            await log.stop()

    asyncio.run(test())


def test_more_replicas_than_brokers_is_told(kafka_broker: KafkaBroker) -> None:
    async def test() -> None:
        log = KafkaLog(kafka_broker.bootstrap, 3, 20, 2**20, prefix=f"kafka-{next(_PREFIXES)}-")
        await log.start()
        try:
            with pytest.raises(LogUnavailable, match="InvalidReplicationFactor"):
                await log.create_topics(PARTITIONS)
        finally:
            await log.stop()

    asyncio.run(test())


def test_without_a_broker_or_a_topic_it_is_unavailable(kafka_broker: KafkaBroker) -> None:
    async def test() -> None:
        nowhere = KafkaLog(f"127.0.0.1:{free_port()}", 1, 1, 2**20)
        with pytest.raises(LogUnavailable, match="127"):
            await nowhere.start()
        log = new_log(kafka_broker, timeout=1)
        await log.start()
        with pytest.raises(LogUnavailable, match="append"):  # its topics were never made
            await log.append(topics.EVENTS, "run", "test", b"x")
        await log.stop()
        with pytest.raises(LogUnavailable, match="not open"):
            await log.append(topics.EVENTS, "run", "test", b"x")

    asyncio.run(test())


class _DyingConsumer:
    """A consumer that fails, and whose stop() lets its own cancellation out, as aiokafka's does in an outage."""

    def __init__(self) -> None:
        self.closed = False
        self._client = self

    async def close(self) -> None:
        self.closed = True

    async def getmany(self, *_: object, **__: object) -> dict[object, list[object]]:
        raise KafkaConnectionError("gone")

    async def stop(self) -> None:
        raise asyncio.CancelledError


def test_a_consumer_that_dies_is_an_unavailable_log_not_a_cancellation() -> None:
    """Who waits for the log catches LogUnavailable; a cancellation that nobody asked for would end him silently."""

    async def main() -> None:
        log = KafkaLog("127.0.0.1:9", 1, 1.0, 2**20)
        log._open = True
        consumer = _DyingConsumer()
        reader = _Reader(consumer, topics.EVENTS)
        reader.positions = {0: 0}
        log._idle[topics.EVENTS].append(reader)
        with pytest.raises(LogUnavailable, match="gone"):
            await log.take(topics.EVENTS, {0: 0}, 1, 0.1)
        assert consumer.closed, "its connections would stay open"

    asyncio.run(main())
