"""The observed clock, as the architecture says it: a part of the oracle of the projections' tests."""


class ObservedClock:
    """Observed time of one partition."""

    def __init__(self, gone_ms: int) -> None:
        self.gone_ms = gone_ms
        self.now = 0
        self.interval = 0
        self.round_at: int | None = None
        self.last_tick: dict[str, int] = {}
        self.waited_for: set[str] = set()  # those that have ticked since the last round are not in it

    def observed(self, appended_at: int) -> int:
        return self.now + self._since_round(appended_at, self.interval)

    def tick(self, process: str, interval: int, at: int) -> bool:
        """Whether it completes a round."""
        # A log's clock that stepped back puts earlier ticks into the future; they are no younger than now.
        self.last_tick = {p: min(t, at) for p, t in self.last_tick.items()} | {process: at}
        self.waited_for -= {process}
        there = {p for p, t in self.last_tick.items() if t >= at - self.gone_ms}
        if self.waited_for & there:
            return False
        self.now += self._since_round(at, interval)
        self.round_at, self.interval = at, interval
        self.last_tick = {p: self.last_tick[p] for p in there}
        self.waited_for = set(there)
        return True

    def left(self, process: str) -> None:
        self.last_tick.pop(process, None)
        self.waited_for -= {process}

    def _since_round(self, at: int, interval: int) -> int:
        if self.round_at is None:
            return 0
        return max(0, min(at - self.round_at, 2 * interval))
