"""Counts of live runs and of those that fell silent together, from which an outage shows. Pure."""

from dataclasses import dataclass

#: Fewer live runs make no group.
GROUP_OF = 5


@dataclass(frozen=True, slots=True)
class OutageCounts:
    """Of the runs that were live one threshold ago (`live`): those silent for longer than the threshold (`fallen`), and those
    silent for more than half of it (`suspects`)."""

    live: int = 0
    fallen: int = 0
    suspects: int = 0

    def __add__(self, other: "OutageCounts") -> "OutageCounts":
        return OutageCounts(
            self.live + other.live, self.fallen + other.fallen, self.suspects + other.suspects
        )

    @property
    def most_fell(self) -> bool:
        return self.live >= GROUP_OF and 2 * self.fallen > self.live

    @property
    def most_may_fall(self) -> bool:
        return self.live >= GROUP_OF and 2 * (self.fallen + self.suspects) > self.live


NO_RUNS = OutageCounts()
