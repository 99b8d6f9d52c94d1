"""The observed clock: rounds, what they wait for, and what holds for any ticks."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.project.clock import Clock
from tests.support.reference.clock import ObservedClock

GONE = 300_000
TICK = 5_000
A, B = "ingest-a", "ingest-b"


def after(*ticks: tuple[str, int], clock: Clock | None = None) -> tuple[Clock, list[bool]]:
    """The clock after ticks of (process, append time), and which of them completed a round."""
    clock, rounds = clock or Clock(), []
    for offset, (process, at) in enumerate(ticks):
        clock, completed = clock.tick(process, TICK, offset, at, GONE)
        rounds.append(completed)
    return clock, rounds


def test_before_the_first_round_no_time_passes() -> None:
    assert Clock().observed(1_000_000) == 0
    clock, rounds = after((A, 1_000_000))
    assert rounds == [True] and clock.clock_ms == 0 and clock.offset == 0


def test_of_one_process_each_tick_is_a_round() -> None:
    clock, rounds = after((A, 0), (A, 5000), (A, 10_001))
    assert rounds == [True] * 3 and clock.clock_ms == 10_001


@pytest.mark.parametrize(
    ("late", "counted"), [(9_999, 9_999), (10_000, 10_000), (10_001, 10_000), (900_000, 10_000)]
)
def test_a_round_counts_two_intervals_at_most(late: int, counted: int) -> None:
    clock, _ = after((A, 0))
    assert clock.observed(late) == counted
    assert after((A, late), clock=clock)[0].clock_ms == counted


def test_a_round_waits_for_all_that_are_there() -> None:
    clock, rounds = after((A, 0), (B, 10), (A, 5000), (A, 10_000), (B, 10_010))
    # B came after the first round: from the second tick on it is waited for
    assert rounds == [True, False, True, False, True]
    assert clock.clock_ms == 5000 + 5010


@pytest.mark.parametrize(("silent", "waited_for"), [(GONE, True), (GONE + 1, False)])
def test_who_is_silent_for_too_long_is_gone(silent: int, waited_for: bool) -> None:
    clock, _ = after((A, 0), (B, 0), (A, 1))
    assert after((A, silent), clock=clock)[1] == [not waited_for]


def test_who_is_gone_is_not_remembered_and_may_come_back() -> None:
    clock, _ = after((A, 0), (B, 0), (A, 1), (A, GONE + 1))
    assert set(clock.processes) == {A}
    clock, rounds = after((B, GONE + 2), (A, GONE + 3), (A, GONE + 4), (B, GONE + 5), clock=clock)
    assert rounds == [False, True, False, True]


def test_who_left_is_not_waited_for() -> None:
    clock, _ = after((A, 0), (B, 0), (A, 1))
    assert after((A, 5000), clock=clock.left(B))[1] == [True]
    assert Clock().left("never here") == Clock()


@pytest.mark.parametrize("back", [1, 60_000, 86_400_000])
def test_where_the_log_steps_back_time_stands_still_for_a_moment(back: int) -> None:
    clock, _ = after((A, back), (A, back + TICK))
    clock, rounds = after((A, TICK), clock=clock)
    assert rounds == [True] and clock.clock_ms == TICK
    assert after((A, 2 * TICK), clock=clock)[0].clock_ms == 2 * TICK


def test_where_the_log_steps_back_the_dead_are_not_waited_for_any_longer() -> None:
    day = 86_400_000
    clock, _ = after((A, day), (B, day), (A, day + 1))
    clock, rounds = after((A, 0), (A, GONE), (A, GONE + 1), clock=clock)
    assert rounds == [False, False, True]


# --- for any ticks -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    process: str
    later: int
    interval: int
    leaves: bool


_steps = st.lists(
    st.builds(
        Step,
        st.sampled_from([A, B, "ingest-c"]),
        st.integers(0, 20_000) | st.sampled_from([0, GONE, GONE + 1, -60_000, 86_400_000, -86_400_000]),
        st.sampled_from([1, 1000, TICK]),
        st.integers(0, 9).map(lambda n: n == 0),
    ),
    max_size=60,
)


@given(_steps)
def test_the_clock_never_falls_nor_jumps(steps: Sequence[Step]) -> None:
    clock, at = Clock(), 1_000_000_000
    for offset, step in enumerate(steps):
        at += step.later
        if step.leaves:
            after_, completed = clock.left(step.process), False
        else:
            after_, completed = clock.tick(step.process, step.interval, offset, at, GONE)
        passed = after_.clock_ms - clock.clock_ms
        assert 0 <= passed <= 2 * step.interval
        assert completed or passed == 0
        assert clock.clock_ms <= clock.observed(at) <= clock.clock_ms + 2 * clock.interval_ms
        if completed:
            assert (after_.offset, after_.appended_at) == (offset, at)
            assert passed == 0 if clock.appended_at is None else passed <= max(0, at - clock.appended_at)
        clock = after_


@given(_steps)
def test_the_clock_is_that_of_the_reducer(steps: Sequence[Step]) -> None:
    clock, other, at = Clock(), ObservedClock(GONE), 1_000_000_000
    for offset, step in enumerate(steps):
        at += step.later
        if step.leaves:
            clock = clock.left(step.process)
            other.left(step.process)
        else:
            clock, completed = clock.tick(step.process, step.interval, offset, at, GONE)
            assert completed == other.tick(step.process, step.interval, at)
        assert (clock.clock_ms, clock.observed(at + 7)) == (other.now, other.observed(at + 7))


@given(st.integers(1, 200), st.integers(0, 20), st.integers(1, 3))
def test_while_one_is_cut_off_nobody_grows_silent(ticks: int, jitter: int, others: int) -> None:
    """As long as it is missing for no longer than `gone`, the clock stands; then it goes on by two intervals at most."""
    there = [f"ingest-{n}" for n in range(others)]
    at = 0
    clock, _ = after((B, at), *((p, at) for p in there), (B, at + 1), *((p, at + 1) for p in there))
    stood = clock.clock_ms
    for _ in range(min(ticks, GONE // (TICK + jitter) - 1)):
        at += TICK + jitter
        clock, rounds = after(*((p, at) for p in there), clock=clock)
        assert not any(rounds) and clock.clock_ms == stood
    clock, rounds = after((B, at + 2), clock=clock)
    assert rounds == [True] and clock.clock_ms <= stood + 2 * TICK
