"""The notes and the analysis of a run, from the table with their history."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from api.core.db import Reader, Row
from api.html.markdown import to_html
from api.notes.models import Kind, NoteAnswer, NoteList, Version
from schemas.events import Note
from schemas.values import iso


@dataclass(frozen=True, slots=True)
class RenderedNote:
    """A note for a page."""

    note: NoteAnswer
    html: Markup


#: Notes of a run that a page, and that the API gives; and versions of each.
ON_PAGE, IN_API, VERSIONS = 50, 500, 20
#: Bytes of all texts of one answer; the newest go first.
MOST_BYTES = 4 * 2**20
#: Characters of the notes of one page that are read as Markdown; 100,000 that somebody made to be dear take seconds.
MOST_MARKDOWN = 200_000


def notes(reader: Reader, run_id: str, kind: Kind, most: int = IN_API) -> NoteList:
    """The newest notes of this kind about the run, newest first."""
    rows = reader.rows(
        "notes/notes",
        run_id=run_id,
        kinds=[kind],
        limit=most + 1,
        versions=VERSIONS,
        most_bytes=MOST_BYTES,
    )
    found = from_versions(rows)
    cut = bool(rows) and len(rows) < rows[0]["of_versions"]
    return NoteList(notes=found[:most], more=len(found) > most or cut)


def is_projected(reader: Reader, run_id: str, note_id: str, version: Note | None = None) -> bool:
    """Whether the tables know the note; this version of it, if one is given."""
    author, text = (version.author, version.text) if version else ("", "")
    rows = reader.rows(
        "notes/note_known",
        run_id=run_id,
        note_id=note_id,
        exact=version is not None,
        author=author,
        text=text,
    )
    return bool(rows)


def from_versions(rows: Sequence[Row]) -> list[NoteAnswer]:
    """Pure. `rows` of `notes.sql`. Notes whose newest version is empty are left out."""
    by_id: dict[str, list[Row]] = {}
    for row in rows:
        by_id.setdefault(row["note_id"], []).append(row)
    answers = []
    for note_id, versions in by_id.items():
        last = versions[-1]
        if not last["text"]:
            continue
        answers.append(
            NoteAnswer(
                id=note_id,
                author=last["author"],
                text=last["text"],
                written_at=iso(last["first_ms"]),
                edited_at=iso(last["at_ms"]) if len(versions) > 1 else None,
                versions=[Version(at=iso(v["at_ms"]), author=v["author"], text=v["text"]) for v in versions],
            )
        )
    return sorted(answers, key=lambda n: n.written_at, reverse=True)


def rendered(notes: Sequence[NoteAnswer]) -> list[RenderedNote]:
    """For pages: as HTML the first of them, what comes after so many characters as it was written."""
    found, left = [], MOST_MARKDOWN
    for note in notes:
        left -= len(note.text)
        html = to_html(note.text) if left >= 0 else Markup("<pre>%s</pre>") % note.text
        found.append(RenderedNote(note, html))
    return found
