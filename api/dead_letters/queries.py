"""Dead letters: what was accepted and could not be used, listed and shown whole."""

from base64 import b64decode
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from api.core.cursor import DeadLetterCursor, to_token
from api.core.db import Reader, Row
from api.core.figures import time_of
from api.core.problems import bad_request, not_found
from api.dead_letters.models import DeadLetter, DeadLetterList
from schemas.dead_letters import LetterName
from schemas.values import Person, iso


@dataclass(frozen=True, slots=True)
class LetterFilter:
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


def page_of_letters(
    reader: Reader, filter: LetterFilter, place: DeadLetterCursor, page_size: int
) -> DeadLetterList:
    """One page of what was set aside, newest first."""
    page, token = letter_rows(reader, filter, place, page_size)
    return DeadLetterList(dead_letters=[DeadLetter(**_fields(r)) for r in page], next_page_token=token)


def one_letter(reader: Reader, letter_id: str) -> DeadLetterDetail:
    """Raises Problem 400 and 404."""
    row = letter_row(reader, letter_id)
    text = row["raw_start"]
    if not row["part"] or row["type"] == "undecodable":
        try:
            text = b64decode(text, validate=True).decode("utf-8", "replace")
        except ValueError:
            text = row["raw_start"]
    return DeadLetterDetail(
        **_fields(row), dialect=row["dialect"] or None, workspace=row["workspace"] or None, text=text
    )


def letter_rows(
    reader: Reader, filter: LetterFilter, place: DeadLetterCursor, page_size: int
) -> tuple[list[Row], str | None]:
    """The rows of one page, of each letter's raw text the beginning; and the token of the next page."""
    rows = reader.rows(
        "dead_letters/dead_letters",
        run_id=filter.run_id,
        reason=filter.reason,
        replayed=-1 if filter.replayed is None else int(filter.replayed),
        token_ms=place.at_ms,
        token_partition=place.partition,
        token_offset=place.offset,
        token_part=place.part,
        limit=page_size + 1,
    )
    page = rows[:page_size]
    if len(rows) <= page_size:
        return page, None
    last = page[-1]
    return page, to_token(DeadLetterCursor(last["at_ms"], last["partition"], last["offset"], last["part"]))


def letter_row(reader: Reader, letter_id: str) -> Row:
    """The row of the letter of this id, whole. Raises Problem 400 and 404."""
    try:
        name = LetterName.from_id(letter_id)
    except ValueError as e:
        raise bad_request(f"id: {e}"[:300]) from e
    rows = reader.rows("dead_letters/dead_letter", **name.model_dump())
    if not rows:
        raise not_found("dead letter", letter_id)
    return rows[0]


def letter_id(row: Row) -> str:
    """The id of the letter of this row."""
    return LetterName(partition=row["partition"], offset=row["offset"], part=row["part"]).to_id()


def _fields(row: Row) -> Row:
    return {
        "id": letter_id(row),
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
