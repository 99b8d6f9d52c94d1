"""The disk spool: what ingest keeps while the log is away, so that a runner still gets its 2xx.

`SpooledLog` is an `EventLog` around another. An append that the log does not acknowledge in time is written here and
fsynced instead, and appended to the log as soon as that answers again: in order within each key, since a key of which
something is spooled has all that follows spooled too. After kill -9 the next start finds every record that was
acknowledged; what was drained already is then appended once more, which is harmless (see the projections).
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import structlog

from stores.log.port import Bounds, EventLog, LogUnavailable, Position, Record
from stores.spool.spool_file import Entry, Spool

_log = structlog.get_logger(__name__)

#: Where a spooled append landed: nowhere on the log yet.
SPOOLED = Position(-1, -1)
#: Longest wait for the log before an append is spooled: a client that waits more than 1 s stops batching.
APPEND_SECONDS = 0.5
_DRAIN_AT_ONCE = 256
#: Wait between two tries of a log that is away.
RETRY_SECONDS = 0.5
_STOP_SECONDS = 3.0


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
        self._spool = Spool(folder, most_bytes)
        self._seconds, self._retry_seconds = append_seconds, retry_seconds
        self._held: Counter[str] = Counter()  # key → records of it that are spooled
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._draining: asyncio.Task[None] | None = None
        self._something = asyncio.Event()

    @property
    def spooled(self) -> int:
        """Requests that are on disk and not yet on the log."""
        return self._held.total()

    @property
    def spooled_bytes(self) -> int:
        """Bytes that the spool takes on disk."""
        return self._spool.size

    @property
    def has_room(self) -> bool:
        """Whether requests can be kept while the log is away."""
        return self._spool.has_room

    async def start(self) -> None:
        """Open the spool, and begin to drain what an earlier process left there. The log may be away.

        Raises OSError if another process has the folder.
        """
        for entry in await asyncio.to_thread(self._spool.open):
            self._held[entry.key] += 1
        if self._held:
            _log.info("spool holds requests of an earlier process", requests=self.spooled)
            self._something.set()
        self._draining = asyncio.create_task(self._drain())

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
        if self._held:
            _log.warning("requests stay in the spool for the next start", requests=self.spooled)
        await asyncio.to_thread(self._spool.close)
        await self.log.stop()

    async def append(
        self, topic: str, key: str, type: str, value: bytes, partition: int | None = None
    ) -> Position:
        """Durable when it returns: on the log, or in the spool (`SPOOLED`). Raises LogUnavailable if that is full."""
        if partition is not None:
            return await self.log.append(topic, key, type, value, partition)
        if not self._held[key] and not self._away:
            try:
                async with asyncio.timeout(self._seconds):
                    return await self.log.append(topic, key, type, value)
            except (TimeoutError, LogUnavailable) as error:
                _log.warning("the log is away, spooling", error=str(error) or "no answer in time")
        await self._keep(Entry(topic, key, type, value))
        return SPOOLED

    @property
    def _away(self) -> bool:
        """While anything is spooled the log is taken for away: no request waits for it to find out."""
        return bool(self._held)

    async def _keep(self, entry: Entry) -> None:
        """Write to the spool with all others that come meanwhile, and wait for the fsync."""
        self._held[entry.key] += 1
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, kept))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        try:
            await asyncio.shield(kept)
        except LogUnavailable:
            self._release(entry.key)
            raise

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            error: LogUnavailable | None = None
            try:
                await asyncio.to_thread(self._spool.write, [entry for entry, _ in batch])
            except OSError as e:
                error = LogUnavailable(f"the log is away and the spool cannot take more: {e}")
            for _, kept in batch:
                if kept.cancelled():
                    continue
                if error is None:
                    kept.set_result(None)
                else:
                    kept.set_exception(error)
            if error is None:
                self._something.set()

    async def _drain(self) -> None:
        """Move what is spooled to the log, oldest first, for as long as the process lives."""
        await self._start_log()
        while True:
            await self._something.wait()
            self._something.clear()
            while batch := await asyncio.to_thread(self._spool.read, _DRAIN_AT_ONCE):
                by_key: dict[str, list[Entry]] = {}
                for entry in batch:
                    by_key.setdefault(entry.key, []).append(entry)
                await asyncio.gather(*(self._move(entries) for entries in by_key.values()))
                await asyncio.to_thread(self._spool.done, len(batch))
                for entry in batch:
                    self._release(entry.key)

    async def _start_log(self) -> None:
        while True:
            try:
                await self.log.start()
                break
            except LogUnavailable as error:
                _log.warning("waiting for the log, requests are spooled meanwhile", error=str(error)[:200])
                await asyncio.sleep(self._retry_seconds)

    async def _move(self, entries: Sequence[Entry]) -> None:
        for e in entries:
            while not await self._moved(e):
                await asyncio.sleep(self._retry_seconds)

    async def _moved(self, e: Entry) -> bool:
        """Whether the log has the entry now. Whatever goes wrong, the entry is kept and the drain goes on."""
        try:
            await self.log.append(e.topic, e.key, e.type, e.value)
        except LogUnavailable as error:
            _log.warning("the log is still away", requests=self.spooled, error=str(error)[:200])
        except Exception:
            _log.exception("a spooled request cannot be appended, trying on", run_id=e.key)
        else:
            return True
        return False

    def _release(self, key: str) -> None:
        self._held[key] -= 1
        if self._held[key] <= 0:
            del self._held[key]

    async def create_topics(self, partitions: int) -> None:
        await self.log.create_topics(partitions)

    async def bounds(self, topic: str) -> Mapping[int, Bounds]:
        return await self.log.bounds(topic)

    def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        return self.log.read(topic, partition, start, end)

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
