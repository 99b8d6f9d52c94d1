"""The watchdog of a worker: it judges by the whole group whether what waits on the log gets projected. Pure; times in s.

Agents are known to die silently, and a group can agree on an assignment in which nobody has anything: Faust's leader assigns
by the metadata that it has, and after a broker's restart the topic may be missing in it. Then all are well, and nothing moves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

#: A worker that gets on with none of its own partitions for so long is taken for dead.
OWN_SECONDS = 120.0
#: After so long without progress of a partition, workers that have none leave and join again, and after as long again they exit.
GROUP_SECONDS = 60.0
#: Between two requests for new metadata: doubled from the first to the longest.
FIRST_REFRESH_SECONDS = 5.0
LONGEST_REFRESH_SECONDS = 30.0
#: Nothing is called a standstill before: a large batch takes its time.
LATE_SECONDS = 10.0


class Action(StrEnum):
    """What a worker is to do."""

    NONE = "none"
    REFRESH = "refresh"  # ask for the metadata again, then for a new assignment
    REJOIN = "rejoin"  # leave the group and join it again
    EXIT = "exit"  # a restarter starts the next one


@dataclass(frozen=True, slots=True)
class Observation:
    """What a worker sees of a log that answers, while the tables answer too.

    `own` is None before the first assignment. `positions`: the next offset that each partition waits for, as the group has
    committed it, or as this worker has written it.
    """

    own: frozenset[int] | None
    positions: Mapping[int, int]
    ends: Mapping[int, int]
    workers: int


@dataclass(frozen=True, slots=True)
class Standstill:
    """A partition has messages that nobody projects: it is at this position since then."""

    position: int
    since: float


@dataclass(frozen=True, slots=True)
class WatchState:
    """What the watchdog knows. A fresh one gives everybody fresh patience: after an outage of the log or of the tables."""

    standing: Mapping[int, Standstill] = field(default_factory=dict)
    refreshes: int = 0  # since this worker had a partition
    refreshed_at: float = 0.0
    rejoined_at: float | None = None

    def waiting(self, now: float) -> dict[int, float]:
        """Partition → seconds for which nobody has advanced it although something waits."""
        return {p: now - s.since for p, s in self.standing.items()}


def decide(state: WatchState, seen: Observation, now: float) -> tuple[WatchState, Action]:
    """The next state, and what to do at `now`."""
    state = replace(state, standing=_standing(state.standing, seen, now))
    waiting = state.waiting(now)
    if any(waiting.get(p, 0) > OWN_SECONDS for p in seen.own or ()):
        return state, Action.EXIT
    if seen.own:
        return _with_partitions(state, seen.own, waiting, now)
    return _without_partitions(state, seen, max(waiting.values(), default=0.0), now)


def _standing(before: Mapping[int, Standstill], seen: Observation, now: float) -> dict[int, Standstill]:
    """The partitions of which something waits, each since when it is where it is."""
    standing = {}
    for p, end in seen.ends.items():
        position = seen.positions.get(p, 0)
        if position < end:
            last = before.get(p)
            standing[p] = last if last and last.position == position else Standstill(position, now)
    return standing


def _with_partitions(
    state: WatchState, own: frozenset[int], waiting: Mapping[int, float], now: float
) -> tuple[WatchState, Action]:
    """A new assignment takes the partitions from a worker that hangs so badly that it does not take part in it."""
    state = replace(state, refreshes=0, rejoined_at=None)
    others = max((seconds for p, seconds in waiting.items() if p not in own), default=0.0)
    if others > GROUP_SECONDS and now - state.refreshed_at > GROUP_SECONDS:
        return replace(state, refreshed_at=now), Action.REFRESH
    return state, Action.NONE


def _without_partitions(
    state: WatchState, seen: Observation, longest: float, now: float
) -> tuple[WatchState, Action]:
    if longest > GROUP_SECONDS:
        if state.rejoined_at is not None:
            return state, Action.EXIT
        return replace(state, standing={}, rejoined_at=now), Action.REJOIN
    if state.rejoined_at is not None and longest < LATE_SECONDS and now - state.rejoined_at > GROUP_SECONDS:
        state = replace(state, rejoined_at=None)  # the group gets on again
    wait = min(LONGEST_REFRESH_SECONDS, FIRST_REFRESH_SECONDS * 2 ** max(0, state.refreshes - 1))
    # A worker may rightly have nothing, since Faust lets others keep what they have: so once, and again only if nothing moves.
    at_once = not state.refreshes and seen.workers <= len(seen.ends)
    again = longest >= LATE_SECONDS and now - state.refreshed_at >= wait
    if seen.own is not None and (at_once or again):
        return replace(state, refreshes=state.refreshes + 1, refreshed_at=now), Action.REFRESH
    return state, Action.NONE


def problem(state: WatchState, own: frozenset[int] | None, now: float) -> str:
    """What people and probes are told is wrong; empty while all gets on or it is too early to say."""
    late = {p: s for p, s in state.waiting(now).items() if s >= LATE_SECONDS}
    if own is None or not late:
        return ""
    if not own:
        return f"this worker has no partition, and nobody gets on with {_named(late)}"
    late = {p: s for p, s in late.items() if s > GROUP_SECONDS}
    return f"nobody gets on with {_named(late)}" if late else ""


def _named(partitions: Mapping[int, float]) -> str:
    return f"partitions {', '.join(map(str, sorted(partitions)[:10]))} for {max(partitions.values()):.0f} s"
