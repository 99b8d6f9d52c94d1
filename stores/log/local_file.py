"""The file of the local log: its SQLite schema, its queries, and the one thread that writes it.

No asyncio here: `stores/log/local.py` is the port on top of it.
"""

import fcntl
import logging
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import cramjam

from schemas import topics
from stores.log.packing import pack, unpack
from stores.log.port import Bounds, LogUnavailable, Record

_log = logging.getLogger(__name__)
Token = TypeVar("Token")

#: (topic, partition) → id of the stream: one partition of one topic.
Streams = Mapping[tuple[str, int], int]

_FORMAT = 2  # PRAGMA user_version of the files that this code writes
_READ_FORMATS = (1, 2)  # and reads: in format 1 every message stands as it is, and nothing of it looks packed
# The id of a record is its stream and its offset, so a stream lies together in one B-tree. `value` comes
# last, so that the other columns are read without walking its overflow pages.
_OFFSET_BITS = 40
_SCHEMA = f"""
CREATE TABLE log (partitions INTEGER NOT NULL);
CREATE TABLE streams (
  id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, UNIQUE (topic, partition)
);
CREATE TABLE records (
  id INTEGER PRIMARY KEY,
  appended_at INTEGER NOT NULL,
  key TEXT NOT NULL,
  type TEXT NOT NULL,
  value BLOB NOT NULL
);
CREATE TABLE positions (
  reader TEXT NOT NULL, stream INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (reader, stream)
) WITHOUT ROWID;
PRAGMA user_version = {_FORMAT};
"""
#: The reader under whose name the first offset that is kept stands, once records before it were forgotten.
_TRIMMED = "\x00trimmed"
_VACUUM_PAGES = range(256, 4096)  # a file with less is small, and moving more would hold up appends
_COMMIT_BYTES = 32 * 2**20  # most bytes of one transaction, so that those who wait behind it do not wait long


@dataclass(frozen=True, slots=True)
class Append:
    stream: int
    key: str
    type: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    reader: str
    next: Mapping[int, int]  # stream → offset


@dataclass(frozen=True, slots=True)
class Trim:
    """Forget the records of the stream below the offset."""

    stream: int
    before: int


Work = Append | Commit | Trim


@dataclass(slots=True)
class Tail:
    """The end of a stream: its next offset, and when it was last appended to (ms, 0 if never)."""

    end: int = 0
    appended_at: int = 0


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Token]):
    """What became of one transaction: the offset of each append (0 for other work), unless it failed."""

    work: Sequence[tuple[Work, Token]]
    offsets: Sequence[int]
    failure: str | None


