"""Charts that the server draws itself, as places on a line: they need no script, and are a table as well. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from api.core.figures import time_of
from api.html.formats import ms_of
from api.tasks.models import Concurrency

#: Stretches of time that a picture is cut into, and rows of its table.
STRETCHES = 48
ROWS = 16
_WIDTH, _HEIGHT = 1000, 100


@dataclass(frozen=True, slots=True)
class Stretch:
    """The most tasks at once from `at` on, `after_ms` after the start; `x` and `width` on a line of 1000."""

    at: str | None
    after_ms: int
    x: float
    width: float
    running: int


@dataclass(frozen=True, slots=True)
class Curve:
    """How many tasks ran at once: an SVG path on 1000 by 100, the same as stretches to point at, and as rows of a table."""

    peak: int
    path: str
    peak_x: float
    span_ms: int
    stretches: Sequence[Stretch]
    rows: Sequence[Stretch]


def curve(concurrency: Concurrency, began: str | None, ended: str | None) -> Curve | None:
    """The picture of `/concurrency` from `began` to `ended`, or as far as its points reach; None where nothing ran."""
    points = [(ms_of(p.at), p.running) for p in concurrency.points]
    if not concurrency.peak:
        return None
    first = min([points[0][0], *([ms_of(began)] if began else [])])
    last = max([points[-1][0], first + 1, *([ms_of(ended)] if ended else [])])
    scale = _WIDTH / (last - first)
    path = f"M0 {_HEIGHT}"
    for at, running in points:
        path += f"H{(at - first) * scale:.1f}V{_HEIGHT - _HEIGHT * running / concurrency.peak:.1f}"
    peak_at = next(at for at, running in points if running == concurrency.peak)
    return Curve(
        concurrency.peak,
        f"{path}H{_WIDTH}V{_HEIGHT}Z",
        round((peak_at - first) * scale / 10, 1),
        last - first,
        stretches(points, first, last, STRETCHES),
        stretches(points, first, last, ROWS),
    )


def stretches(points: Sequence[tuple[int, int]], first: int, last: int, count: int) -> list[Stretch]:
    """The time from `first` to `last` (ms) in equal stretches, each with the greatest number that held within it."""
    cut: list[Stretch] = []
    level, i = 0, 0
    bounds = [first + (last - first) * n // count for n in range(count + 1)]
    for start, end in pairwise(bounds):
        while i < len(points) and points[i][0] <= start:
            level, i = points[i][1], i + 1
        most = level
        while i < len(points) and points[i][0] < end:
            level, i = points[i][1], i + 1
            most = max(most, level)
        x = _WIDTH * (start - first) / (last - first)
        width = _WIDTH * (end - start) / (last - first)
        cut.append(Stretch(time_of(start), start - first, round(x, 1), round(width, 1), most))
    return cut
