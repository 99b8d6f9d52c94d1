"""Waiting in the tests: as long as something moves, and no longer."""

from itertools import count

import pytest

from tests.support import progress
from tests.support.progress import Patience, wait_for_progress


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of idle time passes between two looks at it."""
    seconds = count()
    monkeypatch.setattr(progress, "_idle_seconds", lambda: next(seconds))
    monkeypatch.setattr(progress, "_POLL_SECONDS", 0)


def test_what_moves_is_waited_for() -> None:
    left = iter(range(100, -1, -1))
    wait_for_progress("all", lambda: next(left), seconds=5)


def test_what_stands_still_is_given_up() -> None:
    with pytest.raises(AssertionError, match="all: nothing moved any more; missing: 3"):
        wait_for_progress("all", lambda: 3, seconds=5)


def test_a_busy_machine_has_a_tenth_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_idle_seconds", lambda: 0.0)
    now = iter([0.0, 49.0, 51.0])
    monkeypatch.setattr("tests.support.progress.time.monotonic", lambda: next(now))
    patience = Patience(5)
    assert patience.left() and not patience.left()
