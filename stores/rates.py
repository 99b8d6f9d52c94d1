"""Token buckets: how many requests a caller may still make. No input or output; time is an argument."""

from collections import OrderedDict

#: Callers that are remembered; of more, whoever was quiet longest is forgotten and begins anew.
MOST_CALLERS = 10_000
#: A full bucket lasts for so many seconds' worth of requests.
BURST_SECONDS = 10


class Rates:
    """`per_second` requests a caller in the long run, ten seconds' worth at once; 0: as many as they like."""

    def __init__(self, per_second: float) -> None:
        self._rate = per_second
        self._most = max(1.0, per_second * BURST_SECONDS)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # caller → (requests left, at)

    def wait(self, caller: str, now: float) -> float:
        """0 if the caller may go on, and one request is taken off; else the seconds until it may. `now` in seconds."""
        if not self._rate:
            return 0.0
        left, at = self._left.pop(caller, (self._most, now))
        left = min(self._most, left + max(0.0, now - at) * self._rate)
        allowed = left >= 1
        self._left[caller] = (left - 1 if allowed else left, now)
        while len(self._left) > MOST_CALLERS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate
