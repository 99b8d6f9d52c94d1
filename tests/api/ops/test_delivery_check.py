"""The delivery check: what does not add up is told by partition; ticks say what is spooled."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from api.core.db import Reader
from api.ops.count_cache import CountCache
from api.ops.models import DeliveryCheck
from api.ops.queries import Stretch, balance
from ingest.ticker import Ticker
from schemas import events as e
from stores.spool.spool import SpooledLog
from tests.support.api.stage import T0, Stage
from tests.support.ingest import decoded
from tests.support.log import MemoryLog
from tests.support.projection import Stage as Projection
from tests.support.reference.reducer import Limits
from tracker.commands.delivery_check import faults, show

COUNTED = {"partition": 0, "projected": 5, "dead_lettered": 1, "clocks": 2, "repeats": 1}


def told(**changed: int) -> DeliveryCheck:
    """Of partition 0 with 10 messages, 8 of them projected: 2 ticks, 6 requests; and of another, which is empty."""
    stretches = [Stretch(0, 0, 8, 10, T0), Stretch(1, 0, 0, 0, None)]
    return balance(stretches, [COUNTED | changed], {0: 1}, [{"spool": "a/b", "requests": 3, "told_ms": T0}])


def test_books_that_balance() -> None:
    books = told()
    assert (books.on_log, books.projected, books.dead_lettered, books.lag) == (7, 5, 1, 1)
    assert (books.accepted, books.spooled, books.balanced) == (10, 3, True)
    answer = books.model_dump(mode="json")
    assert faults(answer) == [] and show(answer, check=True) == 0


@pytest.mark.parametrize(("projected", "says"), [(4, "1 missing"), (7, "2 too many")])
def test_what_does_not_add_up_is_told(projected: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    books = told(projected=projected).model_dump(mode="json")
    [line] = faults(books)
    assert line.startswith("partition 0: on log 7 is not") and says in line
    assert show(books, check=True) == 1 and show(books, check=False) == 0
    assert line in capsys.readouterr().err


def test_tables_of_another_log_and_a_wrong_sum_are_told() -> None:
    beyond = balance([Stretch(0, 0, 8, 5, T0)], [COUNTED], {}, [])
    assert any("the log ends at 5" in line for line in faults(beyond.model_dump(mode="json")))
    wrong = told().model_copy(update={"accepted": 11})
    assert faults(wrong.model_dump(mode="json")) == ["accepted 11 is not on log 7 + spooled 3"]


def test_ticks_say_what_is_spooled_and_the_tables_keep_the_newest_word(stage: Stage) -> None:
    projection = Projection(stage.tables, Limits(180_000, 360_000, 300_000))
    history = projection.history
    for requests in (7, 4):
        data = e.Tick(process="p", interval_ms=5000, spooled=e.Spooled(spool="h/s", requests=requests))
        history.append(0, e.ClockTick(id=str(requests), source="p", received_at=T0, data=data))
    left = e.Left(process="q", spooled=e.Spooled(spool="h/t", requests=2))
    history.append(0, e.ClockLeft(id="l", source="q", received_at=T0, data=left))
    projection.project()
    stage.log.fill(0, [("clock.tick", b"")] * 3)
    books = stage.get("/books")
    assert (books["accepted"], books["on_log"], books["spooled"], books["balanced"]) == (6, 0, 6, True)
    assert [(s["spool"], s["requests"]) for s in books["spools"]] == [("h/s", 4), ("h/t", 2)]


def test_a_tick_carries_what_its_process_has_spooled(tmp_path: Path) -> None:
    async def work() -> list[e.Spooled | None]:
        memory = MemoryLog(1)
        log = SpooledLog(memory, tmp_path, 2**20, append_seconds=0.05, retry_seconds=60, name="host/spool")
        await log.start()
        memory.away = True
        await log.append("tracker.events", "r", "run.created", b"x")
        memory.away = False
        assert await Ticker(log, "p", 5, lambda: T0).tick()
        assert await Ticker(memory, "p", 5, lambda: T0).tick()
        await log.stop()
        events = [decoded(r.value)[0] for r in memory.records if r.type == "clock.tick"]
        return [event.data.spooled for event in events if isinstance(event, e.ClockTick)]

    assert asyncio.run(work()) == [e.Spooled(spool="host/spool", requests=1), None]


class _Slow:
    """A reader whose whole counts take a second, of a log with one request a message. `asked`: the ranges."""

    def __init__(self) -> None:
        self.now, self.asked = 0.0, list[tuple[int, int]]()

    def rows(
        self, query: str, partitions: list[int], firsts: list[int], nexts: list[int]
    ) -> list[dict[str, int]]:
        assert query == "ops/delivery_check" and partitions == [0]
        self.asked.append((firsts[0], nexts[0]))
        self.now += 1 if firsts[0] == 0 else 0
        return [
            {"partition": 0, "projected": nexts[0] - firsts[0], "dead_lettered": 0, "clocks": 0, "repeats": 1}
        ]


def test_a_dear_count_is_made_once_and_then_what_came_since() -> None:
    slow = _Slow()
    counted, reader = CountCache(lambda: slow.now), cast(Reader, slow)

    def sums(first: int, end: int) -> tuple[int, int]:
        [row] = counted.rows(reader, {0: (first, end)})
        return row["projected"], row["repeats"]

    assert [sums(0, 100), sums(0, 130), sums(0, 130)] == [(100, 1), (130, 2), (130, 2)]
    assert slow.asked == [(0, 100), (100, 130), (100, 130)]
    assert sums(0, 90) == (90, 1), "other tables: all is counted"
    assert sums(10, 90) == (80, 1) and slow.asked[-1] == (10, 90), "the log has lost its beginning"
    slow.now += 100
    sums(0, 140)
    assert slow.asked[-1] == (0, 140)
