"""The archive: the log's events in S3, each once, and the log read from its first message although it begins later.

The keys of a partition's segments are a chain: each begins where the one before ends, and is put only if no object of that key
is there. So two archivers, or one that died between any two steps, can neither write a message twice nor leave one out, and
nothing but the objects says how far the archive is. `projections/archive/archiver.py` decides when something is written.
"""

import json
from bisect import bisect_right
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import structlog

from schemas.settings import Settings
from schemas.topics import EVENTS
from stores.log.port import Bounds, LogReader, Record
from stores.s3.archive_format import ArchiveBroken, Segment, SegmentKey, decode, encode, folder, parse_key
from stores.s3.client import ObjectDamaged, ObjectStore, S3Store, StoreUnavailable

_log = structlog.get_logger(__name__)

_FORMAT = 1
_CHUNK_RECORDS = 500  # as the log gives them
_IDENTITY = "archive.json"


@dataclass(frozen=True, slots=True)
class Tail:
    """Where the archive of a partition ends."""

    end: int = 0
    hour: int = 0
    last: Record | None = None


class Written(StrEnum):
    """What became of a segment that was to be put."""

    NEW = "written"
    THERE_ALREADY = "there_already"
    CUT_OTHERWISE = "cut_otherwise"


class Archive:
    """The archive of one topic under `prefix` of a bucket. Calls raise StoreUnavailable, and ArchiveBroken if it is damaged."""

    def __init__(self, store: ObjectStore, prefix: str, topic: str = EVENTS) -> None:
        self.store, self.topic = store, topic
        self._prefix = f"{prefix}/{topic}/" if prefix else f"{topic}/"
        self.name = f"s3://{store.bucket}/{self._prefix}"

    async def claim(self, partitions: int) -> None:
        """Make the archive, or check that it is one of so many partitions, in a store that refuses to overwrite.

        Raises ArchiveBroken where it is another, or the store overwrites: two archivers could then undo each other's work.
        """
        identity = json.dumps({"format": _FORMAT, "topic": self.topic, "partitions": partitions}).encode()
        key = self._prefix + _IDENTITY
        await self.store.put_new(key, identity)
        if await self.store.put_new(key, identity):
            raise ArchiveBroken(
                f"the store of {self.name} overwrites in spite of If-None-Match: *; use one that honours conditional puts"
            )
        await self.check(partitions)

    async def check(self, partitions: int) -> None:
        """Raises ArchiveBroken if there is no archive, or one of another number of partitions or format."""
        try:
            identity = json.loads(await self._get(_IDENTITY))
        except KeyError:
            raise ArchiveBroken(f"there is no archive at {self.name}: check TRACKER_ARCHIVE") from None
        except ValueError as e:
            raise ArchiveBroken(f"{self.name}{_IDENTITY} cannot be read: {e}") from e
        expected = {"format": _FORMAT, "topic": self.topic, "partitions": partitions}
        if identity != expected:
            raise ArchiveBroken(
                f"the archive at {self.name} is another's: it says {identity}, this log is {expected}; "
                "give each log a prefix of its own"
            )

    async def segment_keys(self, partition: int) -> list[SegmentKey]:
        """The segments of a partition, in order."""
        segment_keys = []
        for key in await self.store.keys(self._prefix + folder(partition)):
            segment_key = parse_key(key.removeprefix(self._prefix))
            if segment_key is None:
                _log.warning("an object in the archive is none of ours, and is not read", key=key)
            else:
                segment_keys.append(segment_key)
        if segment_keys != sorted(segment_keys, key=lambda p: p.first):
            raise ArchiveBroken(
                f"the archive at {self.name}, partition {partition}: hours and offsets disagree"
            )
        return segment_keys

    async def tail(self, segment_keys: Sequence[SegmentKey]) -> Tail:
        """Where a partition with these segments ends."""
        if not segment_keys:
            return Tail()
        segment = await self.segment(segment_keys[-1])
        return Tail(segment.end, segment.key.hour, segment.records[-1])

    async def segment(self, segment_key: SegmentKey) -> Segment:
        """Read a segment. Raises ArchiveBroken if it is damaged or gone."""
        try:
            return decode(segment_key, await self._get(segment_key.path()))
        except KeyError:
            raise ArchiveBroken(f"{self.name}{segment_key.path()} is gone: put it back") from None

    async def write(self, segment: Segment) -> Written:
        """Put the segment, or find it there; or one that begins with it and ends elsewhere: then go on where that ends.

        Raises ArchiveBroken if what is there says something else.
        """
        if await self.store.put_new(self._prefix + segment.key.path(), encode(segment.records)):
            return Written.NEW
        there = await self.segment(segment.key)
        both = min(len(there.records), len(segment.records))
        if there.records[:both] != segment.records[:both]:
            raise ArchiveBroken(
                f"{self.name}{segment.key.path()} is there already and differs from the log: "
                "is it the archive of another log? Give each a prefix of its own"
            )
        return Written.THERE_ALREADY if there.end == segment.end else Written.CUT_OTHERWISE

    async def fits(self, partition: int, tail: Tail, log: LogReader, bounds: Bounds) -> None:
        """Raises ArchiveBroken unless the archive and the log join without a hole, and are of the same messages."""
        where = f"partition {partition} of the archive at {self.name}"
        if tail.end < bounds.first:
            raise ArchiveBroken(
                f"{where} ends before offset {tail.end}, but the log begins at {bounds.first}: offsets {tail.end} to "
                f"{bounds.first - 1} are on neither"
            )
        if tail.end > bounds.end:
            raise ArchiveBroken(
                f"{where} ends before offset {tail.end}, but the log already at {bounds.end}: is it the right log?"
            )
        if tail.last is not None and tail.last.offset >= bounds.first:
            records = [
                r async for chunk in log.read(self.topic, partition, tail.end - 1, tail.end) for r in chunk
            ]
            if records != [tail.last]:
                raise ArchiveBroken(
                    f"{where} and the log differ at offset {tail.end - 1}: is it the right log?"
                )

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    async def _get(self, name: str) -> bytes:
        try:
            return await self.store.get(self._prefix + name)
        except ObjectDamaged as e:
            raise ArchiveBroken(str(e)) from e


