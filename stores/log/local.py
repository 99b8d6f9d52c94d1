"""The local log: the port `EventLog` on one SQLite file, for a tracker that runs as one process.

An append is acknowledged when its transaction is on disk (WAL, synchronous=FULL). One thread writes and
commits all that waits together; readers have connections of their own and never wait for it. The SQL is in
`stores/log/local_file.py`.
"""

import asyncio
import logging
import os
import sqlite3
import time
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from stores.log import local_file
from stores.log.local_file import Append, Commit, Outcome, Streams, Trim, Work, Writer
from stores.log.port import Bounds, LogUnavailable, Position, Record

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_CHUNK_RECORDS = 500
_CHUNK_BYTES = 32 * 2**20  # most bytes that one read holds in memory (one record may be larger)
_POLL_SECONDS = 0.1  # a read-only log is not told what the writing process appends, so it looks
_READING_THREADS = 4


def now_ms() -> int:
    """The wall clock in ms since 1970."""
    return time.time_ns() // 1_000_000


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: the same for ever, since the number of partitions never changes."""
    return zlib.crc32(key.encode()) % partitions


def fair_share(available: Mapping[int, int], most: int) -> dict[int, int]:
    """How many records of each partition to take, `most` together: none waits behind another's backlog."""
    share = {}
    by_count = sorted((count, partition) for partition, count in available.items() if count > 0)
    for done, (count, partition) in enumerate(by_count):
        share[partition] = min(count, -(-most // (len(by_count) - done)))
        most -= share[partition]
    return {partition: count for partition, count in share.items() if count}


class LocalLog:
    """See the port. Times are ms since 1970; a partition's append time never falls, whatever `clock` does.

    One process at a time may write; `read_only` opens the file beside it and sees its appends within 0.1 s.
    `partitions` counts for a file that is not yet made, afterwards the file's own number does.
    """

    def __init__(
        self,
        path: Path,
        partitions: int,
        *,
        read_only: bool = False,
        append_timeout_seconds: float = 20,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self.path = path
        self.partitions = partitions
        self._read_only = read_only
        self._timeout = append_timeout_seconds
        self._clock = clock
        self._streams: Streams = {}
        # Stream → next offset, as acknowledged. Only the writing process keeps them.
        self._ends: dict[int, int] = {}
        self._writer: Writer[asyncio.Future[int]] | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._idle: list[sqlite3.Connection] = []  # at most one for each reading thread
        self._lock: int | None = None

    async def start(self) -> None:
        """Open the file, making it if needed. Raises LogUnavailable, naming the file, if that fails."""
        self._loop = asyncio.get_running_loop()
        self._appended = asyncio.Event()  # replaced at each append, so that one set() wakes all who wait
        # Threads of its own: in the loop's default pool reads would wait behind slow queries of others.
        self._readers = ThreadPoolExecutor(_READING_THREADS, thread_name_prefix="log-read")
        try:
            if not self._read_only:
                self._writer = await asyncio.to_thread(self._open)
            self.partitions, self._streams = await self._query(lambda c: local_file.load(self.path, c))
        except (sqlite3.Error, OSError) as error:
            await self.stop()
            raise LogUnavailable(f"{self.path} cannot be opened: {error}") from error
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Write what was appended, and close. What is appended afterwards raises LogUnavailable."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            await asyncio.to_thread(writer.close)
        if self._readers is not None:
            readers, self._readers = self._readers, None
            await asyncio.to_thread(readers.shutdown)
        while self._idle:
            self._idle.pop().close()
        if self._lock is not None:
            os.close(self._lock)  # which unlocks it
            self._lock = None

    async def create_topics(self, partitions: int) -> None:
        """They are made with the file. Raises ValueError if it has another number of partitions."""
        self._require_open()
        if partitions != self.partitions:
            raise ValueError(
                f"{self.path} was made with {self.partitions} partitions, not {partitions}, and keeps them: "
                f"set TRACKER_PARTITIONS={self.partitions}, or replay into a new log"
            )

    async def append(
        self, topic: str, key: str, type: str, value: bytes, partition: int | None = None
    ) -> Position:
        """Append and wait until it is on disk. Raises LogUnavailable if that failed or takes too long.

        After a timeout the message may still be written, since it is in the queue: repeats are harmless.
        Raises ValueError for a partition that is not there, or a key or type that is no UTF-8.
        """
        if partition is None:
            partition = partition_of(key, self.partitions)
        # A text that is no UTF-8 must fail here alone, not in the transaction that it shares.
        key.encode()
        type.encode()
        offset = await self._written(Append(self._stream(topic, partition), key, type, value))
        return Position(partition, offset)

    async def bounds(self, topic: str) -> Mapping[int, Bounds]:
        streams = {partition: self._stream(topic, partition) for partition in range(self.partitions)}
        return await self._query(lambda c: {p: local_file.bounds(c, stream) for p, stream in streams.items()})

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """Chunks of at most 500 records and 32 MiB (or one record). Ends where the log ends."""
        stream = self._stream(topic, partition)
        while start < end:

            def query(c: sqlite3.Connection, start: int = start) -> list[Record]:
                return local_file.records(
                    c, stream, partition, start, min(end - start, _CHUNK_RECORDS), _CHUNK_BYTES
                )

            chunk = await self._query(query)
            if not chunk:
                return
            yield chunk
            start = chunk[-1].offset + 1

    async def count(self, topic: str, partition: int, start: int, end: int, type: str) -> int:
        stream = self._stream(topic, partition)
        return await self._query(lambda c: local_file.count(c, stream, start, end, type))

    async def take(
        self, topic: str, positions: Mapping[int, int], most: int, within: float
    ) -> Sequence[Record]:
        """See the port. Each partition gets its fair share of `most`; fewer above about 32 MiB."""
        streams = {partition: self._stream(topic, partition) for partition in positions}
        deadline = self._loop.time() + within
        arrived = False
        while True:
            appended = self._appended  # before looking, so that nothing is missed in between
            ends = await self._ends_of(streams)
            available = {partition: ends[partition] - position for partition, position in positions.items()}
            total = sum(count for count in available.values() if count > 0)
            if total and not arrived:
                arrived = True
                deadline = self._loop.time() + within
            left = deadline - self._loop.time()
            if total >= most or left <= 0:
                break
            with suppress(TimeoutError):  # then look once more, for the last time
                async with asyncio.timeout(min(left, _POLL_SECONDS) if self._read_only else left):
                    await appended.wait()
        share = fair_share(available, most)
        if not share:
            return []
        size = _CHUNK_BYTES // len(share)

        def query(c: sqlite3.Connection) -> list[Record]:
            taken: list[Record] = []
            for partition, count in sorted(share.items()):
                taken += local_file.records(
                    c, streams[partition], partition, positions[partition], count, size
                )
            return taken

        return await self._query(query)

    async def committed(self, group: str, topic: str) -> Mapping[int, int]:
        streams = {partition: self._stream(topic, partition) for partition in range(self.partitions)}
        offsets = await self._query(lambda c: local_file.committed(c, group))
        return {partition: offsets[stream] for partition, stream in streams.items() if stream in offsets}

    async def commit(self, group: str, topic: str, positions: Mapping[int, int]) -> None:
        """Raises LogUnavailable as `append` does."""
        await self._written(
            Commit(group, {self._stream(topic, p): offset for p, offset in positions.items()})
        )

    async def readers(self, group: str) -> int:
        """None but this process: the file admits one."""
        return 0

    async def delete_before(self, topic: str, offsets: Mapping[int, int]) -> None:
        """Delete what lies before the offset in each of these partitions, for ever. Raises LogUnavailable as `append` does."""
        for partition, offset in offsets.items():
            await self._written(Trim(self._stream(topic, partition), offset))

    def _require_open(self) -> None:
        if self._readers is None:
            raise LogUnavailable(f"{self.path} is not open")

    def _stream(self, topic: str, partition: int) -> int:
        self._require_open()
        stream = self._streams.get((topic, partition))
        if stream is None:
            raise ValueError(f"{self.path} has no partition {partition} of topic {topic}")
        return stream

    async def _written(self, work: Work) -> int:
        if self._writer is None:
            raise LogUnavailable(f"{self.path} is open for reading only")
        done: asyncio.Future[int] = self._loop.create_future()
        self._writer.put(work, done)
        try:
            async with asyncio.timeout(self._timeout):
                return await done
        except TimeoutError:
            raise LogUnavailable(f"{self.path} did not acknowledge within {self._timeout:g} s") from None

    async def _ends_of(self, streams: Mapping[int, int]) -> dict[int, int]:
        """Partition → the offset after its last record."""
        if self._read_only:
            return await self._query(
                lambda c: {p: local_file.bounds(c, stream).end for p, stream in streams.items()}
            )
        return {partition: self._ends[stream] for partition, stream in streams.items()}

    async def _query(self, query: Callable[[sqlite3.Connection], _T]) -> _T:
        if self._readers is None:
            raise LogUnavailable(f"{self.path} is not open")
        return await self._loop.run_in_executor(self._readers, self._run_query, query)

    def _settle(self, outcome: Outcome[asyncio.Future[int]]) -> None:
        """On the loop: tell those who wait what became of one transaction."""
        for (work, done), offset in zip(outcome.work, outcome.offsets, strict=True):
            if outcome.failure is None and isinstance(work, Append):
                self._ends[work.stream] = offset + 1
            if done.done():  # its caller has given up
                continue
            if outcome.failure is None:
                done.set_result(offset)
            else:
                done.set_exception(LogUnavailable(f"{self.path} could not be written: {outcome.failure}"))
        appended, self._appended = self._appended, asyncio.Event()
        appended.set()

    # --- in threads ----------------------------------------------------------------------------

    def _open(self) -> Writer[asyncio.Future[int]]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = local_file.lock(self.path)
        connection = local_file.open_for_writing(self.path, self.partitions)
        try:
            _, streams = local_file.load(self.path, connection)
            tails = local_file.tails_of(connection, streams.values())
        except BaseException:
            connection.close()
            raise
        self._ends = {stream: tail.end for stream, tail in tails.items()}
        return Writer(connection, tails, self._clock, self._report)

    def _report(self, outcome: Outcome[asyncio.Future[int]]) -> None:
        try:
            self._loop.call_soon_threadsafe(self._settle, outcome)
        except RuntimeError:  # nobody waits any more: the loop was closed without stop()
            _log.warning("%s was written after the event loop had been closed", self.path)

    def _run_query(self, query: Callable[[sqlite3.Connection], _T]) -> _T:
        connection = None
        try:
            connection = self._idle.pop() if self._idle else local_file.open_for_reading(self.path)
            result = query(connection)
        except BaseException as error:
            if connection is not None:
                connection.close()
            if isinstance(error, sqlite3.Error):
                raise LogUnavailable(f"{self.path} could not be read: {error}") from error
            raise
        self._idle.append(connection)
        return result
