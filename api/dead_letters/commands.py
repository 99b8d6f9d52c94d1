"""Dead letters are read again after a fix, one or many.

How a request is read belongs to ingest, which the api does not know: `ReadAgain` is given by whoever puts the process together.
What is read again is appended to the log as an event that says which letter it was; the projector marks the letter by it. The
same letter gives the same event, so to read it twice adds nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from api.core import commands
from api.core.cursor import DeadLetterCursor
from api.core.db import Reader, Row
from api.core.problems import bad_request
from api.dead_letters.queries import (
    LetterFilter,
    NotReplayed,
    ReplayAsked,
    Replayed,
    letter_id,
    letter_row,
    letter_rows,
)
from schemas.dead_letters import FOREIGN
from schemas.metrics import LETTERS_REREAD
from stores.log.port import EventLog

#: To read them again lets somebody speak for a run of another, so nobody does it by a filter.
_FOREIGN = f"{FOREIGN}: if it is to count nevertheless, have this one read again by itself"


class StillUnreadable(Exception):
    """Today's code does not understand the letter either; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Again:
    """What a letter is today: a message for the log, and the run that it is about."""

    key: str
    type: str
    value: bytes
    run_id: str


#: (row of a letter, whole; who asks; now in ms) → what it is today. Raises StillUnreadable.
ReadAgain = Callable[[Row, str, int], Again]


def read_nothing(_row: Row, _by: str, _now_ms: int) -> Again:
    """For a process that was put together without ingest's code."""
    raise StillUnreadable("this process does not know how requests are read")


async def replay_one(
    reader: Reader, log: EventLog, read_again: ReadAgain, letter: str, by: str, now_ms: int
) -> Replayed:
    """Read the letter of this id again. Raises Problem 400 and 404, and LogUnavailable."""
    return await _replay(reader, log, read_again, [letter], by, now_ms)


async def replay_page(
    reader: Reader,
    log: EventLog,
    read_again: ReadAgain,
    which: ReplayAsked,
    by: str,
    place: DeadLetterCursor,
    page_size: int,
    now_ms: int,
) -> Replayed:
    """Read one page of the letters again. Raises Problem 400, and LogUnavailable; what was appended before that stays."""
    if not (which.reason or which.run_id or which.every):
        raise bad_request("say which: a reason, a run_id, or every: true")
    filter = LetterFilter(which.run_id, which.reason, replayed=False)
    rows, token = await run_in_threadpool(letter_rows, reader, filter, place, page_size)
    foreign = [NotReplayed(id=letter_id(row), reason=_FOREIGN) for row in rows if row["reason"] == FOREIGN]
    others = [letter_id(row) for row in rows if row["reason"] != FOREIGN]
    replayed = await _replay(reader, log, read_again, others, by, now_ms)
    return replayed.model_copy(update={"next_page_token": token, "failed": [*foreign, *replayed.failed]})


async def _replay(
    reader: Reader, log: EventLog, read_again: ReadAgain, letters: Sequence[str], by: str, now_ms: int
) -> Replayed:
    """Append what the letters of these ids are today, one by one: each may have many megabytes."""
    answer = Replayed(replayed=[], run_ids=[], failed=[])
    for letter in letters:
        row = await run_in_threadpool(letter_row, reader, letter)
        try:
            again = read_again(row, by, now_ms)
        except StillUnreadable as e:
            LETTERS_REREAD.labels("unreadable").inc()
            answer.failed.append(NotReplayed(id=letter_id(row), reason=str(e)))
            continue
        await commands.append_encoded(log, again.key, again.type, again.value)
        LETTERS_REREAD.labels("replayed").inc()
        answer.replayed.append(letter_id(row))
        if again.run_id not in answer.run_ids:
            answer.run_ids.append(again.run_id)
    return answer