class ArchivedLog:
    """A log read from the archive as far as that goes, and from the log itself from there on."""

    def __init__(self, log: LogReader, archive: Archive) -> None:
        self._log, self._archive = log, archive
        self._segment_keys: dict[int, list[SegmentKey]] = {}
        self._ends: dict[int, int] = {}

    async def bounds(self, topic: str) -> Mapping[int, Bounds]:
        """The log's, but from the archive's first message on. Looks at the archive anew.

        Raises ArchiveBroken where the two do not join; StoreUnavailable and LogUnavailable.
        """
        bounds = await self._log.bounds(topic)
        await self._archive.check(len(bounds))
        result = {}
        for partition, b in bounds.items():
            segment_keys = await self._archive.segment_keys(partition)
            tail = await self._archive.tail(segment_keys)
            await self._archive.fits(partition, tail, self._log, b)
            self._segment_keys[partition], self._ends[partition] = segment_keys, tail.end
            result[partition] = Bounds(segment_keys[0].first if segment_keys else b.first, b.end)
        return result

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """Chunks of at most 500 records. Call `bounds` before. Raises ArchiveBroken at a hole, naming it."""
        archived = min(end, self._ends[partition])
        if start < archived:
            async for segment in self._segments(partition, start, archived):
                archived_records = segment.records[
                    max(0, start - segment.key.first) : archived - segment.key.first
                ]
                for n in range(0, len(archived_records), _CHUNK_RECORDS):
                    yield archived_records[n : n + _CHUNK_RECORDS]
            start = archived
        if start < end:
            async for chunk in self._log.read(topic, partition, start, end):
                yield chunk

    async def _segments(self, partition: int, start: int, end: int) -> AsyncIterator[Segment]:
        """Those that hold start <= offset < end, of which the archive must hold the first."""
        segment_keys = self._segment_keys[partition]
        n = max(bisect_right(segment_keys, start, key=lambda p: p.first) - 1, 0)
        after = start
        for segment_key in segment_keys[n:]:
            if segment_key.first >= end:
                return
            if segment_key.first > after:
                raise ArchiveBroken(self._unjoined(partition, after, segment_key.first))
            segment = await self._archive.segment(segment_key)
            if segment.end <= after or (after > start and segment_key.first < after):
                raise ArchiveBroken(self._unjoined(partition, after, segment_key.first))
            after = segment.end
            yield segment

    def _unjoined(self, partition: int, after: int, first: int) -> str:
        where = f"partition {partition} of the archive at {self._archive.name}"
        if first < after:
            return f"{where} has a hole or overlaps: the object that begins at offset {first} does not join at {after}"
        return f"{where} has a hole: offsets {after} to {first - 1} are missing; put the objects back"


def open_archive(settings: Settings) -> Archive | None:
    """The archive that the settings name, or None. Nothing is connected before the first call."""
    if not settings.archive:
        return None
    bucket, _, prefix = settings.archive.removeprefix("s3://").partition("/")
    return Archive(S3Store(bucket, settings.s3_endpoint), prefix)


__all__ = ["Archive", "ArchiveBroken", "ArchivedLog", "StoreUnavailable", "Tail", "open_archive"]
