"""Observed time of a partition: pure. See "Time is an event" in the architecture.

A round is complete when every ingest process that ticked within `gone_ms` of append time and has not left has ticked since
the last round. At a round the clock advances by the append time since the last one, at least nothing, at most two tick
intervals: so while ingest, or one of several ingest processes, cannot reach the log, nobody's silence grows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

#: A round may advance the clock by this many tick intervals, and an event may lie this many after the last round.
INTERVALS_AT_MOST = 2


@dataclass(frozen=True, slots=True)
class Clock:
    """State of one partition's clock after some prefix of its log. All times in ms."""

    offset: int = -1  # of the tick that completed the last round; -1 before the first
    appended_at: int | None = None  # append time of that tick
    clock_ms: int = 0
    interval_ms: int = 0  # as that tick told it
    processes: Mapping[str, int] = field(default_factory=dict)  # who ticks → append time of its last tick
    ticked: frozenset[str] = frozenset()  # who has ticked since the last round
    #: The offset of the round before the last; -1 where it is not known. It is no state of the clock.
    round_before: int = field(default=-1, compare=False)

    def observed(self, appended_at: int) -> int:
        """Observed time of an event that the log took at `appended_at`."""
        return self.clock_ms + self._elapsed(appended_at, self.interval_ms)

    def tick(
        self, process: str, interval_ms: int, offset: int, appended_at: int, gone_ms: int
    ) -> tuple["Clock", bool]:
        """The clock after a tick, and whether the tick completed a round."""
        # Where the log's clock stepped back, earlier ticks lie in the future: who died then would be waited for too long.
        processes = {p: min(at, appended_at) for p, at in self.processes.items()} | {process: appended_at}
        ticked = self.ticked | {process}
        expected = {p: at for p, at in processes.items() if appended_at - at <= gone_ms}
        if not expected.keys() <= ticked:
            return replace(self, processes=processes, ticked=ticked), False
        clock_ms = self.clock_ms + self._elapsed(appended_at, interval_ms)
        return Clock(offset, appended_at, clock_ms, interval_ms, expected, frozenset(), self.offset), True

    def left(self, process: str) -> "Clock":
        """The clock after a process said that it stops: nobody waits for it."""
        rest = {p: at for p, at in self.processes.items() if p != process}
        return replace(self, processes=rest, ticked=self.ticked - {process})

    @property
    def round_before_ms(self) -> int:
        """The clock at the round before was not earlier than this."""
        return self.clock_ms - INTERVALS_AT_MOST * self.interval_ms

    def _elapsed(self, appended_at: int, interval_ms: int) -> int:
        if self.appended_at is None:
            return 0
        return min(max(0, appended_at - self.appended_at), INTERVALS_AT_MOST * interval_ms)
