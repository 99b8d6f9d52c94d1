"""An event of a newer version ends an older projector; only what is no event at all becomes a dead letter."""

import json
import threading
from collections.abc import Sequence
from typing import Any, cast

import pytest

from projections.project.event_rows import UnknownEventType, read
from projections.project.projector import Projector
from projections.project.sweep import Thresholds
from projections.project.writer import Writer
from stores.log.port import Record
from stores.tables.client import Tables

ENVELOPE: dict[str, Any] = {"id": "1", "source": "s", "received_at": 0, "data": {}}


def record(value: bytes) -> Record:
    return Record(0, 7, 1_790_000_000_000, "", "", value)


class Untouched:
    """Tables that nothing may ask or write."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was called")


def test_a_projector_stops_at_an_event_that_only_a_newer_version_knows() -> None:
    published: list[Any] = []

    def publish(_topic: str, messages: Sequence[tuple[str, bytes]]) -> None:
        published.extend(messages)

    projector = Projector(
        Writer(cast(Tables, Untouched()), threading.Event()), Thresholds(1000, 1000, 1000), publish, 0
    )
    message = json.dumps(ENVELOPE | {"type": "run.paused"}).encode()
    with pytest.raises(UnknownEventType, match=r"partition 0, offset 7.*'run\.paused'.*start that version"):
        projector.project([record(message)])
    assert not published


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"type": "run.paused"}',
        b'{"type": 5, "id": "", "source": "", "data": {}}',
        json.dumps(ENVELOPE | {"type": "run.completed", "data": {"state": "?"}}).encode(),
    ],
)
def test_what_is_no_event_is_a_dead_letter(value: bytes) -> None:
    event, _, why = read(record(value))
    assert event is None and why.startswith("not an event")
