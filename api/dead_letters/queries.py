"""Dead letters: listed, shown whole, and read again after a fix.

How a request is read belongs to ingest, which the api does not know: `ReadAgain` is given by whoever puts the process together.
What is read again is appended to the log as an event that says which letter it was; the projector marks the letter by it. The
same letter gives the same event, so to read it twice adds nothing.
"""

from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from api.core.cursor import LetterPlace, to_token
from api.core.db import Reader, Row
from api.core.figures import time_of
from api.core.problems import bad_request, not_found
from api.dead_letters.models import DeadLetter, DeadLetterList
from schemas.dead_letters import LetterName
from schemas.events import Person, iso
from schemas.metrics import LETTERS_REREAD
from schemas.topics import EVENTS
from stores.log.port import EventLog

#: Bytes of the raw text of a dead letter that a list gives.
RAW_MAX = 4096
#: Of the raw text that is stored, all.
_WHOLE = 2**32 - 1


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters; an empty text does not filter. `replayed`: None for all."""

    run_id: str = ""
    reason: str = ""
    replayed: bool | None = None


class DeadLetterDetail(DeadLetter):
    """A letter, whole. `text` is what was sent, as far as it is text; secrets were taken out before it was kept."""

    dialect: str | None
    workspace: str | None
    text: str


class ReplayAsked(BaseModel):
    """Which letters to read again: those whose reason holds `reason`, of this run, or all. Those that were are left out."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=1000)
    run_id: str = Field("", max_length=1000)
    every: bool = Field(False, description="Without `reason` and `run_id`: really all of them")
    by: Person = ""


class ReplayBy(BaseModel):
    """Who asks."""

    model_config = ConfigDict(extra="forbid")

    by: Person = ""


class NotReplayed(BaseModel):
    id: str
    reason: str = Field(description="Why it still cannot be used")


class Replayed(BaseModel):
    """What became of the letters. Those replayed are durable on the log, and marked in the list a moment later."""

    replayed: list[str] = Field(description="Ids of the letters")
    run_ids: list[str] = Field(description="The runs that they are about, each once")
    failed: list[NotReplayed]
    next_page_token: str | None = Field(None, description="There are more: ask again with it")


def page_of_letters(reader: Reader, wanted: Wanted, place: LetterPlace, page_size: int) -> DeadLetterList:
    """One page of what was set aside, newest first."""
    page, token = _page(reader, wanted, place, page_size, RAW_MAX)
    return DeadLetterList(dead_letters=[DeadLetter(**_told(r)) for r in page], next_page_token=token)


def one_letter(reader: Reader, letter_id: str) -> DeadLetterDetail:
    """Raises Problem 400 and 404."""
    row = _row(reader, letter_id)
    text = row["raw_start"]
    if not row["part"] or row["type"] == "undecodable":
        try:
            text = b64decode(text, validate=True).decode("utf-8", "replace")
        except ValueError:
            text = row["raw_start"]
    return DeadLetterDetail(
        **_told(row), dialect=row["dialect"] or None, workspace=row["workspace"] or None, text=text
    )


@dataclass
class Replayer:
    """Reads letters again. `clock`: the wall clock in ms."""

    reader: Reader
    log: EventLog
    read_again: ReadAgain
    clock: Callable[[], int]
    done: list[tuple[str, str]] = field(default_factory=list)
    failed: list[NotReplayed] = field(default_factory=list)

    def one(self, letter_id: str) -> Row:
        """The row of the letter of this id. Blocking. Raises Problem 400 and 404."""
        return _row(self.reader, letter_id)

    def page(
        self, asked: ReplayAsked, place: LetterPlace, page_size: int
    ) -> tuple[Sequence[Row], str | None]:
        """The rows, whole, of one page of what is asked for, and the token of the next. Blocking. Raises Problem 400."""
        if not (asked.reason or asked.run_id or asked.every):
            raise bad_request("say which: a reason, a run_id, or every: true")
        return _page(self.reader, Wanted(asked.run_id, asked.reason, False), place, page_size, _WHOLE)

    async def replay(self, rows: Sequence[Row], by: str, token: str | None = None) -> Replayed:
        """Append what they are today, one by one. Raises LogUnavailable; what was appended before that stays."""
        for row in rows:
            letter_id = _name(row).to_id()
            try:
                again = self.read_again(row, by, self.clock())
            except StillUnreadable as e:
                LETTERS_REREAD.labels("unreadable").inc()
                self.failed.append(NotReplayed(id=letter_id, reason=str(e)))
                continue
            await self.log.append(EVENTS, again.key, again.type, again.value)
            LETTERS_REREAD.labels("replayed").inc()
            self.done.append((letter_id, again.run_id))
        return Replayed(
            replayed=[i for i, _ in self.done],
            run_ids=list(dict.fromkeys(run_id for _, run_id in self.done)),
            failed=self.failed,
            next_page_token=token,
        )


def _page(
    reader: Reader, wanted: Wanted, place: LetterPlace, page_size: int, most: int
) -> tuple[list[Row], str | None]:
    rows = reader.rows(
        "dead_letters/dead_letters",
        run_id=wanted.run_id,
        reason=wanted.reason,
        replayed=-1 if wanted.replayed is None else int(wanted.replayed),
        token_ms=place.at_ms,
        token_partition=place.partition,
        token_offset=place.offset,
        token_part=place.part,
        limit=page_size + 1,
        most=most,
    )
    page = rows[:page_size]
    if len(rows) <= page_size:
        return page, None
    last = page[-1]
    return page, to_token(LetterPlace(last["at_ms"], last["partition"], last["offset"], last["part"]))


def _row(reader: Reader, letter_id: str) -> Row:
    try:
        name = LetterName.from_id(letter_id)
    except ValueError as e:
        raise bad_request(f"id: {e}"[:300]) from e
    rows = reader.rows("dead_letters/dead_letter", **name.model_dump())
    if not rows:
        raise not_found("dead letter", letter_id)
    return rows[0]


def _name(row: Row) -> LetterName:
    return LetterName(partition=row["partition"], offset=row["offset"], part=row["part"])


def _told(row: Row) -> Row:
    return {
        "id": _name(row).to_id(),
        "partition": row["partition"],
        "offset": row["offset"],
        "at": iso(row["at_ms"]),
        "run_id": row["run_id"] or None,
        "type": row["type"] or None,
        "part": row["part"] or None,
        "reason": row["reason"],
        "request": row["request"] or None,
        "raw": row["raw_start"],
        "raw_bytes": row["raw_bytes"],
        "replayed_at": time_of(row["replayed_ms"] or None),
        "replayed_by": row["replayed_by"] or None,
        "replayed_as": row["replayed_as"] or None,
    }
