"""The plain loop: while the log is away it waits, says so, and then goes on where it was."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from projections.consume import loop, setup
from schemas.events import Created, RunCreated
from schemas.settings import Settings
from schemas.topics import EVENTS, PROJECTOR_GROUP
from schemas.wire import encode
from stores.log.local import LocalLog
from stores.log.port import Bounds, LogUnavailable, Record
from stores.tables.client import Tables


class Shaky(LocalLog):
    """A log that is away for the first calls of each kind; `done` is set once the group is at `end`."""

    def __init__(self, path: Path, away: Mapping[str, int]) -> None:
        super().__init__(path, partitions=1)
        self.away = dict(away)
        self.asked: list[str] = []
        self.end = -1
        self.done = asyncio.Event()

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.away.get(what, 0) > 0:
            self.away[what] -= 1
            raise LogUnavailable(f"no broker, to {what}")

    async def bounds(self, topic: str) -> Mapping[int, Bounds]:
        self._ask("bounds")
        return await super().bounds(topic)

    async def committed(self, group: str, topic: str) -> Mapping[int, int]:
        self._ask("committed")
        return await super().committed(group, topic)

    async def take(
        self, topic: str, positions: Mapping[int, int], most: int, within: float
    ) -> Sequence[Record]:
        self._ask("take")
        return await super().take(topic, positions, most, within)

    async def commit(self, group: str, topic: str, positions: Mapping[int, int]) -> None:
        self._ask("commit")
        await super().commit(group, topic, positions)
        if positions[0] >= self.end:
            self.done.set()


@pytest.mark.parametrize("what", ["bounds", "committed", "take", "commit"])
def test_the_loop_outlives_a_log_that_is_away(
    tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(loop, "_FIRST_WAIT_SECONDS", 0.001)

    async def scene() -> list[Any]:
        log = Shaky(tmp_path / "log.sqlite", {what: 3})
        await log.start()
        for n in range(5):
            event = RunCreated(id=str(n), source="t", run_id=f"r{n}", received_at=0, data=Created(instant=n))
            await log.append(EVENTS, event.run_id, event.type, encode(event))
        log.end = 5
        settings = Settings(batch_events=2)
        projector = setup.projector(tables, settings, lambda *_: None, threading.Event())
        with capture_logs() as lines:
            running = asyncio.create_task(loop.run(log, projector, settings))
            waiting = asyncio.create_task(log.done.wait())
            await asyncio.wait({running, waiting}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
            assert log.done.is_set(), running
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
        log.away = {}
        assert dict(await log.committed(PROJECTOR_GROUP, EVENTS)) == {0: 5}
        await log.stop()
        return lines

    lines = asyncio.run(scene())
    warnings = [line for line in lines if line["event"] == "the log is away, trying again"]
    assert [line["wait"] for line in warnings] == [0.001, 0.002, 0.004]
    assert {line["error"] for line in warnings} == {f"no broker, to {what}"}
    assert [line["event"] for line in lines if line["log_level"] == "info"] == [
        "the log is back, the projection goes on"
    ]
    assert tables.value("SELECT count() FROM runs FINAL") == 5


def test_waits_are_never_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage of an hour is over within seconds of its end."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def scene() -> str:
        tries = iter(range(701))

        async def call() -> str:
            if next(tries) < 700:
                raise LogUnavailable("away")
            return "back"

        with monkeypatch.context() as patched:
            patched.setattr(asyncio, "sleep", sleep)
            return await loop._patiently("read", call)

    assert asyncio.run(scene()) == "back"
    assert len(slept) == 700 and max(slept) == 5.0 and slept[:3] == [0.1, 0.2, 0.4]
