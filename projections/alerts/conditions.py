"""Whether the tracker itself is behind, by the wall clock, and who holds up its clock. Pure; times in ms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from projections.alerts.storage import Mark


@dataclass(frozen=True, slots=True)
class Verdict:
    """`since`: of the oldest thing that is projected; `behind` is None where it is too early to say."""

    behind: bool | None
    since: int = 0
    summary: str = ""


def held_up(marks: Mapping[int, Mark], now: int, limit: int) -> list[int]:
    """Partitions that are projected, and yet had no round for longer than the limit: an ingest process is missing."""
    return [
        p
        for p, m in marks.items()
        if now - m.tick_ms <= limit and m.round_ms > 0 and now - m.round_ms > limit
    ]


def judge(
    marks: Mapping[int, Mark], now: int, started: int, limit: int, missing: Sequence[str] = ()
) -> Verdict:
    """The tracker's own state. After a start it has as long as the limit to get on before anybody is told."""
    if not marks:
        return Verdict(None)
    oldest = min(m.tick_ms for m in marks.values())
    stale = [p for p, m in marks.items() if now - m.tick_ms > limit]
    held = held_up(marks, now, limit)
    if not stale and not held:
        return Verdict(False)
    since = oldest if stale else min(marks[p].round_ms for p in held)
    if now - max(since, started) <= limit:
        return Verdict(None)
    if stale:
        what = f"nothing new is projected from {_partitions(stale)} for more than {limit / 1000:g} s"
    else:
        who = ", ".join(m[:100] for m in missing[:5]) or "an ingest process"
        what = f"{_partitions(held)}: the clock stands still, since {who} does not tick"
    return Verdict(True, since, f"the tracker is behind: {what}")


def _partitions(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(p) for p in numbers[:10])
    return f"partition{'s' if len(numbers) > 1 else ''} {shown}{' …' if len(numbers) > 10 else ''}"
