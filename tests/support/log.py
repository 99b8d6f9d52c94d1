"""The one fake of the log: the whole port in memory. It passes the log's own contract suite (tests/stores/log)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

from schemas.topics import EVENTS
from stores.log.port import Bounds, LogUnavailable, Position, Record

#: When all is appended unless a test has a clock of its own, in ms.
NOW = 1_795_546_905_637


class MemoryLog:
    """The port `EventLog` in lists. `away`: it does not answer; `broken`: appends fail otherwise."""

    def __init__(
        self, partitions: int = 1, now: Callable[[], int] = lambda: NOW, events: Iterable[Record] = ()
    ) -> None:
        self.partitions: dict[int, list[Record]] = {p: [] for p in range(partitions)}
        self.first = dict.fromkeys(range(partitions), 0)
        self.groups: dict[tuple[str, str], dict[int, int]] = {}
        self.away = self.broken = False
        self._now = now
        self._others: dict[str, dict[int, list[Record]]] = {}
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        for record in events:
            self.partitions[record.partition].append(record)

    @property
    def records(self) -> list[Record]:
        """All events, partition after partition."""
        return [r for records in self.partitions.values() for r in records]

    @property
    def messages(self) -> list[list[tuple[str, bytes]]]:
        """Type and value of all events, a list a partition."""
        return [[(r.type, r.value) for r in records] for records in self.partitions.values()]

    def fill(self, partition: int, messages: Sequence[tuple[str, bytes]], first_ms: int = NOW) -> None:
        """Exactly these events are on the partition, appended a millisecond after each other."""
        self.partitions[partition] = [
            Record(partition, n, first_ms + n, "", type_, value) for n, (type_, value) in enumerate(messages)
        ]

    def put(
        self,
        type: str,
        value: bytes,
        key: str = "",
        partition: int = 0,
        topic: str = EVENTS,
        at: int | None = None,
    ) -> Position:
        """Appends at once, at the clock's time or at `at`, as it is: also a time that steps back."""
        records = self._of(topic)[partition]
        records.append(Record(partition, len(records), self._now() if at is None else at, key, type, value))
        for loop, appended in self._waiting:
            loop.call_soon_threadsafe(appended.set)
        return Position(partition, len(records) - 1)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def create_topics(self, partitions: int) -> None:
        if partitions != len(self.partitions):
            raise ValueError(f"there are {len(self.partitions)} partitions, not {partitions}")

    async def append(
        self, topic: str, key: str, type: str, value: bytes, partition: int | None = None
    ) -> Position:
        if self.broken:
            raise OSError("the disk is full")
        self._answers()
        where = sum(key.encode()) % len(self.partitions) if partition is None else partition
        if where not in self.partitions:
            raise ValueError(f"no partition {where}")
        key.encode(), type.encode()  # raises for what no log could take
        before = self._of(topic)[where][-1:]
        return self.put(type, value, key, where, topic, max([self._now(), *(r.appended_at for r in before)]))

    async def bounds(self, topic: str) -> Mapping[int, Bounds]:
        self._answers()
        first = self.first if topic == EVENTS else {}
        return {p: Bounds(first.get(p, 0), len(records)) for p, records in self._of(topic).items()}

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        self._answers()
        assert topic != EVENTS or start >= self.first[partition], "what is read is still there"
        records = self._of(topic)[partition]
        for at in range(start, min(end, len(records)), 3):
            yield records[at : min(at + 3, end)]

    async def count(self, topic: str, partition: int, start: int, end: int, type: str) -> int:
        self._answers()
        return sum(r.type.startswith(type) for r in self._of(topic)[partition][start:end])

    async def take(
        self, topic: str, positions: Mapping[int, int], most: int, within: float
    ) -> Sequence[Record]:
        self._answers()
        loop, appended = asyncio.get_running_loop(), asyncio.Event()
        self._waiting.append((loop, appended))
        try:
            return await self._gathered(topic, positions, most, within, appended)
        finally:
            self._waiting.remove((loop, appended))

    async def _gathered(
        self, topic: str, positions: Mapping[int, int], most: int, within: float, appended: asyncio.Event
    ) -> Sequence[Record]:
        clock = asyncio.get_running_loop().time
        deadline, some = clock() + within, False
        while True:
            appended.clear()
            partitions = self._of(topic)
            found = [r for p, at in positions.items() for r in partitions[p][at : at + most]][:most]
            if found and not some:
                some, deadline = True, clock() + within
            if len(found) >= most or clock() >= deadline:
                return found
            try:
                async with asyncio.timeout_at(deadline):
                    await appended.wait()
            except TimeoutError:
                return found

    async def committed(self, group: str, topic: str) -> Mapping[int, int]:
        self._answers()
        return dict(self.groups.get((group, topic), {}))

    async def commit(self, group: str, topic: str, positions: Mapping[int, int]) -> None:
        self._answers()
        self.groups.setdefault((group, topic), {}).update(positions)

    async def readers(self, group: str) -> int:
        return 0

    async def delete_before(self, topic: str, offsets: Mapping[int, int]) -> None:
        self.first |= offsets

    def _answers(self) -> None:
        if self.away:
            raise LogUnavailable("no broker")

    def _of(self, topic: str) -> dict[int, list[Record]]:
        if topic == EVENTS:
            return self.partitions
        return self._others.setdefault(topic, {p: [] for p in self.partitions})
