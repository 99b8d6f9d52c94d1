"""The watchdog: a projector that hangs while the log grows is found; one that waits, is idle or gets on is not."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import cast

import pytest

from projections.consume.agents import Watchdog, Work, hung
from projections.project.projector import Projector
from projections.project.writer import Writer
from stores.log.port import Bounds, EventLog, LogUnavailable, Record
from stores.tables.client import Tables

PATIENCE = 120.0


def record(offset: int) -> Record:
    return Record(0, offset, 1, "", "clock.tick", b"")


class Log:
    """A log of one partition that ends at `end`; `away`: it does not answer."""

    end, away = 1, False

    async def bounds(self, topic: str) -> Mapping[int, Bounds]:
        if self.away:
            raise LogUnavailable("away")
        return {0: Bounds(0, self.end)}


class Hanging:
    """A projector whose call never comes back until it is released."""

    def __init__(self) -> None:
        self.writer = Writer(cast(Tables, None), threading.Event())
        self.called, self.released = threading.Event(), threading.Event()

    def assign(self, partitions: frozenset[int]) -> None: ...

    def project(self, records: Sequence[Record]) -> None:
        self.called.set()
        self.released.wait()


class Scene:
    """Work over a hanging projector, its log, and a clock that is set by hand."""

    def __init__(self) -> None:
        self.log, self.projector = Log(), Hanging()
        self.work = Work(cast(Projector, self.projector))
        self.work.assign(frozenset({0}))
        self.watchdog = Watchdog(PATIENCE)

    async def look(self, now: float, end: float) -> list[int]:
        self.log.end = int(end)
        return await hung(self.work, cast(EventLog, self.log), self.watchdog, now)


def test_a_hang_while_the_log_grows_is_found() -> None:
    async def run() -> list[list[int]]:
        scene = Scene()
        found = [await scene.look(0, 1)]
        hanging = asyncio.create_task(scene.work.project([record(0)]))
        await asyncio.to_thread(scene.projector.called.wait)
        found += [await scene.look(n, n) for n in (5, 10, PATIENCE, PATIENCE + 5, PATIENCE + 6)]
        scene.projector.released.set()
        await hanging
        return [*found, await scene.look(PATIENCE + 10, 900)]

    assert asyncio.run(run()) == [[], [], [], [], [0], [0], []]


@pytest.mark.parametrize("why", ["clickhouse", "log", "idle", "not ours"])
def test_what_a_restart_would_not_mend_is_left_alone(why: str) -> None:
    async def run() -> list[list[int]]:
        scene = Scene()
        scene.projector.writer.waiting = why == "clickhouse"
        scene.log.away = why == "log"
        if why == "not ours":
            scene.work.assign(frozenset())
        return [await scene.look(n, 1 if why == "idle" else n) for n in range(0, 400, 5)]

    assert not any(asyncio.run(run()))


def test_one_that_gets_on_slowly_lives_and_an_outage_gives_fresh_patience() -> None:
    async def run() -> list[list[int]]:
        scene = Scene()
        scene.projector.released.set()
        found = []
        for n in range(0, 1000, 100):
            await scene.work.project([record(n)])
            found.append(await scene.look(n, 10_000 + n))
        scene.projector.writer.waiting = True
        found.append(await scene.look(2000, 20_000))
        scene.projector.writer.waiting = False
        found += [await scene.look(n, 20_000 + n) for n in (2001, 2001 + PATIENCE)]
        return [*found, await scene.look(2002 + PATIENCE, 90_000)]

    found = asyncio.run(run())
    assert not any(found[:-1]) and found[-1] == [0]


def test_the_end_of_an_outage_of_the_log_gives_fresh_patience() -> None:
    """Ingest drains its spools as soon as the log is back: it has grown before anything can have been projected."""

    async def run() -> list[list[int]]:
        scene = Scene()
        found = [await scene.look(0, 10)]
        scene.log.away = True
        found += [await scene.look(n, 10) for n in range(5, 600, 5)]
        scene.log.away = False
        found += [await scene.look(n, 1000 + n) for n in (600, 605, 600 + PATIENCE)]
        return [*found, await scene.look(601 + PATIENCE, 9000)]

    found = asyncio.run(run())
    assert not any(found[:-1]) and found[-1] == [0]
