"""For the tests of the archive: a store in memory, and one in which the process dies."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from projections.archive.archiver import Archiver
from schemas import events as e
from schemas.statuses import ReportedState, TaskStatus
from schemas.topics import EVENTS
from stores.log.port import EventLog, LogReader, Record
from stores.s3.archive import Archive, ArchivedLog
from stores.s3.archive_format import Segment
from stores.s3.client import ObjectStore
from tests.support.log import MemoryLog
from tests.support.projection import History, task

HOUR = 3_600_000
T0 = 1_795_546_800_000  # an hour begins
FOREVER = 2**60
PARTITIONS = 2


class HourlyLog(MemoryLog):
    """A log in memory that hours of messages are put on."""

    def say(self, partition: int, appended_at: int, value: bytes = b"{}") -> None:
        self.put("t", value, f"run{len(self.partitions[partition]) % 3}", partition, at=appended_at)

    def say_hours(self, hours: int, of_each: int = 4) -> None:
        """Messages of so many hours, the last of which is not over, on each partition."""
        for n in range(hours * of_each):
            for p in self.partitions:
                self.say(p, T0 + n * HOUR // of_each, b'{"n":%d,"p":%d}' % (n, p))


class MemoryStore:
    """A bucket in memory."""

    def __init__(self) -> None:
        self.bucket = "memory"
        self.objects: dict[str, bytes] = {}

    async def put_new(self, key: str, body: bytes) -> bool:
        if key in self.objects:
            return False
        self.objects[key] = body
        return True

    async def get(self, key: str) -> bytes:
        return self.objects[key]

    async def keys(self, prefix: str) -> Sequence[str]:
        return sorted(key for key in self.objects if key.startswith(prefix))

    def close(self) -> None: ...


class Killed(BaseException):
    """The process dies here."""


class DeadlyStore:
    """Another store, at whose n-th call from now the process dies: before it, or when the store has done it."""

    def __init__(self, store: ObjectStore, n: int, after: bool) -> None:
        self.bucket = store.bucket
        self._store, self._left, self._after = store, n, after

    async def put_new(self, key: str, body: bytes) -> bool:
        self._die(False)
        done = await self._store.put_new(key, body)
        self._die(True)
        return done

    async def get(self, key: str) -> bytes:
        self._die(False)
        body = await self._store.get(key)
        self._die(True)
        return body

    async def keys(self, prefix: str) -> Sequence[str]:
        self._die(False)
        keys = await self._store.keys(prefix)
        self._die(True)
        return keys

    def close(self) -> None: ...

    def _die(self, after: bool) -> None:
        if after == self._after:
            self._left -= 1
            if self._left == 0:
                raise Killed


async def archived(store: ObjectStore, log: LogReader, prefix: str = "t") -> dict[int, list[Record]]:
    """All messages, read from the archive and, where that ends, from the log."""
    reader = ArchivedLog(log, Archive(store, prefix))
    bounds = await reader.bounds(EVENTS)
    return {
        p: [r async for chunk in reader.read(EVENTS, p, b.first, b.end) for r in chunk]
        for p, b in bounds.items()
    }


def archiver(log: HourlyLog, store: ObjectStore, now: int = T0, **known: object) -> Archiver:
    """An archiver of the archive `t`, whose clock stands still."""
    return replace(Archiver(log, Archive(store, "t"), lambda: now), **known)  # type: ignore[arg-type]


async def segments(store: ObjectStore, partition: int = 0) -> list[Segment]:
    """All that is archived of the partition."""
    archive = Archive(store, "t")
    return [await archive.segment(segment_key) for segment_key in await archive.segment_keys(partition)]


def history(partitions: int = PARTITIONS) -> History:
    """Four hours of runs: what succeeds, fails, goes silent, repeats itself and cannot be read."""
    h = History(partitions, now=T0)
    for n in range(8):
        run, p = f"{n:016d}", n % partitions
        h.say(run, e.Created(name=f"run {n}", instant=h.now), partition=p)
        for t in range(6):
            started = {"started_at": h.now + t, "submitted_at": h.now}
            running = task(run, t, TaskStatus.RUNNING, process=f"P{t % 2}", name='"ü\u2028\0"', **started)
            h.say(run, e.TasksChanged(instant=h.now), running, partition=p)
            done = task(
                run, t, TaskStatus.SUCCEEDED, process=f"P{t % 2}", completed_at=h.now + 9_000, **started
            )
            h.say(run, e.TasksChanged(instant=h.now), done, partition=p)
            h.say(run, e.TasksChanged(instant=h.now), done, partition=p)
        if n % 3:
            state = ReportedState.FAILED if n % 2 else ReportedState.SUCCEEDED
            h.say(run, e.Completed(state=state, instant=h.now), partition=p)
        h.append(p, None)
        h.wait(HOUR // 2, interval_ms=HOUR // 4)
    h.wait(HOUR // 2, interval_ms=HOUR // 4)
    return h


async def fill(log: EventLog, h: History, at: Callable[[int], None]) -> None:
    """Append the history; `at` is told each append time."""
    for r in h.records:
        at(r.appended_at)
        await log.append(EVENTS, r.key, r.type, r.value, r.partition)
