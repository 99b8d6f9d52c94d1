"""What needs attention, and counts by status, are asked anew each time, but for when very many runs fell silent together."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from api.core.db import Judgement, Reader, judge
from api.core.memo import Memo
from api.runs import queries
from schemas.settings import Settings


@dataclass
class Silent:
    """A reader of so many silent runs, which counts how often it is asked."""

    runs: int
    now: int = 1_000_000
    asked: int = 0
    memo: Memo = field(default_factory=Memo)

    def clock(self) -> int:
        return self.now

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        if query == "runs/status_counts":
            self.asked += 1
            return [{"status": "disconnected", "runs": self.runs - 1}, {"status": "running", "runs": 1}]
        if query != "runs/attention":
            return [{"run_id": "r0"}]  # one of them was resumed
        self.asked += 1
        return [
            {"run_id": f"r{n}", "silent_session": "s"} for n in range(min(self.runs, parameters["limit"]))
        ]


def asked_again(reader: Silent, question: Callable[[Reader, Judgement], Any], asked: int) -> Any:
    """The answer, which stays the same: within 10 s it takes so many looks, and afterwards one more."""
    judgement = judge([], reader.now, Settings())
    first = question(cast(Reader, reader), judgement)
    reader.now += 9_999
    assert question(cast(Reader, reader), judgement) == first
    assert reader.asked == asked
    reader.now += 1
    assert question(cast(Reader, reader), judgement) == first
    assert reader.asked == asked + 1
    return first


@pytest.mark.parametrize(("runs", "asked"), [(3, 2), (499, 2), (100_000, 1)])
def test_only_where_very_many_need_it_is_it_remembered(runs: int, asked: int) -> None:
    first = asked_again(Silent(runs), queries.needing_attention, asked)
    assert len(first) == min(runs, 500) - 1 and "r0" not in first


@pytest.mark.parametrize(("runs", "asked"), [(3, 2), (10_000, 2), (10_001, 1)])
def test_only_very_many_are_not_counted_each_time(runs: int, asked: int) -> None:
    asked_again(Silent(runs), queries.status_counts, asked)
