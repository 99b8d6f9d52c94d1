"""`tracker wait` comes back when the run is over, whatever happens to the tracker meanwhile."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.fake_tracker import FakeTracker, tracker
from tracker.client.remote import Refused
from tracker.client.waiting import Ended, Look, wait
from tracker.errors import NotDone

AWAY, UNKNOWN, FORBIDDEN, RESTARTS = (
    NotDone("no answer"),
    Refused(404, "no"),
    Refused(403, "no"),
    Refused(503, "soon"),
)


class Played:
    """A tracker that answers these one after another, in a time of its own."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers, self.now = iter(answers), 0.0
        self.looks: list[Look] = []

    def ask(self) -> dict[str, Any]:
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return {"status": answer, "tasks": {"succeeded": 1, "cached": 1, "running": 2, "total": 4}}

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def wait(self, timeout: float | None = None) -> Ended:
        return wait(self.ask, self.looks.append, lambda: self.now, self.pause, timeout)


@pytest.mark.parametrize(("status", "code"), [("succeeded", 0), ("failed", 1), ("cancelled", 2)])
def test_the_end_is_the_exit_code(status: str, code: int) -> None:
    played = Played("submitted", "running", "disconnected", "stalled", "unknown", status)
    assert played.wait() == code
    assert played.looks[1].done_and_total == (2, 4)


def test_a_tracker_that_is_away_or_restarts_is_waited_for() -> None:
    played = Played(UNKNOWN, "running", AWAY, RESTARTS, AWAY, "succeeded")
    assert played.wait() == 0
    assert [look.problem for look in played.looks] == ["no", "", "no answer", "soon", "no answer", ""]


def test_what_waiting_cannot_help_ends_it() -> None:
    with pytest.raises(Refused):
        Played("running", FORBIDDEN).wait()

    def never() -> Iterator[Exception]:
        while True:
            yield UNKNOWN

    played = Played(*[UNKNOWN] * 100)
    with pytest.raises(Refused):
        played.wait()
    assert 60 <= played.now < 75, "a run that was just started may not be known yet"


@pytest.mark.parametrize("timeout", [0, 0.5, 7])
def test_time_is_over_when_it_is(timeout: float) -> None:
    played = Played(*["running"] * 100)
    assert played.wait(timeout) == 124
    assert played.now == timeout


def test_as_commands(fake: FakeTracker) -> None:
    path = "/api/v1/runs/a%2Fb"
    fake.answers["GET", path] = 200, {"status": "running", "tasks": {"total": 0}}
    result = tracker("wait", "a/b", "--timeout", "0", "--url", fake.url)
    assert result.exit_code == 124 and "a/b: running" in result.output and "time over" in result.output
    fake.answers["GET", path] = 200, {"status": "failed", "tasks": {"total": 0}}
    assert tracker("wait", "a/b", "--url", fake.url).exit_code == 1
