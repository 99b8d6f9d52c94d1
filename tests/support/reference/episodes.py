"""Histories with many alerts, and how a notifier fares meanwhile, for hypothesis to draw. No test stands here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import strategies as st

from schemas import events as e
from schemas.statuses import ReportedState
from tests.support.reference.histories import (
    PROCESSES,
    RUNS,
    STEPS,
    Pass,
    Say,
    falls_idle,
)


@dataclass(frozen=True)
class Notifying:
    """After each batch of the projector: how many steps the notifier takes, whether it dies before, and which of its calls to
    tables, messages and commits fail (counted from 1)."""

    steps: tuple[int, ...]
    dies: tuple[bool, ...]
    tables_fail: tuple[tuple[int, ...], ...]
    refused: tuple[tuple[int, ...], ...]
    commits_fail: tuple[int, ...]


_calls = st.lists(st.integers(1, 12), max_size=3).map(tuple)
NOTIFYING = st.builds(
    Notifying,
    st.lists(st.integers(0, 2), min_size=1, max_size=5).map(tuple),
    st.lists(st.booleans(), min_size=1, max_size=5).map(tuple),
    st.lists(st.just(()) | _calls, min_size=1, max_size=4).map(tuple),
    st.lists(st.just(()) | _calls, min_size=1, max_size=4).map(tuple),
    st.lists(st.sampled_from([0, 0, 1, 2]), min_size=1, max_size=4).map(tuple),
)


#: The projector dies often, and so also between any two steps of a sweep that finds something.
CRASHES = st.lists(
    st.tuples(st.integers(1, 25), st.booleans(), st.sampled_from([0, 0, 1, 4, 50])), min_size=2, max_size=8
).map(tuple)


def _long(step: Any) -> Any:
    """Longer silences and so more alerts; the log's clock does not step back: the ten minutes between two messages about the
    same are counted in its time. Nobody hides a run: of one that is hidden nobody is told from the moment on at which that is
    known, so how much was told by then is no matter of the log alone."""
    if isinstance(step, Pass) and step.milliseconds < 0:
        return Pass(step.times, 61_000, step.processes, step.everywhere, step.beats)
    if isinstance(step, Say) and isinstance(step.data, e.Hiding):
        return Say(step.run, e.Heartbeat())
    return step


def _falls_silent(run: int) -> list[Any]:
    return [
        Say(run, e.Begun()),
        Pass(4, 5000, PROCESSES[:1]),
        Say(run, e.Heartbeat()),
        Pass(1, 5000, PROCESSES[:1]),
    ]


def _ends(run: int, state: Literal[ReportedState.FAILED, ReportedState.SUCCEEDED]) -> list[Any]:
    return [Say(run, e.Completed(state=state, instant=1000)), Pass(1, 5000, PROCESSES[:1])]


_run = st.integers(0, RUNS - 1)
_anything = STEPS.map(lambda steps: [_long(s) for s in steps[:4]])
#: Some of it short of the ten minutes, some beyond.
_a_while = st.builds(Pass, st.integers(1, 4), st.just(200_000), st.just(PROCESSES[:1])).map(lambda p: [p])
#: Episodes, one after another, of few runs, and anything in between.
HISTORIES = st.lists(
    st.one_of(
        *[_run.map(_falls_silent)] * 3,
        *[_run.map(falls_idle).map(list)] * 2,
        st.builds(_ends, _run, st.sampled_from([ReportedState.FAILED, ReportedState.SUCCEEDED])),
        _a_while,
        *[_anything] * 2,
    ),
    min_size=3,
    max_size=9,
).map(lambda parts: [step for part in parts for step in part])


def _fall_silent_together(seconds: Sequence[int]) -> list[Any]:
    """All runs are heard, this long after each other, and then none."""
    steps: list[Any] = []
    for run, wait in enumerate(seconds):
        steps += [Pass(wait, 1000, PROCESSES[:1]), Say(run, e.Begun()), Say(run, e.Heartbeat())]
    return [*steps, Pass(4, 5000, PROCESSES[:1])]


_together = st.lists(st.sampled_from([0, 0, 1, 4, 11]), min_size=RUNS, max_size=RUNS).map(
    _fall_silent_together
)
TOGETHER = st.lists(
    st.one_of(*[_together] * 3, _run.map(_falls_silent), _anything), min_size=1, max_size=3
).map(lambda parts: [step for part in parts for step in part])
