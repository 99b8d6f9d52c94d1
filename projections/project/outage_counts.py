"""How many runs live, and how many fell silent together. Pure."""

from dataclasses import dataclass

#: Fewer live runs make no group.
GROUP_OF = 5


@dataclass(frozen=True, slots=True)
class Census:
    """How the runs stand that were live one threshold ago. `fallen` of them have been silent for longer than the threshold,
    `suspects` for more than half of it."""

    live: int = 0
    fallen: int = 0
    suspects: int = 0

    def __add__(self, other: "Census") -> "Census":
        return Census(self.live + other.live, self.fallen + other.fallen, self.suspects + other.suspects)

    @property
    def most_fell(self) -> bool:
        return self.live >= GROUP_OF and 2 * self.fallen > self.live

    @property
    def most_may_fall(self) -> bool:
        return self.live >= GROUP_OF and 2 * (self.fallen + self.suspects) > self.live


NOBODY = Census()
