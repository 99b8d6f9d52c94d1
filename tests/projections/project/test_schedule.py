"""When figures are refreshed: pure, with the time as an argument."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.project.refresh import (
    GROUP_PATIENCE,
    LARGE_RUN_RECORDS,
    PATIENCE,
    RUNS_AT_ONCE,
    SMALL_RUNS_AT_ONCE,
    Schedule,
)


def test_a_touched_run_is_due_at_once_and_no_more_once_refreshed() -> None:
    s = Schedule()
    assert s.due(0) == []
    s.touch("r", 0, 5)
    assert s.due(0) == ["r"]
    s.refreshed({"r": 5}, now=0, took=0)
    assert s.due(1e9) == [] and s.dirty == {}


def test_what_came_during_a_refresh_keeps_the_run_dirty() -> None:
    s = Schedule()
    s.touch("r", 0, 6)
    s.refreshed({"r": 5}, now=0, took=0)
    assert s.dirty["r"].offset == 6


def test_offsets_and_times_only_rise() -> None:
    s = Schedule()
    s.touch("r", 0, 6, tasks_observed=900, ended=True)
    s.touch("r", 0, 5, tasks_observed=100)
    assert (s.dirty["r"].offset, s.dirty["r"].tasks_observed, s.dirty["r"].ended) == (6, 900, True)


def test_a_run_waits_longer_than_its_refresh_took() -> None:
    s = Schedule()
    s.touch("giant", 0, 1)
    s.refreshed({"giant": 1}, now=100, took=2)
    s.touch("giant", 0, 2)
    s.touch("other", 0, 3)
    assert s.due(100) == ["other"]
    assert s.due(100 + 2 * PATIENCE - 0.001) == ["other"]
    assert set(s.due(100 + 2 * PATIENCE)) == {"giant", "other"}


@pytest.mark.parametrize(
    "runs, wait", [(1, PATIENCE), (2, PATIENCE / 2), (3, GROUP_PATIENCE), (100, GROUP_PATIENCE)]
)
def test_of_a_common_refresh_each_run_is_charged_its_share_or_all_of_it(runs: int, wait: float) -> None:
    s = Schedule()
    for n in range(runs):
        s.touch(str(n), 0, n)
    s.refreshed({str(n): n for n in range(runs)}, now=0, took=1)
    s.touch("0", 0, runs)
    assert s.due(wait - 0.001) == [] and s.due(wait) == ["0"]


def test_giants_are_refreshed_alone_and_others_in_groups() -> None:
    s = Schedule()
    names = [f"r{n:04}" for n in range(RUNS_AT_ONCE + 3)]
    for name in names:
        s.touch(name, 0, 1, records=LARGE_RUN_RECORDS)  # as many are no giant yet
    s.touch(names[7], 0, 2, records=1)
    small = [n for n in names if n != names[7]]
    assert s.groups(names) == [small[:RUNS_AT_ONCE], small[RUNS_AT_ONCE:], [names[7]]]


def test_of_runs_with_few_records_more_are_refreshed_together() -> None:
    s = Schedule()
    names = [f"r{n:04}" for n in range(2 * SMALL_RUNS_AT_ONCE + 5)]
    for name in names:
        s.touch(name, 0, 1, records=LARGE_RUN_RECORDS // SMALL_RUNS_AT_ONCE)
    assert [len(group) for group in s.groups(names)] == [SMALL_RUNS_AT_ONCE, SMALL_RUNS_AT_ONCE, 5]
    assert [name for group in s.groups(names) for name in group] == names
    s.touch(names[RUNS_AT_ONCE], 0, 2, records=LARGE_RUN_RECORDS // 2)
    assert max(len(group) for group in s.groups(names)) == SMALL_RUNS_AT_ONCE
    first = s.groups(names)[0]
    assert RUNS_AT_ONCE < len(first) < SMALL_RUNS_AT_ONCE, "as many as have few records in all"
    assert s.groups([]) == []


def test_records_add_up_over_refreshes_until_the_run_ends() -> None:
    s = Schedule()
    s.touch("r", 0, 1, records=LARGE_RUN_RECORDS)
    s.refreshed({"r": 1}, 0, 0)
    s.touch("r", 0, 2, records=1)
    assert s.groups(["r", "x"]) == [["x"], ["r"]]
    s.touch("r", 0, 3, ended=True)
    s.refreshed({"r": 3}, 0, 0)
    assert s.records == {}


def test_what_went_to_another_worker_is_forgotten() -> None:
    s = Schedule()
    s.touch("mine", 0, 1)
    s.touch("theirs", 1, 1)
    s.keep({0})
    assert s.due(0) == ["mine"]


def test_a_sweep_needs_runs_that_told_tasks_but_not_lately() -> None:
    """Those that only beat are exact still; what a run told is exact once it is refreshed."""
    s = Schedule()
    s.touch("told", 0, 1, tasks_observed=100)
    s.touch("told", 0, 2)
    s.touch("beats", 0, 3)
    s.touch("elsewhere", 1, 4, tasks_observed=100)
    assert s.needed_at({0: 150}, 50) == [] and s.needed_at({0: 151}, 50) == ["told"]
    s.refreshed({"told": 2}, now=0, took=0)
    s.touch("told", 0, 5)
    assert s.needed_at({0: 9999}, 50) == []


def test_a_run_with_a_shorter_threshold_of_its_own_is_needed_sooner() -> None:
    s = Schedule()
    for run in ("quick", "slow", "plain"):
        s.touch(run, 0, 1, tasks_observed=0)
    for run, ms in (("quick", 20), ("quick", 30), ("quick", 0), ("slow", 70)):
        s.set_own_stalled(run, ms)
    assert [s.needed_at({0: at}, 50) for at in (20, 21, 51)] == [[], ["quick"], ["quick", "slow", "plain"]]
    s.touch("quick", 0, 2, ended=True)
    s.refreshed({"quick": 2}, 0, 0)
    assert s.own_stalled_ms == {"slow": 70}


def test_waits_that_are_over_are_forgotten() -> None:
    s = Schedule()
    for n in range(10_001):
        s.touch(str(n), 0, 1)
        s.refreshed({str(n): 1}, now=n, took=0.1)
    assert len(s.not_before) < 10


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 9), st.booleans(), st.floats(0, 3)), max_size=40
    )
)
def test_nothing_that_was_touched_is_forgotten(steps: Sequence[tuple[str, int, bool, float]]) -> None:
    """Each run is refreshed up to its greatest offset, or dirty; a refresh follows another of the same run after its wait."""
    s, now = Schedule(), 0.0
    touched: dict[str, int] = {}
    refreshed: dict[str, int] = {}
    free_from: dict[str, float] = {}
    for run, offset, refreshes, took in steps:
        s.touch(run, 0, offset)
        touched[run] = max(touched.get(run, 0), offset)
        now += 1
        if refreshes:
            group = s.due(now)
            assert all(free_from.get(r, 0) <= now for r in group)
            offsets = {r: s.dirty[r].offset for r in group}
            now += took
            s.refreshed(offsets, now, took)
            refreshed |= {r: max(refreshed.get(r, 0), o) for r, o in offsets.items()}
            wait = took * max(PATIENCE / max(1, len(group)), GROUP_PATIENCE)
            free_from |= dict.fromkeys(group, now + wait)
    for run, offset in touched.items():
        assert refreshed.get(run, 0) >= offset or s.dirty[run].offset == offset
    assert set(s.due(now + 1000)) == set(s.dirty)
