"""What the archive's objects hold and how they are named. Pure.

An object is a *segment*: messages of one partition that follow each other, of one hour of append time, as zstd-compressed
lines of JSON. Its key says partition, hour and first offset, so that keys sort as offsets do. Where a segment ends follows from
the log alone, so whoever writes it writes the same.
"""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import cramjam

from stores.log.port import Record

#: A segment ends before the message that would make it longer than this; one message may be larger.
SEGMENT_BYTES = 16 * 2**20
SEGMENT_MESSAGES = 50_000
HOUR_MS = 3_600_000
#: Hours that a key can name: up to the end of the year 9999.
_LAST_HOUR = (253_402_300_800_000 // HOUR_MS) - 1
_RECORD_BYTES = 100  # about what a line takes beside key and value
_LEVEL = 9  # measured on real traces: 3 is 23 % larger for half the CPU, 12 gains 1 % for twice
_MOST_BYTES = 2**30
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEY = re.compile(r"partition=(\d{1,6})/hour=(\d{4}-\d\d-\d\dT\d\d)/(\d{20})\.jsonl\.zst")


class ArchiveBroken(ValueError):
    """The archive is not what it must be, or does not belong to this log; the message says where, and what to do."""


@dataclass(frozen=True, slots=True, order=True)
class SegmentKey:
    """Which segment: what its key says. `hour` counts from 1970."""

    partition: int
    hour: int
    first: int

    def path(self) -> str:
        """The key, to be put after the archive's prefix."""
        hour = _EPOCH + timedelta(hours=self.hour)
        return f"{folder(self.partition)}hour={hour:%Y-%m-%dT%H}/{self.first:020d}.jsonl.zst"


@dataclass(frozen=True, slots=True)
class Segment:
    """Messages that follow each other, at least one."""

    key: SegmentKey
    records: Sequence[Record]

    @property
    def end(self) -> int:
        """The offset after its last."""
        return self.records[-1].offset + 1


def folder(partition: int) -> str:
    """What all keys of a partition start with."""
    return f"partition={partition}/"


def parse_key(key: str) -> SegmentKey | None:
    """What the key (without the archive's prefix) says; None if it is none of ours."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    try:
        hour = datetime.strptime(match[2], "%Y-%m-%dT%H").replace(tzinfo=UTC)
    except ValueError:
        return None
    segment_key = SegmentKey(int(match[1]), (hour - _EPOCH) // timedelta(hours=1), int(match[3]))
    return segment_key if segment_key.hour >= 0 and segment_key.path() == key else None


def hour_of(appended_at: int) -> int:
    """The hour of an append time in ms."""
    return min(max(appended_at // HOUR_MS, 0), _LAST_HOUR)


class Cutter:
    """Cuts messages of one partition, in order, into segments.

    `hour`: of the segment before the first message. Brokers' clocks may step back: a message then stays in the hour that its
    partition has reached, so hours never fall and offsets stay together.
    """

    def __init__(self, partition: int, hour: int = 0) -> None:
        self.partition, self.hour = partition, hour
        self._records: list[Record] = []
        self._bytes = 0

    def add(self, record: Record) -> Segment | None:
        """Take the next message; the segment before it, if it begins a new one."""
        size = len(record.value) + len(record.key) + _RECORD_BYTES
        hour = max(self.hour, hour_of(record.appended_at))
        full = self._bytes + size > SEGMENT_BYTES or len(self._records) >= SEGMENT_MESSAGES
        done = self.rest() if self._records and (hour > self.hour or full) else None
        if done:
            self._records, self._bytes = [], 0
        self.hour = hour
        self._records.append(record)
        self._bytes += size
        return done

    def rest(self) -> Segment | None:
        """What was taken since the last segment, which is whole only if its hour is over."""
        if not self._records:
            return None
        return Segment(SegmentKey(self.partition, self.hour, self._records[0].offset), tuple(self._records))


def encode(records: Sequence[Record]) -> bytes:
    """The object's bytes: always the same for the same records."""
    text = "".join(_line(r) for r in records)
    return bytes(cramjam.zstd.compress(text.encode(), _LEVEL))


def decode(segment_key: SegmentKey, body: bytes) -> Segment:
    """The segment. Raises ArchiveBroken if the bytes are no segment, or not that of the key."""
    where = f"the object {segment_key.path()}"
    try:
        lines = _decompress(body).decode().removesuffix("\n").split("\n")
        records = tuple(_record(segment_key.partition, json.loads(line)) for line in lines)
    except (ValueError, TypeError, KeyError, RecursionError, cramjam.DecompressionError) as e:
        raise ArchiveBroken(f"{where} is damaged, put back a copy of it: {type(e).__name__}: {e}") from e
    if [r.offset for r in records] != list(range(segment_key.first, segment_key.first + len(records))):
        raise ArchiveBroken(
            f"{where} is damaged, put back a copy of it: its offsets do not follow each other"
        )
    return Segment(segment_key, records)


def _line(record: Record) -> str:
    """A message's value is text, so that people and other tools can read it, unless it is not (or only with many escapes)."""
    line: dict[str, Any] = {
        "offset": record.offset,
        "appended_at": record.appended_at,
        "key": record.key,
        "type": record.type,
    }
    try:
        text = json.dumps(record.value.decode(), ensure_ascii=False)
    except UnicodeDecodeError:
        text = ""
    if text and len(text) <= 2 * len(record.value) + 2:
        return f'{json.dumps(line, ensure_ascii=False)[:-1]}, "text": {text}}}\n'
    line["base64"] = base64.b64encode(record.value).decode()
    return json.dumps(line, ensure_ascii=False) + "\n"


def _record(partition: int, line: dict[str, Any]) -> Record:
    """Raises KeyError, TypeError or ValueError."""
    offset, appended_at, key, type_ = (line[name] for name in ("offset", "appended_at", "key", "type"))
    content = line["text"] if "text" in line else line["base64"]
    if not (
        type(offset) is type(appended_at) is int and all(isinstance(x, str) for x in (key, type_, content))
    ):
        raise TypeError("a field is of another type")
    (key + type_).encode()  # half a character, which JSON can hold, came from no log
    value = content.encode() if "text" in line else base64.b64decode(content, validate=True)
    return Record(partition, offset, appended_at, key, type_, value)


def _decompress(body: bytes) -> bytearray:
    """Raises ValueError or DecompressionError. Never makes more bytes than the frame says, nor more than 1 GiB."""
    size = _content_size(body)
    if not 0 < size <= _MOST_BYTES:
        raise ValueError(f"{size} bytes, uncompressed")
    out = bytearray(size)
    if cramjam.zstd.decompress_into(body, out) != size:
        raise ValueError("it ends too early")
    return out


def _content_size(body: bytes) -> int:
    """What the header of the zstd frame says (RFC 8878, 3.1.1.1). Raises ValueError if it does not."""
    if body[:4] != b"\x28\xb5\x2f\xfd" or len(body) < 18:
        raise ValueError("no zstd")
    descriptor = body[4]
    single, flag = descriptor >> 5 & 1, descriptor >> 6
    start = 5 + (0 if single else 1) + (0, 1, 2, 4)[descriptor & 3]
    length = (single, 2, 4, 8)[flag]
    if not length:
        raise ValueError("zstd that does not say how long it is; the tracker did not write it")
    return int.from_bytes(body[start : start + length], "little") + (256 if length == 2 else 0)
