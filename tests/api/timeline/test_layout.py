"""Layouts of timelines: windows against a plain reading of what they should hold, and what is kept for how long. Pure."""

import threading
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.core.intervals import critical_path
from api.timeline.layout import (
    PATIENCE,
    SEVERITY,
    SLACK_MS,
    Layout,
    Layouts,
    Span,
    Texts,
    part,
    pieces,
    stretches,
)

Attempt = tuple[int, str, str, int, str, int, int, int, int, str]


def laid_out(attempts: Sequence[Attempt], grouped: bool, cuts: Sequence[int] = ()) -> Layout:
    """As `timeline.sql` gives them: sorted, in blocks that end at `cuts`."""
    layout = Layout(grouped=grouped)
    bounds = [0, *sorted(c for c in cuts if 0 < c < len(attempts)), len(attempts)]
    for start, end in pairwise(bounds):
        if start < end:
            layout.extend([list(column) for column in zip(*attempts[start:end], strict=True)])
    return layout


@st.composite
def timelines(draw: st.DrawFn) -> tuple[list[Attempt], bool]:
    rng, grouped = draw(st.randoms(use_true_random=False)), draw(st.booleans())
    attempts: list[Attempt] = []
    for n in range(draw(st.integers(0, 40))):
        begin, start, execution_end, end = sorted(rng.randrange(100) for _ in range(4))
        group = rng.choice(["", "a", "ü b", "c"]) if grouped else ""
        status, name, process = (
            rng.choice(SEVERITY),
            rng.choice(["", "x", "ü😀", "a\0b"]),
            rng.choice(["P", "Q:R"]),
        )
        attempts.append(
            (1000 - n, name, process, n % 3, status.value, begin, start, execution_end, end, group)
        )
    return sorted(attempts, key=lambda a: (a[9], a[6], a[8], a[0])), grouped


@given(timelines(), st.lists(st.integers(0, 40), max_size=4), st.integers(1, 50), st.data())
def test_a_window_holds_what_lies_within_it(
    timeline: tuple[list[Attempt], bool], cuts: list[int], most: int, data: st.DataObject
) -> None:
    attempts, grouped = timeline
    layout = laid_out(attempts, grouped, cuts)
    groups = list(dict.fromkeys(a[9] for a in attempts))
    rows = [i + (groups.index(a[9]) + 1 if grouped else 0) for i, a in enumerate(attempts)]
    assert layout.rows == len(attempts) + (len(groups) if grouped else 0)
    bound = st.integers(-5, 105)
    from_ms, to_ms, from_row, to_row = (data.draw(bound) for _ in range(4))
    if data.draw(st.booleans()):
        from_ms, to_ms = -(2**62), 2**62
    wanted = [
        i
        for i, a in enumerate(attempts)
        if a[8] >= from_ms and a[5] <= to_ms and from_row <= rows[i] <= to_row
    ]
    step = max(1, -(-len(wanted) // most))
    expected: dict[tuple[str, int], list[int]] = {}
    for place, i in enumerate(wanted):
        expected.setdefault((attempts[i][9], place // step), []).append(i)
    found = list(pieces(layout.spans(from_ms, to_ms, from_row, to_row), most))
    assert [list(places) for _, places in found] == list(expected.values())
    for group, places in found:
        check_piece(layout, attempts, rows, (group, places))


def check_piece(layout: Layout, attempts: Sequence[Attempt], rows: list[int], piece: Span) -> None:
    group, places = piece
    for i in places:
        a = attempts[i]
        told = (layout.task_ids[i], layout.names[i], layout.process_of(i), layout.attempts[i])
        assert told == (a[0], a[1], a[2], a[3])
        assert SEVERITY[layout.statuses[i]] == a[4] and i + group.shift == rows[i] and group.name == a[9]
    assert list(part(layout.ends, places)) == [attempts[i][8] for i in places]


def test_the_critical_path_goes_back_over_what_ended_last_before() -> None:
    begins, ends = [0, 0, 5000, 11_000, 30_000, 20_000], [4000, 10_000, 9000, 20_000, 60_000, 20_000]
    assert critical_path(begins, ends, SLACK_MS) == [4, 3, 1]
    assert critical_path([], [], SLACK_MS) == [] and critical_path([5, 5], [5, 5], SLACK_MS) == []


@given(st.lists(st.tuples(st.integers(0, 50_000), st.integers(0, 50_000)), max_size=60))
def test_a_critical_path_is_a_chain_that_ends_with_the_last(spans: list[tuple[int, int]]) -> None:
    begins, ends = [b for b, _ in spans], [b + length for b, length in spans]
    path = critical_path(begins, ends, SLACK_MS)
    assert len(set(path)) == len(path) and all(ends[i] > begins[i] for i in path)
    assert bool(path) == any(length for _, length in spans)
    for later, earlier in pairwise(path):
        assert begins[earlier] < begins[later] and ends[earlier] <= begins[later] + 1000
    if path:
        assert ends[path[0]] == max(e for b, e in zip(begins, ends, strict=True) if e > b)


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 50)), min_size=1, max_size=40), st.integers(1, 30)
)
def test_stretches_hold_all_work_and_are_few(spans: list[tuple[int, int]], most: int) -> None:
    begins, ends = [b for b, _ in spans], [b + length for b, length in spans]
    found = stretches(begins, ends, most)
    assert len(found) <= most + 1
    assert all(
        any(b <= begin and end <= e for b, e in found) for begin, end in zip(begins, ends, strict=True)
    )
    assert all(e < b for (_, e), (b, _) in pairwise(found))


