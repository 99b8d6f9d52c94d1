"""What people and programs write about a run. Each is one event on the log."""

from api.auth.permissions import Authorized
from api.core import commands
from api.core.commands import event_id
from api.core.problems import bad_request
from api.notes.models import Kind, NoteText
from schemas.events import Note, NoteWritten
from stores.log.port import EventLog

#: The only analysis of a run has this id; a new one takes its place.
ANALYSIS = "analysis"
_NEW_ID_LENGTH = 16


async def write_note(
    log: EventLog, who: Authorized, note_id: str | None, text: NoteText, now_ms: int
) -> Note:
    """Write a note, or a new version of one. Raises Problem 400 for a new note without a text, and LogUnavailable."""
    if note_id is None and not text.text.strip():
        raise bad_request("text: a note needs a text")
    return await _write(log, who, "note", note_id, text, now_ms)


async def write_analysis(log: EventLog, who: Authorized, text: NoteText, now_ms: int) -> Note:
    """Write the run's analysis, or a new version of it. Raises LogUnavailable."""
    return await _write(log, who, "analysis", ANALYSIS, text, now_ms)


async def _write(
    log: EventLog, who: Authorized, kind: Kind, note_id: str | None, text: NoteText, now_ms: int
) -> Note:
    # Where we know who writes, nobody writes in another's name.
    author = who.caller.name or text.author
    event = note_event(who.run_id, kind, note_id, author, text.text, now_ms)
    await commands.append(log, who.run_id, event)
    return event.data


def note_event(
    run_id: str, kind: Kind, note_id: str | None, author: str, text: str, now_ms: int
) -> NoteWritten:
    """Pure. Without a `note_id` it makes a new note."""
    id = event_id(run_id, kind, str(now_ms), author, text)
    note = Note(kind=kind, note_id=note_id or id[:_NEW_ID_LENGTH], author=author.strip(), text=text.strip())
    return NoteWritten(id=id, source="api", run_id=run_id, received_at=now_ms, data=note)
