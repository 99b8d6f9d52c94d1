"""The port of the log: what ingest appends to and the projections read. Two implementations, one contract suite."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class LogUnavailable(Exception):
    """The log did not acknowledge in time, or cannot be reached; nothing may be taken as appended."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where an append landed."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Record:
    """One message as the log gives it back; `appended_at` is the log's own append time, in ms since 1970."""

    partition: int
    offset: int
    appended_at: int
    key: str
    type: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Bounds:
    """Offsets of a partition: the first that is kept, and the one after the last."""

    first: int
    end: int


class LogReader(Protocol):
    """What can be read again from the beginning: a log, or a log with its archive."""

    async def bounds(self, topic: str) -> Mapping[int, Bounds]:
        """Offsets of each partition."""

    def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """The records with start <= offset < end, in order, a chunk at a time."""


class EventLog(LogReader, Protocol):
    """An ordered, partitioned, durable log. All offsets of a partition rise by one, without gaps."""

    async def start(self) -> None:
        """Open it. Raises LogUnavailable if it cannot be reached."""

    async def stop(self) -> None:
        """Finish what was begun and close."""

    async def create_topics(self, partitions: int) -> None:
        """Make the topics that are missing. Raises ValueError if one exists with another number of partitions."""

    async def append(
        self, topic: str, key: str, type: str, value: bytes, partition: int | None = None
    ) -> Position:
        """Append and wait until it is durable. Equal keys share a partition, in order, unless `partition` names one.

        Raises LogUnavailable when the log does not acknowledge within its timeout.
        """

    async def count(self, topic: str, partition: int, start: int, end: int, type: str) -> int:
        """How many of the records with start <= offset < end have a type that begins so. Keeps no values."""

    async def take(
        self, topic: str, positions: Mapping[int, int], most: int, within: float
    ) -> Sequence[Record]:
        """Wait for records at or after the positions: returns as soon as there are `most` of them, or `within` seconds after the
        first arrived, or an empty list `within` seconds after the call. In order within each partition."""

    async def committed(self, group: str, topic: str) -> Mapping[int, int]:
        """The next offset that the group is to read, for each partition where it has committed one."""

    async def commit(self, group: str, topic: str, positions: Mapping[int, int]) -> None:
        """Say that the group has done all below these offsets. Durable when it returns."""

    async def readers(self, group: str) -> int:
        """How many processes read as this group right now; 0 for a local log, which admits one process."""
