"""Waits for a run's end. The clock, the waiting and the tracker are arguments."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from schemas.statuses import RunStatus
from tracker.client.remote import Refused
from tracker.errors import NotDone

#: A run that was just started may not be known yet for so long, in seconds.
_UNKNOWN_SECONDS = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0


class Ended(IntEnum):
    """How a run ended, as an exit code."""

    SUCCEEDED = 0
    FAILED = 1
    CANCELLED = 2
    TIME_OVER = 124


_ENDS = {
    RunStatus.SUCCEEDED: Ended.SUCCEEDED,
    RunStatus.FAILED: Ended.FAILED,
    RunStatus.CANCELLED: Ended.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the run gave: its JSON as the API has it, or why there is none."""

    run: dict[str, Any] | None
    problem: str = ""

    @property
    def done_and_total(self) -> tuple[int, int]:
        """Its tasks that are over, and all that are known."""
        counts = self.run["tasks"] if self.run else {}
        over = sum(counts.get(k, 0) for k in ("succeeded", "failed", "aborted", "cached"))
        return over, counts.get("total", 0)


def wait(
    ask: Callable[[], dict[str, Any]],
    seen: Callable[[Look], None],
    now: Callable[[], float],
    pause: Callable[[float], None],
    timeout: float | None = None,
) -> Ended:
    """Look at the run until it is over, or `timeout` seconds have passed. `ask` gives its JSON, `seen` is told of each look.

    A tracker that is away or restarts is waited for. Raises Refused where it answers that this may not be seen, or still has
    no such run after a minute.
    """
    began = now()
    for seconds in _pauses():
        look = _look(ask, now() - began)
        seen(look)
        if look.run and (end := _ENDS.get(RunStatus(look.run["status"]))) is not None:
            return end
        left = None if timeout is None else began + timeout - now()
        if left is not None and left <= 0:
            return Ended.TIME_OVER
        pause(seconds if left is None else min(seconds, left))
    raise AssertionError("pauses never end")


def _look(ask: Callable[[], dict[str, Any]], waited: float) -> Look:
    try:
        return Look(ask())
    except Refused as e:
        passes = e.status >= 500 or e.status == 429 or (e.status == 404 and waited < _UNKNOWN_SECONDS)
        if not passes:
            raise
        return Look(None, str(e))
    except NotDone as e:
        return Look(None, str(e))


def _pauses() -> Iterator[float]:
    """Seconds between looks: short for what ends soon, and never long."""
    seconds = _FIRST_PAUSE
    while True:
        yield seconds
        seconds = min(_LONGEST_PAUSE, seconds * 1.2)
