"""The archiver: what the log holds goes to the archive, an hour at a time; what is archived, projected and old goes from Kafka.

It keeps no state: where it is it reads from the archive. Several may run at once, and each may die between any two steps
(see stores/s3/archive.py). An hour is written when it is over: when the partition has a message of a later one, as clock ticks
are every 5 s, or, if nothing came any more, by the wall clock with a grace that a broker's clock may differ by.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from schemas import metrics
from schemas.topics import EVENTS, PROJECTOR_GROUP
from stores.log.port import Bounds, EventLog, LogUnavailable, Record
from stores.s3.archive import Archive, StoreUnavailable, Tail, Written
from stores.s3.archive_format import HOUR_MS, ArchiveBroken, Cutter, Segment, hour_of

_log = structlog.get_logger(__name__)

#: How long after the end of an hour its last messages are archived although none of a later hour came.
GRACE_MS = 15 * 60_000
POLL_SECONDS = 10.0
_MOST_WAIT_SECONDS = 60.0


class Trimmable(Protocol):
    """A log whose oldest messages can be deleted."""

    async def delete_before(self, topic: str, offsets: Mapping[int, int]) -> None:
        """Delete what lies before the offset in each of these partitions."""


@dataclass
class _Partition:
    """How far the archive of one partition is; where its segments begin: (hour, first offset), oldest first; and the first
    message that waits."""

    partition: int
    tail: Tail
    begins: list[tuple[int, int]]
    waiting: Record | None = None


@dataclass
class Archiver:
    """`clock`: the wall clock, in epoch ms. `retention_ms` (with `trim`): how long Kafka keeps what is archived and projected.

    `skip_lost`: where the log has lost messages that were not archived, go on behind the hole instead of refusing.
    """

    log: EventLog
    archive: Archive
    clock: Callable[[], int]
    trim: Trimmable | None = None
    retention_ms: int | None = None
    skip_lost: bool = False
    poll_seconds: float = POLL_SECONDS
    #: Whether it got through all partitions at least once.
    ready: bool = False
    _partitions: dict[int, _Partition] = field(default_factory=dict)
    _claimed: bool = False

    async def run(self) -> None:
        """Archive until cancelled. Whatever fails is logged, counted, and tried again, after up to a minute."""
        wait = 1.0
        while True:
            try:
                await self.step()
            except (StoreUnavailable, LogUnavailable) as e:
                reason = "store" if isinstance(e, StoreUnavailable) else "log"
                _log.warning("archive waits, nothing is lost", error=str(e), again_in_seconds=wait)
            except ArchiveBroken as e:
                reason = "store"
                _log.error("the archive is not written", error=str(e))
            except Exception:
                reason = "defect"
                _log.exception("the archiver failed unexpectedly and begins anew")
                self._partitions.clear()
            else:
                wait = 1.0
                await asyncio.sleep(self.poll_seconds)
                continue
            metrics.ARCHIVE_FAILURES.labels(reason).inc()
            await asyncio.sleep(wait)
            wait = min(2 * wait, _MOST_WAIT_SECONDS)

    async def step(self) -> int:
        """Write what can be written now; the number of segments. Raises StoreUnavailable, LogUnavailable and, where the store or
        the archive as a whole is not to be used, ArchiveBroken. A partition that does not fit is left out, loudly."""
        bounds = await self.log.bounds(EVENTS)
        if not self._claimed:
            await self.archive.claim(len(bounds))
            self._claimed = True
        written = 0
        for partition, b in bounds.items():
            try:
                written += await self._archive(partition, b)
            except ArchiveBroken as e:
                self._partitions.pop(partition, None)
                metrics.ARCHIVE_REFUSES.labels(str(partition)).set(1)
                _log.error(
                    "archive and log do not fit: nothing more of the partition is archived", error=str(e)
                )
            else:
                metrics.ARCHIVE_REFUSES.labels(str(partition)).set(0)
        await self._delete_old(bounds)
        self.ready = True
        metrics.ARCHIVE_LAST_STEP.set(self.clock() / 1000)
        return written

    async def _archive(self, partition: int, bounds: Bounds) -> int:
        state = self._partitions.get(partition)
        if state is None or not bounds.first <= state.tail.end <= bounds.end:
            state = self._partitions[partition] = await self._resume(partition, bounds)
        await self._set_metrics(state, bounds)
        if state.waiting is None or not await self._hour_is_over(state, state.waiting, bounds.end):
            return 0
        written = 0
        async for segment in self._segments(state, bounds.end):
            outcome = await self.archive.write(segment)
            metrics.ARCHIVE_OBJECTS.labels(outcome.value).inc()
            written += 1
            if outcome is Written.CUT_OTHERWISE:  # the next step goes on where that one ends
                del self._partitions[partition]
                return written
            state.tail = Tail(segment.end, segment.key.hour, segment.records[-1])
            state.begins.append((segment.key.hour, segment.key.first))
        await self._set_metrics(state, bounds)
        return written

    async def _resume(self, partition: int, bounds: Bounds) -> _Partition:
        segment_keys = await self.archive.segment_keys(partition)
        tail = await self.archive.tail(segment_keys)
        if self.skip_lost and tail.end < bounds.first:
            lost = f"offsets {tail.end} to {bounds.first - 1}"
            _log.error("messages were lost before they were archived", partition=partition, lost=lost)
            tail = Tail(bounds.first, tail.hour)
        await self.archive.fits(partition, tail, self.log, bounds)
        return _Partition(partition, tail, [(p.hour, p.first) for p in segment_keys])

    async def _hour_is_over(self, state: _Partition, waiting: Record, end: int) -> bool:
        hour = max(state.tail.hour, hour_of(waiting.appended_at))
        if self._by_the_wall(hour):
            return True
        newest = await self._record(state.partition, end - 1)
        return hour_of(newest.appended_at) > hour

    def _by_the_wall(self, hour: int) -> bool:
        return self.clock() >= (hour + 1) * HOUR_MS + GRACE_MS

    async def _segments(self, state: _Partition, end: int) -> AsyncIterator[Segment]:
        """The segments that are whole, from where the archive ends to before `end`."""
        cutter = Cutter(state.partition, state.tail.hour)
        async for chunk in self.log.read(EVENTS, state.partition, state.tail.end, end):
            for record in chunk:
                if segment := cutter.add(record):
                    yield segment
        rest = cutter.rest()
        if rest and self._by_the_wall(rest.key.hour):
            yield rest

    async def _set_metrics(self, state: _Partition, bounds: Bounds) -> None:
        name, end = str(state.partition), state.tail.end
        if state.waiting is not None and state.waiting.offset != end:
            state.waiting = None
        if state.waiting is None and end < bounds.end:
            state.waiting = await self._record(state.partition, end)
        metrics.ARCHIVE_END.labels(name).set(end)
        metrics.ARCHIVE_LAG.labels(name).set(bounds.end - end)
        metrics.ARCHIVE_WAITING_SINCE.labels(name).set(
            state.waiting.appended_at / 1000 if state.waiting else 0
        )

    async def _record(self, partition: int, offset: int) -> Record:
        records = [r async for chunk in self.log.read(EVENTS, partition, offset, offset + 1) for r in chunk]
        if len(records) != 1:
            raise LogUnavailable(f"{EVENTS}, partition {partition}: no message at offset {offset}")
        return records[0]

    async def _delete_old(self, bounds: Mapping[int, Bounds]) -> None:
        """Delete from the log what is archived, projected and older than the retention; never anything else."""
        if self.trim is None or self.retention_ms is None:
            return
        before = self.clock() - self.retention_ms
        projected = await self.log.committed(PROJECTOR_GROUP, EVENTS)
        deletable = {
            p: min(deletable_before(state.begins, state.tail.end, before), projected.get(p, 0))
            for p, state in self._partitions.items()
        }
        deletions = {p: offset for p, offset in deletable.items() if offset > bounds[p].first}
        if not deletions:
            return
        await self.trim.delete_before(EVENTS, deletions)
        for partition, offset in deletions.items():
            metrics.LOG_DELETED.labels(str(partition)).set(offset)
        _log.info("archived and old messages were deleted from the log", before_offset=deletions)


def deletable_before(begins: Sequence[tuple[int, int]], end: int, before: int) -> int:
    """Pure. The offset before which all segments lie in hours that were over at `before` (epoch ms); `end` ends the last."""
    return next((first for hour, first in begins if (hour + 1) * HOUR_MS > before), end if begins else 0)
