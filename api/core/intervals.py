"""Intervals of time: when something was at work, and what its end waited for. Pure."""

from bisect import bisect_right
from collections.abc import Sequence

#: Of those that ended just before, at most so many are looked at for one that also began before.
_LOOKED_AT = 50


def critical_path(begins: Sequence[int], ends: Sequence[int], slack: int) -> list[int]:
    """The chain of intervals that the last end waited for, the last first: what ended last, then what had ended last when that
    one began, and so on; one that began up to `slack` before another's end may have waited for it.

    An estimate by time alone: no runner tells which task waited for which. What took no time is left out.
    """
    by_end = sorted((i for i in range(len(ends)) if ends[i] > begins[i]), key=ends.__getitem__)
    sorted_ends = [ends[i] for i in by_end]
    path: list[int] = []
    at = by_end[-1] if by_end else None
    while at is not None:
        path.append(at)
        before = bisect_right(sorted_ends, begins[at] + slack)
        candidates = (by_end[k] for k in range(before - 1, max(-1, before - 1 - _LOOKED_AT), -1))
        at = next((i for i in candidates if begins[i] < begins[at] and ends[i] < ends[at]), None)
    return path
