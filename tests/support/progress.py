"""Waiting as long as something moves, however busy the machine is. No test stands here."""

import os
import time
from collections.abc import Callable
from pathlib import Path

_POLL_SECONDS = 0.1
#: The question takes work of the tracker that is waited for; so it takes at most a fifth of the time.
_POLL_SHARE = 4
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK") * (os.cpu_count() or 1)


class Patience:
    """Runs out after so many seconds in which the machine had nothing to do.

    Time in which its cores work counts a tenth: then what is waited for may be what waits for a core.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.renew()

    def renew(self) -> None:
        """Something moved: count from now."""
        self._began, self._idle = time.monotonic(), _idle_seconds()

    def left(self) -> bool:
        spent = max(_idle_seconds() - self._idle, (time.monotonic() - self._began) / 10)
        return spent < self.seconds


def wait_for_progress(what: str, missing: Callable[[], object], seconds: float = 20) -> None:
    """Ask until nothing is missing (anything falsy). Fails, with what is missing, when that has not changed for so many
    seconds of `Patience`."""
    patience, before, asked = Patience(seconds), object(), time.monotonic()
    while found := missing():
        took = time.monotonic() - asked
        if found != before:
            before = found
            patience.renew()
        assert patience.left(), f"{what}: nothing moved any more; missing: {found}"
        time.sleep(min(2.0, max(_POLL_SECONDS, _POLL_SHARE * took)))
        asked = time.monotonic()


def _idle_seconds() -> float:
    """How long the machine's cores have had nothing to do, on average."""
    _, _, _, idle, iowait, *_ = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return (idle + iowait) / _TICKS_PER_SECOND
