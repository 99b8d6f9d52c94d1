"""A library that repeats itself does not fill the disk; what the tracker says itself is all there."""

import logging

from tracker.logs import Repeats


def record(name: str, message: str, at: float, *args: object) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.ERROR, "here.py", 1, message, args, None)
    made.created = at
    return made


def said(repeats: Repeats, *records: logging.LogRecord) -> list[str]:
    return [r.getMessage() for r in records if repeats.filter(r)]


def test_a_library_says_a_thing_once_in_ten_seconds_and_how_often_it_was_left_out() -> None:
    repeats = Repeats()
    lines = [
        record("aiokafka.conn", "no broker %s", at, n) for n, at in enumerate((0.0, 0.1, 9.9, 10.0, 10.1))
    ]
    assert said(repeats, *lines) == ["no broker 0", "no broker 3 (and 2 more like it)"]


def test_another_message_level_or_logger_is_not_a_repeat() -> None:
    warning = record("faust.app", "a", 0.3)
    warning.levelno = logging.WARNING
    lines = [
        record("faust.app", "a", 0.0),
        record("faust.app", "b", 0.1),
        record("faust.web", "a", 0.2),
        warning,
    ]
    assert said(Repeats(), *lines) == ["a", "b", "a", "a"]


def test_what_we_say_ourselves_is_never_left_out() -> None:
    lines = [record("projections.consume.agents", "written", at) for at in (0.0, 0.0, 0.1)]
    assert said(Repeats(), *lines) == ["written"] * 3


def test_a_flood_of_different_messages_is_forgotten_again() -> None:
    repeats = Repeats()
    assert len(said(repeats, *(record("kafka", f"m{n}", n / 10) for n in range(5000)))) == 5000
    assert len(repeats._last) <= 1001