def test_nothing_is_in_no_window() -> None:
    empty = Layout()
    assert list(pieces(empty.spans(-(2**62), 2**62, 0, 99), 10)) == [] and empty.rows == 0
    assert Texts().size == 0 and empty.size == 0


def one(n: int = 1) -> Layout:
    return laid_out([(i, "n" * 100, "P", 1, "succeeded", 0, 1, 2, 3, "") for i in range(n)], False)


class Maker:
    """Makes layouts, each in `took` seconds of a time of its own."""

    def __init__(self, took: float = 2.0) -> None:
        self.now, self.took, self.made = 0.0, took, 0

    def __call__(self) -> Layout:
        self.now += self.took
        self.made += 1
        return one()

    def clock(self) -> float:
        return self.now


def test_what_is_known_is_not_made_again() -> None:
    make = Maker()
    layouts = Layouts(clock=make.clock)
    first = layouts.get("a", 7, make)
    make.now += 500
    assert layouts.get("a", 7, make) is first and layouts.get("b", 7, make) is not first
    make.now += 200  # too old now
    assert layouts.get("a", 7, make) is not first and make.made == 3


def test_a_newer_version_is_made_once_the_last_has_served_its_time() -> None:
    make = Maker(took=2.0)
    layouts = Layouts(clock=make.clock)
    first = layouts.get("a", 7, make)
    make.now += 2.0 * PATIENCE
    assert layouts.get("a", 8, make) is first
    make.now += 0.1
    assert (
        layouts.get("a", 8, make) is not first and layouts.get("a", 8, make) is not first and make.made == 2
    )


def test_without_a_version_nothing_is_kept() -> None:
    make = Maker()
    layouts = Layouts(clock=make.clock)
    assert layouts.get("a", 0, make) is not layouts.get("a", 0, make)


def test_the_least_lately_used_goes_first_and_what_is_too_large_is_not_kept() -> None:
    make = Maker()
    layouts = Layouts(most_bytes=2 * one().size, clock=make.clock)
    a, b = layouts.get("a", 1, make), layouts.get("b", 1, make)
    assert layouts.get("a", 1, make) is a
    layouts.get("c", 1, make)
    assert layouts.get("a", 1, make) is a and layouts.get("b", 1, make) is not b
    large: Any = lambda: one(1000)  # noqa: E731
    assert layouts.get("d", 1, large) is not layouts.get("d", 1, large)
    assert layouts.get("b", 1, make) is layouts.get("b", 1, make), "the large one did not push the others out"


def test_who_asks_the_same_at_once_waits_for_the_one_who_makes_it() -> None:
    began, go = threading.Event(), threading.Event()
    layouts, found = Layouts(), []

    def slow() -> Layout:
        began.set()
        assert go.wait(10)
        return one()

    def never() -> Layout:
        raise AssertionError("made twice")

    first = threading.Thread(target=lambda: found.append(layouts.get("a", 1, slow)))
    first.start()
    assert began.wait(10)
    second = threading.Thread(target=lambda: found.append(layouts.get("a", 1, never)))
    second.start()
    go.set()
    first.join(10)
    second.join(10)
    assert len(found) == 2 and found[0] is found[1]


def test_after_a_failure_it_is_made_again() -> None:
    layouts = Layouts()

    def fails() -> Layout:
        raise OSError("away")

    for _ in range(2):
        try:
            layouts.get("a", 1, fails)
        except OSError:
            continue
        raise AssertionError("no error")
    assert layouts.get("a", 1, one) is layouts.get("a", 1, fails)
