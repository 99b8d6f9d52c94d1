"""The disk spool: what ingest keeps while the log is away, so that a runner still gets its 2xx.

`SpooledLog` is an `EventLog` around another. An append that the log does not acknowledge in time is written to a local log (one
SQLite file) instead, and appended to the log as soon as that answers again: in order within each key, since a key of which
something is spooled has all that follows spooled too. After kill -9 the next start finds every message that was
acknowledged; what was drained already may be appended once more, which is harmless (see the projections).
"""

import asyncio
import contextlib
import fcntl
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import structlog

from schemas import topics
from stores.log.local import LocalLog
from stores.log.port import Bounds, EventLog, LogUnavailable, Position, Record
from stores.spool.segments import entries_of

_log = structlog.get_logger(__name__)

#: Where a spooled append landed: nowhere on the log yet.
SPOOLED = Position(-1, -1)
SPOOL_FILE = "spool.sqlite"
#: Longest wait for the log before an append is spooled: a client that waits more than 1 s stops batching.
APPEND_SECONDS = 0.5
#: Wait between two tries of a log that is away.
RETRY_SECONDS = 0.5
_STOP_SECONDS = 3.0
#: Partitions of the spool's file: what waits for the log, and what the log refused, to be tried again at the next start.
_WAITING, _REFUSED = 0, 1


