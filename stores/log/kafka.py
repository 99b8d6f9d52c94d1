"""The log on Kafka: the port `EventLog` through aiokafka.

An append is acknowledged by all in-sync replicas (acks=all). The producer is idempotent: what it sends again
after a lost answer, or a broker's restart, lands once and in order. Consumers are assigned by hand, never by
a group: whoever reads says from where.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import (
    ConsumerStoppedError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.partitioner import DefaultPartitioner

from schemas.topics import TYPE_HEADER
from stores.log import kafka_clients, kafka_topics
from stores.log.port import Bounds, LogUnavailable, Position, Record

_log = logging.getLogger(__name__)

_BATCH_BYTES = 2**20  # of one produce request for one partition; a larger message goes alone
_FETCH_BYTES = 8 * 2**20  # compressed, of one fetch for one partition; a larger message comes alone
_TAKE_BYTES = 32 * 2**20  # about what one take holds in memory
_CHUNK_RECORDS = 500
_IDLE_READERS = 4  # consumers kept for the next read or take of the same topic
# Errors that say nothing about the producer: it goes on as it is.
_PASSING = (KafkaTimeoutError, UnknownTopicOrPartitionError, TopicAuthorizationFailedError)


class KafkaLog:
    """See the port. Append times are those of the broker (LogAppendTime), in ms since 1970.

    `max_message_bytes` is the largest message; an append above it raises ValueError. `prefix` comes before
    the name of every topic and consumer group, so that several trackers can share a cluster.
    """

    def __init__(
        self,
        bootstrap: str,
        replication_factor: int,
        append_timeout_seconds: float,
        max_message_bytes: int,
        prefix: str = "",
    ) -> None:
        self._bootstrap = bootstrap
        self._replication_factor = replication_factor
        self._timeout = append_timeout_seconds
        self._max_message_bytes = max_message_bytes
        self._prefix = prefix
        self._open = False
        self._producer: Any = None
        self._broken = False
        self._partitioner = DefaultPartitioner()
        self._groups: dict[str, Any] = {}
        self._idle: defaultdict[str, list[_Reader]] = defaultdict(list)
        self._offsets: Any = None  # a consumer that asks for offsets only

    async def start(self) -> None:
        """Connect. Raises LogUnavailable if no broker answers within the append timeout."""
        self._renewing = asyncio.Lock()
        self._grouping = asyncio.Lock()
        self._asking = asyncio.Lock()
        self._entering: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._sending: defaultdict[tuple[str, int], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._open = True
        try:
            async with self._answering("connect"):
                await self._working_producer()
        except BaseException:
            self._open = False
            raise
        await self._warn_of_topics()

    async def _warn_of_topics(self) -> None:
        """Somebody may have made or changed them: say so, and write what they still take."""
        try:
            async with asyncio.timeout(self._timeout):
                await kafka_topics.check(self._bootstrap, self._prefix, self._max_message_bytes)
        except ValueError as error:
            _log.error("%s", error)
        except (KafkaError, OSError) as error:
            _log.info("the topics could not be checked: %r", error)

    async def stop(self) -> None:
        """Wait for what is on its way, at most the append timeout, and close."""
        self._open = False
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await kafka_clients.close_producer(producer, self._timeout)
        readers = [reader.consumer for idle in self._idle.values() for reader in idle]
        consumers = [*readers, *self._groups.values(), *([self._offsets] if self._offsets else [])]
        self._idle.clear()
        self._groups.clear()
        self._offsets = None
        for consumer in consumers:
            await kafka_clients.close_consumer(consumer)

    async def create_topics(self, partitions: int) -> None:
        """Make the topics that are missing, which keep everything and take the broker's append time.

        Raises ValueError if one exists with another number of partitions, or takes its time from producers.
        """
        async with self._answering("make topics"):
            await kafka_topics.create(
                self._bootstrap, self._prefix, partitions, self._replication_factor, self._max_message_bytes
            )

    async def append(
        self, topic: str, key: str, type: str, value: bytes, partition: int | None = None
    ) -> Position:
        """Append and wait until all in-sync replicas have it. Raises LogUnavailable without their word.

        After a timeout the message may still land, since the producer goes on sending: repeats are harmless.
        Raises ValueError for a partition that is not there, or a message above `max_message_bytes`.
        """
        name = self._prefix + topic
        key_bytes = key.encode()
        producer = None
        async with self._answering(f"append to {name}"):
            try:
                # Locks are first come, first served. Without them those who waited, for the first answer about
                # the topic or for room in a batch, would be overtaken by those who came later.
                async with self._entering[name]:
                    producer = await self._working_producer()
                    partitions = sorted(await producer.partitions_for(name))
                if partition is None:
                    partition = int(self._partitioner(key_bytes, partitions, partitions))
                elif partition not in partitions:
                    raise ValueError(f"{name} has no partition {partition}")
                async with self._sending[name, partition]:
                    sending = await producer.send(
                        name, value, key_bytes, partition, headers=[(TYPE_HEADER, type.encode())]
                    )
                offset = (await sending).offset
            except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
                raise ValueError(str(error)) from error
            except KafkaError as error:
                if producer is not None and producer is self._producer and not isinstance(error, _PASSING):
                    self._broken = True
                raise
        if offset < 0:  # an answer to a repeat of which the broker knows no more than that it has it
            raise LogUnavailable(f"{name} has the message, but the broker did not say where")
        return Position(partition, offset)

    async def bounds(self, topic: str) -> Mapping[int, Bounds]:
        async with self._answering(f"ask for the offsets of {self._prefix + topic}"):
            partitions = [TopicPartition(self._prefix + topic, p) for p in await self._partitions(topic)]
            async with self._asking:
                if self._offsets is None:
                    self._offsets = await self._consumer(None)
                consumer = self._offsets  # stop() may come in between
                first = await consumer.beginning_offsets(partitions)
                end = await consumer.end_offsets(partitions)
        return {tp.partition: Bounds(first[tp], end[tp]) for tp in partitions}

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """Chunks of at most 500 records. Ends where the log ended at the call.

        Raises LogUnavailable if nothing comes within the append timeout, or `start` is no longer kept.
        """
        bounds = await self.bounds(topic)
        if partition not in bounds:
            raise ValueError(f"{self._prefix + topic} has no partition {partition}")
        end = min(end, bounds[partition].end)
        if start >= end:
            return
        async with self._reader(topic, {partition: start}) as reader:
            while start < end:
                chunk = await reader.next(min(end - start, _CHUNK_RECORDS), self._timeout)
                if not chunk:
                    raise LogUnavailable(f"nothing of {self._prefix + topic} came within {self._timeout:g} s")
                start = chunk[-1].offset + 1
                yield chunk

    async def count(self, topic: str, partition: int, start: int, end: int, type: str) -> int:
        """Kafka gives no type without its record: they are read a chunk at a time and dropped."""
        found = 0
        async for records in self.read(topic, partition, start, end):
            found += sum(r.type.startswith(type) for r in records)
        return found

    async def take(
        self, topic: str, positions: Mapping[int, int], most: int, within: float
    ) -> Sequence[Record]:
        """See the port. Fewer than `most` above about 32 MiB. While the brokers are away: an empty list, or
        LogUnavailable where the positions are not those that the last call ended at."""
        loop = asyncio.get_running_loop()
        if not positions:
            await asyncio.sleep(within)
            return []
        taken: list[Record] = []
        size = 0
        async with self._reader(topic, positions) as reader:
            patience = within
            if reader.moved:  # the first fetch takes its time; what is there must not be reported as absent
                ends = await self.bounds(topic)
                if any(p in ends and ends[p].end > offset for p, offset in positions.items()):
                    patience = self._timeout
            deadline = loop.time() + patience
            while len(taken) < most and size < _TAKE_BYTES:
                chunk = await reader.next(most - len(taken), max(0.0, deadline - loop.time()))
                if not chunk:
                    break
                if not taken:
                    deadline = loop.time() + within
                taken += chunk
                size += sum(len(record.value) for record in chunk)
        return taken

    async def committed(self, group: str, topic: str) -> Mapping[int, int]:
        async with self._group(group, topic) as (consumer, partitions):
            offsets = {tp.partition: await consumer.committed(tp) for tp in partitions}
        return {partition: offset for partition, offset in offsets.items() if offset is not None}

    async def commit(self, group: str, topic: str, positions: Mapping[int, int]) -> None:
        """The positions are those of the Kafka group, which its subscribed members resume from.

        While it has members only they may commit: then this raises LogUnavailable.
        """
        async with self._group(group, topic) as (consumer, _):
            await consumer.commit({TopicPartition(self._prefix + topic, p): o for p, o in positions.items()})

    async def readers(self, group: str) -> int:
        """Members of the consumer group, whatever they are doing. Raises LogUnavailable."""
        async with self._answering(f"look at {group}"):
            return await kafka_topics.members(self._bootstrap, self._prefix + group)

    async def delete_before(self, topic: str, offsets: Mapping[int, int]) -> None:
        """Delete what lies before the offset in each of these partitions, for ever. Raises LogUnavailable."""
        async with self._answering(f"delete from {self._prefix + topic}"):
            await kafka_topics.delete_before(self._bootstrap, self._prefix + topic, offsets)

    @asynccontextmanager
    async def _answering(self, doing: str) -> AsyncIterator[None]:
        """What happens inside ends within the append timeout; its failures become LogUnavailable."""
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except (KafkaError, ConsumerStoppedError, OSError) as error:  # TimeoutError is an OSError
            why = f"no answer within {self._timeout:g} s" if isinstance(error, TimeoutError) else repr(error)
            raise LogUnavailable(f"Kafka at {self._bootstrap}, to {doing}: {why}") from error

    async def _working_producer(self) -> Any:
        """The producer; a new one after an error that it cannot recover from, as a gap in its sequence."""
        async with self._renewing:
            if not self._open:
                raise LogUnavailable(f"the log at {self._bootstrap} is not open")
            if self._broken:
                _log.warning("the Kafka producer failed and is made anew")
                producer, self._producer, self._broken = self._producer, None, False
                await kafka_clients.close_producer(producer, self._timeout / 4)
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    enable_idempotence=True,
                    acks="all",
                    # Measured on task records: 11 to 1 at 690 MB/s, where lz4 does 7 to 1 at 180 MB/s.
                    compression_type="zstd",
                    max_request_size=self._max_message_bytes,
                    max_batch_size=_BATCH_BYTES,
                    linger_ms=0,  # measured: 5 ms more gives no more throughput, only 5 ms more latency
                    request_timeout_ms=self._request_timeout_ms,
                )
                await kafka_clients.start(producer)
                self._producer = producer
            return self._producer

    @property
    def _request_timeout_ms(self) -> int:
        return int(max(10.0, self._timeout) * 1000)

    async def _partitions(self, topic: str) -> list[int]:
        producer = await self._working_producer()
        return sorted(await producer.partitions_for(self._prefix + topic))

    async def _consumer(self, group: str | None) -> Any:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="none",  # a position that is gone is an error, never a jump
            max_partition_fetch_bytes=_FETCH_BYTES,
            request_timeout_ms=self._request_timeout_ms,
        )
        await kafka_clients.start(consumer)
        return consumer

    @asynccontextmanager
    async def _group(self, group: str, topic: str) -> AsyncIterator[tuple[Any, list[TopicPartition]]]:
        async with self._answering(f"use the positions of {group}"), self._grouping:
            partitions = [TopicPartition(self._prefix + topic, p) for p in await self._partitions(topic)]
            if group not in self._groups:
                self._groups[group] = await self._consumer(self._prefix + group)
            consumer = self._groups[group]
            if consumer.assignment() != set(partitions):
                consumer.assign(partitions)
                consumer.pause(*partitions)  # it is here for positions, not for records
            yield consumer, partitions

    @asynccontextmanager
    async def _reader(self, topic: str, positions: Mapping[int, int]) -> AsyncIterator["_Reader"]:
        """A reader at the positions, for one user at a time: best the one that is already there."""
        idle = self._idle[topic]
        there = next((reader for reader in idle if reader.positions == positions), None)
        if there is not None:
            idle.remove(there)
            reader = there
            reader.moved = False
        else:
            async with self._answering(f"read {self._prefix + topic}"):
                if not self._open:
                    raise LogUnavailable(f"the log at {self._bootstrap} is not open")
                reader = idle.pop() if idle else _Reader(await self._consumer(None), self._prefix + topic)
                reader.move(positions)
        try:
            yield reader
        except KafkaError as error:
            await kafka_clients.close_consumer(reader.consumer)
            raise LogUnavailable(f"Kafka at {self._bootstrap}, to read {reader.name}: {error!r}") from error
        except BaseException:  # given up in the middle: its positions say nothing
            await kafka_clients.close_consumer(reader.consumer)
            raise
        if self._open and len(idle) < _IDLE_READERS:
            idle.append(reader)
        else:
            await kafka_clients.close_consumer(reader.consumer)


class _Reader:
    """A consumer, and where it is."""

    def __init__(self, consumer: Any, name: str) -> None:
        self.consumer = consumer
        self.name = name
        self.positions: dict[int, int] = {}
        self.moved = False

    def move(self, positions: Mapping[int, int]) -> None:
        # Assigned anew, since that cancels a fetch at the old positions, which could wait for 500 ms.
        self.consumer.assign([TopicPartition(self.name, partition) for partition in positions])
        for partition, offset in positions.items():
            self.consumer.seek(TopicPartition(self.name, partition), offset)
        self.positions = dict(positions)
        self.moved = True

    async def next(self, most: int, within: float) -> list[Record]:
        """At most `most` records, as soon as there are any; none after `within` seconds."""
        got = await self.consumer.getmany(timeout_ms=int(within * 1000), max_records=most)
        records = [_record(message) for messages in got.values() for message in messages]
        for record in records:
            self.positions[record.partition] = record.offset + 1
        return records


def _record(message: "ConsumerRecord[bytes, bytes]") -> Record:
    type_ = dict(message.headers).get(TYPE_HEADER, b"")
    key = (message.key or b"").decode(errors="replace")
    appended_at = message.timestamp
    return Record(
        message.partition,
        message.offset,
        appended_at,
        key,
        type_.decode(errors="replace"),
        message.value or b"",
    )
