"""Up to where a topic is decided, when what was read is decided in another order. Pure."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Undecided:
    """The offsets of a topic that are read and not decided, by partition. They must be added in the order of the log."""

    _waiting: dict[int, deque[int]] = field(default_factory=dict)
    _done: set[tuple[int, int]] = field(default_factory=set)

    def add(self, partition: int, offset: int) -> None:
        """Record that a message was read."""
        self._waiting.setdefault(partition, deque()).append(offset)

    def done(self, partition: int, offset: int) -> None:
        """Record that a message was decided."""
        self._done.add((partition, offset))

    def positions(self, read: Mapping[int, int]) -> dict[int, int]:
        """The first undecided offset of each partition, or the next one to read. Each offset is passed over only once."""
        positions = dict(read)
        for partition, offsets in self._waiting.items():
            while offsets and (partition, offsets[0]) in self._done:
                self._done.discard((partition, offsets.popleft()))
            if offsets:
                positions[partition] = offsets[0]
        return positions
