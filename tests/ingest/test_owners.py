"""Whose runs are, asked of the tables by native requests: seldom, and never for longer than a request may wait."""

import asyncio
import threading
from collections.abc import Mapping, Sequence

import pytest

from ingest import owners
from ingest.owners import MOST_RUNS, PAUSE_SECONDS, REMEMBERED_SECONDS, RunOwners
from stores.tables.client import TablesUnavailable


class Source:
    """The tables, which know every run that begins with the name of its owner."""

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []
        self.away = False
        self.answers = threading.Event()
        self.answers.set()

    def read(self, run_ids: Sequence[str]) -> Mapping[str, str]:
        self.asked.append(run_ids)
        if self.away:
            raise TablesUnavailable("away")
        self.answers.wait()
        return {r: r.partition("-")[0] for r in run_ids if "-" in r}


def test_what_is_known_is_not_asked_again_and_what_is_not_there_is() -> None:
    async def ask() -> None:
        now, source = 0.0, Source()
        known = RunOwners(source.read, lambda: now)
        assert await known.of(["ann-1", "new", "ann-1"]) == {"ann-1": "ann"}
        assert await known.of(["ann-1", "new"]) == {"ann-1": "ann"}
        assert source.asked == [["ann-1", "new"], ["new"]]
        now += REMEMBERED_SECONDS + 1  # retention may have deleted it, and somebody else have begun it anew
        assert await known.of(["ann-1"]) == {"ann-1": "ann"} and source.asked[-1] == ["ann-1"]
        await known.of([f"bob-{n}" for n in range(MOST_RUNS)])
        await known.of(["ann-1"])
        assert source.asked[-1] == ["ann-1"], "no more are remembered than allowed"

    asyncio.run(ask())


def test_tables_that_are_away_or_hang_hold_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nobody is refused here: the projector judges."""
    monkeypatch.setattr(owners, "ANSWER_SECONDS", 0.01)

    async def ask() -> None:
        now, source = 0.0, Source()
        known = RunOwners(source.read, lambda: now)
        for fault in ("away", "hangs"):
            source.away = fault == "away"
            if fault == "hangs":
                source.answers.clear()
            assert await known.of(["ann-1"]) == {}
            asked = len(source.asked)
            assert await known.of(["ann-1"]) == {} and len(source.asked) == asked, (
                "nor is anybody asked for a while"
            )
            source.away = False
            source.answers.set()
            now += PAUSE_SECONDS + 1
        monkeypatch.setattr(owners, "ANSWER_SECONDS", 60.0)
        assert await known.of(["ann-1"]) == {"ann-1": "ann"}

    asyncio.run(ask())
