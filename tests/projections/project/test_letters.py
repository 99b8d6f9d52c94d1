"""Dead letters are bounded in bytes, in tables and messages; none of them ends or blocks the projection."""

import asyncio
import json
import threading
from collections.abc import Sequence
from typing import cast

import pytest

from projections.consume.loop import publisher
from projections.project import letters
from projections.project.event_rows import event_rows
from schemas.events import SetAside, TasksChanged, TasksChangedEvent
from schemas.statuses import Outcome
from schemas.topics import DEAD_LETTERS
from stores.log.port import EventLog, Position, Record


def letter(part: str, raw: str = "") -> bytes:
    return json.dumps({"partition": 0, "offset": 7, "part": part, "reason": "wrong", "raw": raw}).encode()


def test_letters_go_in_pieces_and_in_order() -> None:
    rows = [letter(f"tasks[{n}]", "ä\n" * 10) for n in range(1000)]
    pieces = list(letters.pieces(b"".join(rows), 5000))
    assert len(pieces) > 10 and all(len(piece) <= 5000 for piece in pieces)
    assert [row for piece in pieces for row in letters.rows_of(piece)] == rows
    assert list(letters.rows_of(b"\n".join(rows))) == rows


def test_one_that_is_too_large_becomes_a_stub() -> None:
    [piece] = letters.pieces(letter("tasks", "x" * 10_000), 5000)
    kept = json.loads(piece)
    assert (kept["part"], kept["offset"], kept["raw"]) == ("tasks", 7, "")
    assert kept["reason"].startswith("wrong (its 10") and len(piece) < 5000


def test_the_letters_of_one_message_are_bounded_and_the_rest_is_counted() -> None:
    parts = [SetAside(part=f"tasks[{n}]", reason="not an object", raw="1") for n in range(100_000)]
    data = TasksChanged(dialect="tower", tasks=[], set_aside=parts, workspace="w" * 1000)
    event = TasksChangedEvent(id="e", source="s", run_id="r", received_at=1, data=data)
    rows = event_rows(Record(0, 7, 1, "r", event.type, b""), 1, event, b"", "")
    assert len(rows.dead_letters) < letters.MESSAGE_BYTES + 10_000
    found = [json.loads(row) for row in letters.rows_of(rows.dead_letters)]
    assert (
        found[-1]["reason"]
        == f"{100_000 - len(found) + 1} more parts of this message were set aside, too many to list"
    )


class Small:
    """A log that refuses for ever what is larger than ten bytes."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def append(self, topic: str, key: str, type: str, value: bytes) -> Position:
        if len(value) > 10:
            raise ValueError("MessageSizeTooLarge")
        self.keys.append(key)
        return Position(0, 0)


def test_a_message_that_the_log_never_takes_does_not_end_the_projection() -> None:
    log = Small()

    async def run() -> None:
        publish = publisher(cast(EventLog, log), asyncio.get_running_loop(), threading.Event().wait)
        messages: Sequence[tuple[str, bytes]] = [("1", b"small"), ("2", b"x" * 11), ("3", b"small too")]
        await asyncio.to_thread(publish, DEAD_LETTERS, messages)

    asyncio.run(run())
    assert log.keys == ["1", "3"]


@pytest.mark.parametrize("text", ['ümlaut \u2028 \x00 "quoted" \\', "half a pair \ud83d", "🧬"])
def test_a_row_says_what_it_was_given_but_what_is_no_text(text: str) -> None:
    row = {"text": text, "count": 2**63 - 1, "none": None, "list": [text], "outcome": Outcome.PROJECTED}
    is_text = not any("\ud800" <= c <= "\udfff" for c in text)
    expected = text if is_text else text.replace("\ud83d", "?")
    read = json.loads(letters.to_json(row))
    assert read == {
        "text": expected,
        "count": 2**63 - 1,
        "none": None,
        "list": [expected],
        "outcome": "projected",
    }
