"""The delivery check while the log hangs or is away: answered with what is known, by one reading for all."""

import asyncio
from collections.abc import Mapping

import pytest

from api.ops import log_view
from api.ops.log_view import LogView
from schemas.topics import EVENTS
from stores.log.port import Bounds
from stores.tables.client import Tables
from tests.support.api.stage import Stage
from tests.support.log import MemoryLog


class Hanging(MemoryLog):
    """Answers once it is let; counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__(partitions=2)
        self.answers = asyncio.Event()
        self.asked = 0

    async def bounds(self, topic: str) -> Mapping[int, Bounds]:
        assert topic == EVENTS
        self.asked += 1
        await self.answers.wait()
        return await super().bounds(topic)


def test_who_asks_together_shares_one_reading_and_waits_no_longer_than_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_view, "ANSWER_SECONDS", 0.01)

    async def ask() -> None:
        log = Hanging()
        now = 1000
        view = LogView(log, lambda: now)
        first = await asyncio.gather(*(view.read({}, 10) for _ in range(50)))
        assert log.asked == 1 and {r.unreachable_since_ms for r in first} == {1000}
        assert first[0].bounds == {} and first[0].ticks is None
        now = 5000
        assert (await view.read({}, 10)).unreachable_since_ms == 1000, "since the first that got no answer"
        log.fill(1, [("clock.tick", b""), ("run.created", b""), ("clock.left", b"")])
        log.answers.set()
        monkeypatch.setattr(log_view, "ANSWER_SECONDS", 60.0)
        known = await view.read({1: 1}, 10)
        assert known.unreachable_since_ms is None and known.bounds == {0: Bounds(0, 0), 1: Bounds(0, 3)}
        assert known.ticks == {1: 2}, "the reading that was begun counts from where it was asked to"
        assert log.asked == 1
        assert (await view.read({1: 1}, 10)).ticks == {1: 1}
        assert (await view.read({1: 0}, 2)).ticks is None, "too many wait"
        log.away = True
        away = await view.read({}, 10)
        assert away.unreachable_since_ms == 5000 and away.bounds == known.bounds

    asyncio.run(ask())


def test_the_pages_say_since_when_and_what_is_known(tables: Tables) -> None:
    stage = Stage(tables)
    stage.log.fill(0, [("run.created", b"")] * 3)
    assert stage.get("/delivery-check")["lag"] == 3
    stage.log.away = True
    stage.tick(offset=9)
    for path in ("/delivery-check", "/books"):
        answer = stage.get(path)
        assert answer["log_unreachable_since"] == "2023-11-14T22:13:21.000Z" and not answer["lag_exact"]
        assert answer["watermark"][0]["log_end"] == 10, "the tables show that it was at least so long"
    page = stage.request("GET", "/ops")
    assert page.status_code == 200 and "The log is not reachable since" in page.text
    stage.log.away = False
    assert stage.get("/books")["log_unreachable_since"] is None
