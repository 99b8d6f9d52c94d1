"""The low watermark: the log time up to which every partition is swept, and alerts may be decided. Pure; times in ms.

One partition that stands still must not silence the alerts of the others, so after a while they go on without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from projections.alerts.storage import Mark


@dataclass(slots=True)
class LowWatermark:
    """`patience`: how long, by the wall clock, a partition that stands still is waited for. `within`: rounds of different
    partitions that are no further apart belong to the same tick, which each partition's leader stamps by its own clock."""

    patience: int
    within: int
    marks: Mapping[int, Mark] = field(default_factory=dict)
    _moved: dict[int, int] = field(default_factory=dict)  # partition → when its round was last seen to move

    def update(self, marks: Mapping[int, Mark], now: int) -> None:
        """Record how far the partitions are now."""
        for p, mark in marks.items():
            before = self.marks.get(p)
            if before is None or before.round != mark.round:
                self._moved[p] = now
        self.marks = marks

    def lagging(self, now: int) -> dict[int, int]:
        """Map partitions that are not waited for to the append time of their last round. Empty if no partition moves."""
        still = {p: m.round_ms for p, m in self.marks.items() if now - self._moved[p] > self.patience}
        return {} if len(still) == len(self.marks) else still

    def time(self, now: int) -> int | None:
        """The time up to which each partition that is waited for is swept; None before its first round."""
        lagging = self.lagging(now)
        return min((m.round_ms for p, m in self.marks.items() if p not in lagging), default=0) or None
