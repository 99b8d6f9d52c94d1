"""The spool on disk: segments of records, each `length, crc32, payload`, appended and fsynced, read once, then deleted.

A record that is cut short or does not match its CRC ends its segment: nobody was told that it is safe. All calls come
from one process (a lock file sees to it) and may come from two threads, one that writes and one that drains.
"""

import fcntl
import json
import os
import struct
import threading
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog

_log = structlog.get_logger(__name__)

_HEAD = struct.Struct("<II")
SEGMENT_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Entry:
    """One append that waits for the log."""

    topic: str
    key: str
    type: str
    value: bytes

    def encoded(self) -> bytes:
        """The record as it stands in a segment."""
        payload = json.dumps([self.topic, self.key, self.type]).encode() + b"\n" + self.value
        return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def entries_of(segment: bytes) -> Iterator[tuple[Entry, int]]:
    """The whole records of a segment, each with the offset after it; ends silently at the first that is not whole."""
    at = 0
    while at + _HEAD.size <= len(segment):
        length, crc = _HEAD.unpack_from(segment, at)
        payload = segment[at + _HEAD.size : at + _HEAD.size + length]
        if len(payload) != length or zlib.crc32(payload) != crc:
            return
        at += _HEAD.size + length
        head, _, value = payload.partition(b"\n")
        topic, key, type = json.loads(head)
        yield Entry(topic, key, type, value), at


class Spool:
    """A queue of entries on disk, bounded. `write` makes them durable; `read` gives the oldest, `done` forgets them."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._most = folder, most_bytes
        self._lock = threading.Lock()
        self._lock_file: int | None = None
        self._segments: deque[tuple[Path, int]] = (
            deque()
        )  # closed or current, oldest first, with their whole bytes
        self._current: BinaryIO | None = None
        self._next = 0
        self._reading: deque[Entry] = deque()  # of the oldest segment, not yet done
        self._loaded: Path | None = None
        self._loaded_bytes = 0

    @property
    def size(self) -> int:
        """Bytes of all segments."""
        return sum(size for _, size in self._segments)

    @property
    def has_room(self) -> bool:
        """Whether a segment's worth still fits."""
        return self.size < self._most

    def open(self) -> list[Entry]:
        """Take the folder; the entries that an earlier process left, oldest first. Raises OSError if another has it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock_file = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found: list[Entry] = []
        for path in sorted(self._folder.glob("*.spool")):
            data = path.read_bytes()
            there = list(entries_of(data))
            found += [entry for entry, _ in there]
            whole = there[-1][1] if there else 0
            if whole < len(data):
                _log.warning(
                    "a record was cut off, nobody was told that it is safe",
                    segment=path.name,
                    bytes=len(data) - whole,
                )
            self._segments.append((path, whole))
            self._next = int(path.stem) + 1
        return found

    def write(self, entries: Sequence[Entry]) -> None:
        """Append and fsync, all or none. Raises OSError if the spool or the disk is full."""
        data = b"".join(e.encoded() for e in entries)
        with self._lock:
            if self.size + len(data) > self._most:
                raise OSError(f"the spool is full ({self._most} bytes, TRACKER_SPOOL_BYTES)")
            if self._current is None or self._segments[-1][1] > SEGMENT_BYTES:
                self._begin_segment()
            assert self._current is not None
            path, size = self._segments[-1]
            try:
                self._current.write(data)
                self._current.flush()
                os.fsync(self._current.fileno())
            except OSError:
                self._current.close()
                self._current = None
                os.truncate(path, size)
                raise
            self._segments[-1] = (path, size + len(data))

    def read(self, most: int) -> list[Entry]:
        """The oldest entries that are not done, at most so many; the same again until `done`."""
        with self._lock:
            while not self._reading and self._segments:
                path, size = self._segments[0]
                start = self._loaded_bytes if self._loaded == path else 0
                with path.open("rb") as f:
                    f.seek(start)
                    self._reading.extend(e for e, _ in entries_of(f.read(size - start)))
                self._loaded, self._loaded_bytes = path, size
                if not self._reading and not self._forget_oldest():
                    break
            return [self._reading[i] for i in range(min(most, len(self._reading)))]

    def done(self, count: int) -> None:
        """The oldest `count` entries are on the log. A segment that is done goes."""
        with self._lock:
            for _ in range(count):
                self._reading.popleft()
            if (
                not self._reading
                and self._segments
                and self._segments[0] == (self._loaded, self._loaded_bytes)
            ):
                self._forget_oldest()

    def close(self) -> None:
        """Give the folder back; what is not done stays there."""
        with self._lock:
            if self._current is not None:
                self._current.close()
                self._current = None
            if self._lock_file is not None:
                os.close(self._lock_file)
                self._lock_file = None

    def _begin_segment(self) -> None:
        if self._current is not None:
            self._current.close()
        path = self._folder / f"{self._next:012d}.spool"
        self._next += 1
        self._current = path.open("ab")
        self._segments.append((path, 0))
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name must survive too
        finally:
            os.close(folder)

    def _forget_oldest(self) -> bool:
        """Delete the oldest segment, all of which is done; the current one too: the next write begins another."""
        path, _ = self._segments.popleft()
        if not self._segments and self._current is not None:
            self._current.close()
            self._current = None
        path.unlink()
        self._loaded, self._loaded_bytes = None, 0
        return bool(self._segments)
