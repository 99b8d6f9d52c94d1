"""The watchdog: a projector that hangs, and a group in which nobody has anything, are found; who waits or gets on is not."""

import asyncio
import threading
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import cast

import pytest

from projections.consume.group import GroupWatch, observe
from projections.consume.health import HealthServer
from projections.consume.watchdog import Action, Observation, WatchState, decide, problem
from projections.consume.work import Work
from projections.project.projector import Projector
from projections.project.writer import Writer
from stores.log.port import Bounds, EventLog, LogUnavailable, Record
from stores.tables.client import Tables

FOUR = dict.fromkeys(range(4), 100)
NOTHING: frozenset[int] = frozenset()


def looks(
    times: Iterable[float],
    own: frozenset[int] | None,
    moves: Sequence[int] = (),
    workers: int = 2,
    state: WatchState | None = None,
) -> list[tuple[float, Action]]:
    """What is done when, while every partition grows and only those of `moves` get on."""
    state = state or WatchState()
    found: list[tuple[float, Action]] = []
    for now in times:
        ends = {p: 100 + int(now) for p in FOUR}
        positions = {p: ends[p] - 1 if p in moves else 50 for p in FOUR}
        state, action = decide(state, Observation(own, positions, ends, workers), now)
        if action is not Action.NONE:
            found.append((now, action))
    return found


def at(found: list[tuple[float, Action]], action: Action) -> list[float]:
    return [now for now, done in found if done is action]


def test_workers_without_partitions_refresh_at_once_then_leave_and_join_then_exit() -> None:
    found = looks(range(0, 200, 5), NOTHING)
    assert at(found, Action.REFRESH)[:4] == [0, 10, 20, 40]
    assert at(found, Action.REJOIN) == [65]
    assert at(found, Action.EXIT)[0] == 135


def test_a_spare_worker_lives() -> None:
    """Faust lets others keep what they have, so a worker may have nothing although there are partitions for it."""
    assert looks(range(0, 1000, 5), NOTHING, moves=range(4), workers=5) == []
    assert looks(range(0, 1000, 5), NOTHING, moves=range(4), workers=3) == [(0, Action.REFRESH)]


def test_before_the_first_assignment_it_waits_as_long_as_anybody() -> None:
    assert looks(range(0, 61, 5), None) == []
    assert looks(range(0, 70, 5), None) == [(65, Action.REJOIN)]


def test_a_worker_that_hangs_exits_and_those_that_get_on_live() -> None:
    assert looks(range(0, 121, 5), frozenset({0, 1})) == [(65, Action.REFRESH)]  # of the others' partitions
    assert looks(range(0, 130, 5), frozenset({0, 1}))[-1] == (125, Action.EXIT)
    assert looks(range(0, 1000, 5), frozenset(range(4)), moves=range(4)) == []


def test_partitions_that_nobody_else_advances_make_the_others_ask_for_another_assignment() -> None:
    found = looks(range(0, 300, 5), frozenset({0, 1}), moves=[0, 1])
    assert {action for _, action in found} == {Action.REFRESH}
    assert all(later - earlier > 60 for (earlier, _), (later, _) in pairwise(found))


def test_an_idle_log_is_no_standstill() -> None:
    state = WatchState()
    for now in range(0, 1000, 5):
        state, action = decide(state, Observation(frozenset({0}), {0: 7}, {0: 7}, 1), now)
        assert action is Action.NONE


def test_after_it_has_had_partitions_it_begins_with_a_refresh_again() -> None:
    state = WatchState(refreshes=5, rejoined_at=0)
    state, _ = decide(state, Observation(frozenset({1}), FOUR, FOUR, 2), 100)
    assert decide(state, Observation(NOTHING, FOUR, FOUR, 2), 105)[1] is Action.REFRESH


def test_a_group_that_got_on_after_a_rejoin_has_fresh_patience() -> None:
    state = WatchState(refreshes=1, rejoined_at=0)
    state, _ = decide(state, Observation(NOTHING, FOUR, FOUR, 9), 70)
    assert looks(range(100, 170, 5), NOTHING, workers=9, state=state)[-1] == (165, Action.REJOIN)


def test_what_is_wrong_is_said() -> None:
    state = WatchState()
    for now in (0, 15):
        state, _ = decide(state, Observation(NOTHING, dict.fromkeys(FOUR, 1), FOUR, 2), now)
    assert problem(state, NOTHING, 5) == ""
    assert "no partition" in problem(state, NOTHING, 15) and "0, 1, 2, 3 for 15 s" in problem(
        state, NOTHING, 15
    )
    assert problem(state, frozenset({0}), 15) == "", "its own batch takes its time"
    assert "nobody gets on" in problem(state, frozenset({0}), 61)