class SpooledLog:
    """`log` with a spool of at most `most_bytes` in `folder`. Ticks (appends to a named partition) are never spooled.

    `name` says which spool it is to those who see several.
    """

    def __init__(
        self,
        log: EventLog,
        folder: Path,
        most_bytes: int,
        append_seconds: float = APPEND_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
        name: str = "",
    ) -> None:
        self.log = log
        self.name = name or folder.name
        self._folder, self._most = folder, most_bytes
        self._file = LocalLog(folder / SPOOL_FILE, 2)
        self._seconds, self._retry_seconds = append_seconds, retry_seconds
        self._held: Counter[str] = Counter()  # key → messages of it that wait
        self._something = asyncio.Event()
        self._draining: asyncio.Task[None] | None = None
        #: Bytes of the messages that are spooled; the file takes at most about twice as many.
        self.spooled_bytes = 0
        #: Messages that the log refused, kept in the file.
        self.refused = 0

    @property
    def spooled(self) -> int:
        """Requests that are on disk and not on the log."""
        return self._held.total() + self.refused

    @property
    def has_room(self) -> bool:
        """Whether requests can be kept while the log is away."""
        return self.spooled_bytes < self._most

    async def start(self) -> None:
        """Open the spool, and begin to drain what an earlier process left there. The log may be away.

        Raises LogUnavailable if another process has the folder.
        """
        await self._file.start()
        try:
            await self._take_over()
        except BaseException:
            await self._file.stop()
            raise
        for topic in topics.ALL:
            for partition, bounds in (await self._file.bounds(topic)).items():
                async for records in self._file.read(topic, partition, bounds.first, bounds.end):
                    for record in records:
                        self._hold(partition, record.key, _size(record.key, record.value))
        if self.spooled:
            _log.info("spool holds requests of an earlier process", requests=self.spooled)
            self._something.set()
        self._draining = asyncio.create_task(self._drain())

    async def _take_over(self) -> None:
        """Bring what the version before spooled into the file. Raises LogUnavailable if a process of it still runs."""
        lock = self._folder / "lock"
        if not lock.exists():
            return
        with lock.open("rb") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LogUnavailable(f"{self._folder} is in use by a process of the version before") from None
            for path in sorted(self._folder.glob("*.spool")):
                entries = entries_of(await asyncio.to_thread(path.read_bytes))
                await asyncio.gather(*(self._file.append(*entry, _WAITING) for entry in entries))
                path.unlink()
            lock.unlink()

    async def stop(self) -> None:
        """Drain what the log takes within a few seconds; the rest stays on disk for the next start."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                while self._held:
                    await asyncio.sleep(0.02)
        if self._draining is not None:
            self._draining.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._draining
        if self.spooled:
            _log.warning("requests stay in the spool for the next start", requests=self.spooled)
        await self._file.stop()
        await self.log.stop()

    async def append(
        self, topic: str, key: str, type: str, value: bytes, partition: int | None = None
    ) -> Position:
        """Durable when it returns: on the log, or in the spool (`SPOOLED`). Raises LogUnavailable if that is full."""
        if partition is not None:
            return await self.log.append(topic, key, type, value, partition)
        if (
            not self._held
        ):  # while anything waits the log is taken for away: no request waits for it to find out
            try:
                async with asyncio.timeout(self._seconds):
                    return await self.log.append(topic, key, type, value)
            except (TimeoutError, LogUnavailable) as error:
                _log.warning("the log is away, spooling", error=str(error) or "no answer in time")
        size = _size(key, value)
        if self.spooled_bytes + size > self._most:
            raise LogUnavailable(
                f"the log is away and the spool is full ({self._most} bytes, TRACKER_SPOOL_BYTES)"
            )
        self._hold(_WAITING, key, size)
        # What is begun is written, also if its client is gone meanwhile.
        writing = asyncio.ensure_future(self._file.append(topic, key, type, value, _WAITING))
        writing.add_done_callback(lambda done: self._written(done, key, size))
        try:
            await asyncio.shield(writing)
        except LogUnavailable as error:
            raise LogUnavailable(f"the log is away and the spool cannot take more: {error}") from error
        return SPOOLED

    def _written(self, done: "asyncio.Future[Position]", key: str, size: int) -> None:
        if done.cancelled() or done.exception() is not None:
            self._release(_WAITING, key, size)
        else:
            self._something.set()

    async def _drain(self) -> None:
        """Move what is spooled to the log, oldest first, for as long as the process lives."""
        await self._start_log()
        try_refused = True
        while True:
            try:
                if try_refused:
                    try_refused = False
                    await self._move_all(_REFUSED)
                await self._something.wait()
                self._something.clear()
                await self._move_all(_WAITING)
            except Exception:
                _log.exception("the spool could not be drained, trying again", requests=self.spooled)
                self._something.set()
                await asyncio.sleep(self._retry_seconds)

    async def _start_log(self) -> None:
        while True:
            try:
                await self.log.start()
                break
            except LogUnavailable as error:
                _log.warning("waiting for the log, requests are spooled meanwhile", error=str(error)[:200])
                await asyncio.sleep(self._retry_seconds)

    async def _move_all(self, source: int) -> None:
        """Move what the partition of the file holds now."""
        for topic in topics.ALL:
            bounds = (await self._file.bounds(topic))[source]
            async for records in self._file.read(topic, source, bounds.first, bounds.end):
                by_key: dict[str, list[Record]] = {}
                for record in records:
                    by_key.setdefault(record.key, []).append(record)
                async with asyncio.TaskGroup() as group:
                    for same_key in by_key.values():
                        group.create_task(self._move(topic, same_key))
                await self._file.delete_before(topic, {source: records[-1].offset + 1})
                for record in records:
                    self._release(source, record.key, _size(record.key, record.value))

    async def _move(self, topic: str, records: Sequence[Record]) -> None:
        """Append them in order; one that the log refuses, now and for ever, is set aside and holds up nothing."""
        for r in records:
            while True:
                try:
                    await self.log.append(topic, r.key, r.type, r.value)
                    break
                except LogUnavailable as error:
                    _log.warning("the log is still away", requests=self.spooled, error=str(error)[:200])
                    await asyncio.sleep(self._retry_seconds)
                except Exception:
                    _log.exception("the log refuses a spooled request: it is set aside", run_id=r.key)
                    await self._file.append(topic, r.key, r.type, r.value, _REFUSED)
                    self._hold(_REFUSED, r.key, _size(r.key, r.value))
                    break

    def _hold(self, partition: int, key: str, size: int) -> None:
        self.spooled_bytes += size
        if partition == _WAITING:
            self._held[key] += 1
        else:
            self.refused += 1

    def _release(self, partition: int, key: str, size: int) -> None:
        self.spooled_bytes = max(0, self.spooled_bytes - size)
        if partition == _REFUSED:
            self.refused -= 1
            return
        self._held[key] -= 1
        if self._held[key] <= 0:
            del self._held[key]

    async def create_topics(self, partitions: int) -> None:
        await self.log.create_topics(partitions)

    async def bounds(self, topic: str) -> Mapping[int, Bounds]:
        return await self.log.bounds(topic)

    def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        return self.log.read(topic, partition, start, end)

    async def count(self, topic: str, partition: int, start: int, end: int, type: str) -> int:
        return await self.log.count(topic, partition, start, end, type)

    async def take(
        self, topic: str, positions: Mapping[int, int], most: int, within: float
    ) -> Sequence[Record]:
        return await self.log.take(topic, positions, most, within)

    async def committed(self, group: str, topic: str) -> Mapping[int, int]:
        return await self.log.committed(group, topic)

    async def commit(self, group: str, topic: str, positions: Mapping[int, int]) -> None:
        await self.log.commit(group, topic, positions)

    async def readers(self, group: str) -> int:
        return await self.log.readers(group)


def _size(key: str, value: bytes) -> int:
    """About what a message takes in the file."""
    return len(key) + len(value) + 64
