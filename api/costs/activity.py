"""When each process of a run was at work, and which stretches of work the run's end waited for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from api.core.intervals import critical_path

#: Parts that the time of a run is divided into.
SLOTS = 200


@dataclass(frozen=True, slots=True)
class Burst:
    """A stretch of work without a pause; in per cent of the run's time. `critical`: on the critical path."""

    x: float
    width: float
    critical: bool


@dataclass(frozen=True, slots=True)
class Activity:
    """By process its bursts, the first to begin first. `sync_points`: where the critical path passes on to another process, in
    per cent. `span`: begin and end of the run's time in ms; None where nothing was at work."""

    bursts: Mapping[str, Sequence[Burst]]
    sync_points: Sequence[float]
    span: tuple[int, int] | None = None


def activity(busy: Mapping[str, Sequence[int]], span: tuple[int, int] | None = None) -> Activity:
    """Pure. `busy`: by process the parts of the run's time, in order, in which it was at work."""
    spans = [(name, first, last) for name, slots in busy.items() for first, last in _joined(slots)]
    spans.sort(key=lambda s: (s[1], s[2], s[0]))
    # In halves of a part, so that what ended in one part and what began in it can follow each other.
    begins, ends = [2 * first for _, first, _ in spans], [2 * last + 1 for _, _, last in spans]
    path = critical_path(begins, ends, slack=1)
    critical = set(path)
    bursts: dict[str, list[Burst]] = {}
    for place, (name, first, last) in enumerate(spans):
        burst = Burst(_share(first), _share(last + 1 - first), place in critical)
        bursts.setdefault(name, []).append(burst)
    passes_on = [spans[at] for at, before in pairwise(path) if spans[at][0] != spans[before][0]]
    return Activity(bursts, sorted({_share(first) for _, first, _ in passes_on}), span)


def _joined(slots: Sequence[int]) -> list[tuple[int, int]]:
    """Neighbouring parts as one: its first and its last."""
    found: list[tuple[int, int]] = []
    for slot in slots:
        if found and slot == found[-1][1] + 1:
            found[-1] = (found[-1][0], slot)
        else:
            found.append((slot, slot))
    return found


def _share(slots: int) -> float:
    return round(100 * slots / SLOTS, 2)
