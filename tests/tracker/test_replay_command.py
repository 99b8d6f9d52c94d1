"""A replay begins once no projector runs: one that has just been stopped may count for a while."""

import asyncio

import pytest

from projections.replay.replay import ReplayRefused
from tests.support.log import MemoryLog
from tracker.commands import replay


class Group(MemoryLog):
    """A log whose group has so many members each time that somebody asks; in the end as many as the last time."""

    def __init__(self, *members: int) -> None:
        super().__init__()
        self.members = list(members)

    async def readers(self, group: str) -> int:
        return self.members.pop(0) if len(self.members) > 1 else self.members[0]


def test_one_that_has_just_been_stopped_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "_LOOK_SECONDS", 0)
    group = Group(2, 1, 1, 0)
    asyncio.run(replay.nobody_projects(group))
    assert group.members == [0]


def test_one_that_runs_on_is_not() -> None:
    with pytest.raises(ReplayRefused, match="1 projectors are running: stop them first"):
        asyncio.run(replay.nobody_projects(Group(1), seconds=0))
