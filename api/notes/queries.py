"""Notes and analyses about a run: read from the table with their history, written as events on the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from markupsafe import Markup
from pydantic import BaseModel, Field

from api.core.db import Reader, Row
from api.core.models import Time
from api.html.markdown import to_html
from schemas.events import Note, NoteWritten, iso

Kind = Literal["note", "analysis"]

#: The only analysis of a run has this name; a new one takes its place.
ANALYSIS = "analysis"
_NEW_MAX = 16


class Version(BaseModel):
    """One version of a note."""

    at: Time
    author: str
    text: str


class NoteAnswer(BaseModel):
    """A note as it stands, with all its versions, oldest first. `text` is Markdown."""

    id: str
    author: str
    text: str
    written_at: Time
    edited_at: Time | None
    versions: list[Version]


class NoteList(BaseModel):
    """Notes, newest first."""

    notes: list[NoteAnswer]


class NoteText(BaseModel):
    """What to write. An empty text takes the note away; its history stays."""

    text: str = Field("", max_length=100_000, description="Markdown")
    author: str = Field("", max_length=200, description="Who writes")


class NoteAccepted(BaseModel):
    """The note's id. It is durable on the log, and shown a moment later."""

    id: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A note for a page."""

    note: NoteAnswer
    html: Markup


def notes(reader: Reader, run_id: str, kind: Kind) -> list[NoteAnswer]:
    """The notes of this kind about the run, newest first."""
    return put_together(reader.rows("notes/notes", run_id=run_id, kinds=[kind]))


def all_notes(reader: Reader, run_id: str) -> tuple[list[NoteAnswer], list[NoteAnswer]]:
    """The notes about the run, newest first, and its analysis, if there is one."""
    rows = reader.rows("notes/notes", run_id=run_id, kinds=["note", "analysis"])
    note, analysis = (put_together([r for r in rows if r["kind"] == k]) for k in ("note", "analysis"))
    return note, analysis


def put_together(rows: Sequence[Row]) -> list[NoteAnswer]:
    """Pure. `rows` of `notes.sql`. Notes whose newest version is empty are left out."""
    by_id: dict[str, list[Row]] = {}
    for row in rows:
        by_id.setdefault(row["note_id"], []).append(row)
    found = []
    for note_id, versions in by_id.items():
        first, last = versions[0], versions[-1]
        if not last["text"]:
            continue
        found.append(
            NoteAnswer(
                id=note_id,
                author=last["author"],
                text=last["text"],
                written_at=iso(first["at_ms"]),
                edited_at=iso(last["at_ms"]) if len(versions) > 1 else None,
                versions=[Version(at=iso(v["at_ms"]), author=v["author"], text=v["text"]) for v in versions],
            )
        )
    return sorted(found, key=lambda n: n.written_at, reverse=True)


def shown(found: Sequence[NoteAnswer]) -> list[Shown]:
    """For pages."""
    return [Shown(note, to_html(note.text)) for note in found]


def written(run_id: str, kind: Kind, note_id: str | None, told: NoteText, now_ms: int) -> NoteWritten:
    """Pure. The event; without a `note_id` it makes a new note. To write the same once more is no repeat."""
    digest = sha256("\0".join([run_id, kind, str(now_ms), told.author, told.text]).encode()).hexdigest()
    note = Note(
        kind=kind, note_id=note_id or digest[:_NEW_MAX], author=told.author.strip(), text=told.text.strip()
    )
    return NoteWritten(id=digest[:32], source="api", run_id=run_id, received_at=now_ms, data=note)