class Log:
    """A log of one partition that ends at `end`; `away`: it does not answer."""

    end, away = 1, False

    async def bounds(self, topic: str) -> Mapping[int, Bounds]:
        if self.away:
            raise LogUnavailable("away")
        return {0: Bounds(0, self.end)}

    async def committed(self, group: str, topic: str) -> Mapping[int, int]:
        return {}

    async def readers(self, group: str) -> int:
        return 1


class Answering:
    """Tables that answer a ping, or do not."""

    pings = True

    def ping(self) -> bool:
        return self.pings


class Hanging:
    """A projector whose call never comes back until it is released."""

    def __init__(self) -> None:
        self.tables = Answering()
        self.writer = Writer(cast(Tables, self.tables), threading.Event())
        self.called, self.released = threading.Event(), threading.Event()
        self.positions: dict[int, int] = {}

    def assign(self, partitions: frozenset[int]) -> None: ...

    def project(self, records: Sequence[Record]) -> None:
        self.called.set()
        self.released.wait()


class App:
    """A Faust app that has not made its consumer yet."""

    consumer = None


class Scene:
    """Work over a hanging projector, its log, and a watch whose clock is set by hand."""

    def __init__(self, own: frozenset[int] = frozenset({0})) -> None:
        self.log, self.projector = Log(), Hanging()
        self.health = HealthServer("127.0.0.1", 0)
        self.work = Work(cast(Projector, self.projector))
        self.work.assign(own)
        self.watch = GroupWatch(App(), self.work, cast(EventLog, self.log), self.health)  # type: ignore[arg-type]

    async def look(self, now: float, end: int) -> Action:
        self.log.end = end
        return await self.watch.look(now)


class Exited(BaseException):
    """Stands in for the end of the process."""


@pytest.fixture(autouse=True)
def exits(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(code: int) -> None:
        raise Exited(code)

    monkeypatch.setattr("os._exit", leave)


def test_a_hang_in_the_projector_ends_the_process() -> None:
    async def run() -> None:
        scene = Scene()
        hanging = asyncio.create_task(scene.work.project([Record(0, 0, 1, "", "clock.tick", b"")]))
        await asyncio.to_thread(scene.projector.called.wait)
        try:
            for now in range(0, 121, 5):
                assert await scene.look(now, 1 + now) is Action.NONE
            with pytest.raises(Exited, match="70"):
                await scene.look(125, 200)
        finally:
            scene.projector.released.set()
            await hanging
        scene.projector.positions = {0: 1}
        assert await observe(scene.work, cast(EventLog, scene.log)) == Observation(
            frozenset({0}), {0: 1}, {0: 200}, 1
        )

    asyncio.run(run())


def test_a_batch_that_takes_long_and_gets_on_is_no_hang() -> None:
    """On a busy machine a batch of many rounds may take minutes: to end it would only begin it anew."""

    async def run() -> None:
        scene = Scene()
        working = asyncio.create_task(scene.work.project([Record(0, 0, 1, "", "clock.tick", b"")]))
        await asyncio.to_thread(scene.projector.called.wait)
        try:
            for now in range(0, 600, 5):
                scene.projector.positions = {0: now // 50}
                assert await scene.look(now, 1000 + now) is Action.NONE
        finally:
            scene.projector.released.set()
            await working

    asyncio.run(run())


@pytest.mark.parametrize("why", ["clickhouse", "log", "tables of others"])
def test_what_a_restart_would_not_mend_gives_fresh_patience(why: str) -> None:
    async def run() -> None:
        scene = Scene(NOTHING if why == "tables of others" else frozenset({0}))
        assert await scene.look(0, 10) in (Action.NONE, Action.REFRESH)
        scene.projector.writer.waiting = why == "clickhouse"
        scene.log.away = why == "log"
        scene.projector.tables.pings = why != "tables of others"
        for now in range(5, 1000, 5):
            assert await scene.look(now, now) is Action.NONE
            assert scene.health.problem == ""
        scene.projector.writer.waiting = scene.log.away = False
        scene.projector.tables.pings = True
        for now in range(1000, 1060, 5):
            assert await scene.look(now, now) in (Action.NONE, Action.REFRESH)

    asyncio.run(run())


def test_probes_and_alerts_are_told() -> None:
    async def run() -> None:
        scene = Scene(NOTHING)
        for now in (0, 20):
            await scene.look(now, 10)
        assert scene.health.problem == scene.work.problem
        assert scene.work.problem.startswith("this worker has no partition")

    asyncio.run(run())