class Writer(Generic[Token]):
    """The thread that writes. What waits together is one transaction with one sync (group commit).

    `report` is called in the thread, once a transaction, after it is on disk or has failed.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        tails: dict[int, Tail],
        clock: Callable[[], int],
        report: Callable[[Outcome[Token]], None],
    ) -> None:
        self._connection = connection
        self._tails: dict[int, Tail] | None = tails
        self._streams = list(tails)
        self._clock = clock
        self._report = report
        self._queue: queue.SimpleQueue[tuple[Work, Token] | None] = queue.SimpleQueue()
        # A daemon: what is not acknowledged may be lost when the process ends without close().
        self._thread = threading.Thread(target=self._run, name="log-write", daemon=True)
        self._thread.start()

    def put(self, work: Work, token: Token) -> None:
        """Work is done in the order of the calls."""
        self._queue.put((work, token))

    def close(self) -> None:
        """Do what was put before, close the connection, and wait for it."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        open_ = True
        while open_:
            batch, open_ = self._next_batch()
            if batch:
                self._report(self._do(batch))
        self._connection.close()

    def _next_batch(self) -> tuple[list[tuple[Work, Token]], bool]:
        """Wait for work, then take all that waits; with False when it is the last."""
        batch: list[tuple[Work, Token]] = []
        size = 0
        item = self._queue.get()
        while item is not None:
            batch.append(item)
            size += len(item[0].value) if isinstance(item[0], Append) else 0
            if size >= _COMMIT_BYTES:
                return batch, True
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _do(self, batch: Sequence[tuple[Work, Token]]) -> Outcome[Token]:
        try:
            if self._tails is None:  # after a failure only the file knows what it holds
                self._tails = tails_of(self._connection, self._streams)
            offsets = self._transaction([work for work, _ in batch], self._tails)
            if any(isinstance(work, Trim) for work, _ in batch):
                self._give_back()
            return Outcome(batch, offsets, None)
        except Exception as error:
            # Those who wait must hear of whatever it was, and the next may go well: a full disk gets room.
            _log.exception("the log could not be written")
            self._tails = None
            return Outcome(batch, [0] * len(batch), f"{type(error).__name__}: {error}")

    def _transaction(self, batch: Sequence[Work], tails: dict[int, Tail]) -> list[int]:
        """Write and sync. Returns the offset of each append, 0 for other work; advances `tails`."""
        now = self._clock()
        offsets = []
        rows: list[tuple[int, int, str, str, bytes]] = []
        positions: list[tuple[str, int, int]] = []
        trimmed: list[tuple[int, int]] = []
        for work in batch:
            if isinstance(work, Trim):
                before = min(work.before, tails[work.stream].end)
                trimmed.append((_id(work.stream, 0), _id(work.stream, before)))
                positions.append((_TRIMMED, work.stream, before))
                offsets.append(0)
                continue
            if isinstance(work, Commit):
                positions += [(work.reader, stream, offset) for stream, offset in work.next.items()]
                offsets.append(0)
                continue
            tail = tails[work.stream]
            tail.appended_at = max(tail.appended_at, now)
            rows.append((_id(work.stream, tail.end), tail.appended_at, work.key, work.type, pack(work.value)))
            offsets.append(tail.end)
            tail.end += 1
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)
            self._connection.executemany("DELETE FROM records WHERE id >= ? AND id < ?", trimmed)
            self._connection.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", positions)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # SQLite rolls back by itself after some errors
                self._connection.execute("ROLLBACK")
            raise
        return offsets

    def _give_back(self) -> None:
        """Give the disk back what was trimmed, once that is more than half of the file and what is left is soon moved."""

        def pragma(name: str) -> int:
            return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

        pages, free = pragma("page_count"), pragma("freelist_count")
        if pages < _VACUUM_PAGES.start or free < max(pages // 2, pages - _VACUUM_PAGES.stop):
            return
        try:
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:  # what was done is durable all the same
            _log.exception("free space could not be given back")


def lock(path: Path) -> int:
    """Become the only writer. Returns the descriptor to close; raises LogUnavailable if there is another."""
    lock_path = path.with_name(path.name + ".lock")
    descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise LogUnavailable(f"{path} is in use by another process, which holds {lock_path}") from None
    return descriptor


def open_for_writing(path: Path, partitions: int) -> sqlite3.Connection:
    """Open the file, making it if missing. Raises sqlite3.Error, or LogUnavailable for another format."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # Checkpoints stay at every 4 MB: measured, larger ones gain nothing and hold up appends for longer.
        if connection.execute("PRAGMA user_version").fetchone() == (0,):
            connection.executescript(
                f"BEGIN IMMEDIATE; {_SCHEMA} INSERT INTO log VALUES ({partitions}); COMMIT;"
            )
        partitions, _ = load(path, connection)
        connection.execute(f"PRAGMA user_version = {_FORMAT}")  # an older tracker cannot read what comes now
        rows = [(topic, partition) for topic in topics.ALL for partition in range(partitions)]
        connection.executemany("INSERT OR IGNORE INTO streams (topic, partition) VALUES (?, ?)", rows)
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Raises sqlite3.Error, also when the file is missing."""
    # Not mode=ro: after a kill -9 the first to open the file must be able to recover the WAL.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    return connection


def load(path: Path, connection: sqlite3.Connection) -> tuple[int, Streams]:
    """The number of partitions, and the streams. Raises LogUnavailable for a file of another format."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in _READ_FORMATS:
        raise LogUnavailable(
            f"{path} is of format {version}; this version of the tracker reads formats up to {_FORMAT}"
        )
    (partitions,) = connection.execute("SELECT partitions FROM log").fetchone()
    rows = connection.execute("SELECT topic, partition, id FROM streams").fetchall()
    return partitions, {(topic, partition): stream for topic, partition, stream in rows}


def tails_of(connection: sqlite3.Connection, streams: Iterable[int]) -> dict[int, Tail]:
    """The tail of each stream."""
    tails = {}
    for stream in streams:
        last = connection.execute(
            "SELECT id, appended_at FROM records WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1",
            _ids(stream),
        ).fetchone()
        tails[stream] = (
            Tail(_first(connection, stream)) if last is None else Tail(last[0] - _id(stream, 0) + 1, last[1])
        )
    return tails


def _first(connection: sqlite3.Connection, stream: int) -> int:
    """The offset before which records were forgotten."""
    row = connection.execute(
        "SELECT next FROM positions WHERE reader = ? AND stream = ?", (_TRIMMED, stream)
    ).fetchone()
    return 0 if row is None else int(row[0])


def bounds(connection: sqlite3.Connection, stream: int) -> Bounds:
    low, high = _ids(stream)
    # Two queries: SQLite answers min and max together by a scan of the whole range.
    within = "FROM records WHERE id >= ? AND id < ?"
    (first,) = connection.execute(f"SELECT min(id) {within}", (low, high)).fetchone()
    (last,) = connection.execute(f"SELECT max(id) {within}", (low, high)).fetchone()
    if first is None:
        end = _first(connection, stream)
        return Bounds(end, end)
    return Bounds(first - low, last - low + 1)


def records(
    connection: sqlite3.Connection, stream: int, partition: int, start: int, count: int, size: int
) -> list[Record]:
    """At most `count` records from offset `start` on, of at most `size` bytes (or one that is larger). Raises sqlite3.Error."""
    low, high = _ids(stream)
    rows: Iterable[tuple[int, int, str, str, bytes]] = connection.execute(
        "SELECT id, appended_at, key, type, value FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (low + start, high, count),
    )
    chunk: list[Record] = []
    for id_, appended_at, key, type_, stored in rows:
        value = _unpacked(stored, id_)
        size -= len(value)
        if chunk and size < 0:
            break
        chunk.append(Record(partition, id_ - low, appended_at, key, type_, value))
    return chunk


def _unpacked(stored: bytes, id_: int) -> bytes:
    try:
        return unpack(stored)
    except cramjam.DecompressionError as error:
        raise sqlite3.DatabaseError(f"record {id_} is damaged: {error}") from error


def count(connection: sqlite3.Connection, stream: int, start: int, end: int, type: str) -> int:
    """How many records from offset `start` to before `end` have a type that begins so; no value is read."""
    low, high = _ids(stream)
    (found,) = connection.execute(
        "SELECT count(*) FROM records WHERE id >= ? AND id < ? AND substr(type, 1, ?) = ?",
        (low + start, min(low + end, high), len(type), type),
    ).fetchone()
    return int(found)


def committed(connection: sqlite3.Connection, reader: str) -> dict[int, int]:
    """Stream → next offset, of what the reader has committed."""
    return dict(connection.execute("SELECT stream, next FROM positions WHERE reader = ?", (reader,)))


def _id(stream: int, offset: int) -> int:
    return stream << _OFFSET_BITS | offset


def _ids(stream: int) -> tuple[int, int]:
    """The ids of a stream: from the first to below the second."""
    return _id(stream, 0), _id(stream + 1, 0)
