"""Thresholds of silence that a run brings itself, as labels. The only place that names these labels.

`tracker.disconnected-after=600` and `tracker.stalled-after=3600` (seconds, a fraction is allowed) go before the settings, for
this run. Of several with one name the longest counts. What cannot be used is ignored and named, so that it can be shown.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

#: Labels that start so are ours: one that says nothing to us is a mistake, and is named.
PREFIX = "tracker."
DISCONNECTED_AFTER = f"{PREFIX}disconnected-after"
STALLED_AFTER = f"{PREFIX}stalled-after"
#: A year: what waits longer waits for ever.
LONGEST_SECONDS = 31_536_000

_SECONDS = re.compile(r"[0-9]{1,8}(\.[0-9]{1,3})?")


class Own(NamedTuple):
    """In ms; 0 where the run has none of its own. `ignored`: labels that mean to be one and cannot be used."""

    disconnected_ms: int
    stalled_ms: int
    ignored: list[str]


def own(labels: Iterable[str]) -> Own:
    """Pure. What the labels of a run say about its thresholds."""
    longest = {DISCONNECTED_AFTER: 0, STALLED_AFTER: 0}
    ignored = []
    for label in labels:
        name, _, value = label.partition("=")
        if name in longest and (ms := _ms(value)):
            longest[name] = max(longest[name], ms)
        elif label.startswith(PREFIX):
            ignored.append(label)
    return Own(longest[DISCONNECTED_AFTER], longest[STALLED_AFTER], ignored)


def _ms(seconds: str) -> int:
    """0 for what is no number of seconds above 0, or is too many."""
    if not _SECONDS.fullmatch(seconds) or float(seconds) > LONGEST_SECONDS:
        return 0
    return round(float(seconds) * 1000)
