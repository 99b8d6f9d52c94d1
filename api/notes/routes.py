"""JSON of notes and analyses under /api/v1."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.concurrency import run_in_threadpool

from api.auth.permissions import Authorized, allow_on_run
from api.core.db import Reader
from api.core.params import Ref
from api.core.problems import not_found, responses
from api.notes import commands
from api.notes.models import NoteAccepted, NoteAnswer, NoteList, NoteText
from api.notes.queries import is_projected, notes
from api.runs import queries as runs
from schemas.access import Act
from stores.log.port import EventLog

Writer = Annotated[Authorized, allow_on_run(Act.CHANGE_RUN)]
NoteId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


def router(reader: Reader, log: EventLog, clock: Callable[[], int]) -> APIRouter:
    """All routes. `clock` gives the wall clock in ms."""
    r = APIRouter(prefix="/api/v1", responses=responses(400, 404))

    @r.get("/runs/{ref}/notes", tags=["notes"])
    def list_notes(ref: Ref) -> NoteList:
        """Notes about the run, newest first, each with its history."""
        return notes(reader, runs.resolve(reader, ref), "note")

    @r.post("/runs/{ref}/notes", status_code=202, tags=["notes"], responses=responses(403, 413))
    async def post_note(text: NoteText, who: Writer) -> NoteAccepted:
        """Write a note: an event on the log. 202: it is durable there, and shown a moment later."""
        note = await commands.write_note(log, who, None, text, clock())
        return NoteAccepted(id=note.note_id)

    @r.put("/runs/{ref}/notes/{note_id}", status_code=202, tags=["notes"], responses=responses(403, 413))
    async def put_note(note_id: NoteId, text: NoteText, who: Writer) -> NoteAccepted:
        """Write a new version of a note; an empty text takes it away. All versions are kept."""
        if not await run_in_threadpool(is_projected, reader, who.run_id, note_id):
            raise not_found("note", note_id)
        await commands.write_note(log, who, note_id, text, clock())
        return NoteAccepted(id=note_id)

    @r.get("/runs/{ref}/analysis", tags=["notes"])
    def get_analysis(ref: Ref) -> NoteAnswer:
        """The analysis of the run that a program submitted."""
        analyses = notes(reader, runs.resolve(reader, ref), "analysis").notes
        if not analyses:
            raise not_found("analysis of run", ref)
        return analyses[0]

    @r.put("/runs/{ref}/analysis", status_code=202, tags=["notes"], responses=responses(403, 413))
    async def put_analysis(text: NoteText, who: Writer) -> NoteAccepted:
        """Submit an analysis of the run, or a new version of it; an empty text takes it away."""
        note = await commands.write_analysis(log, who, text, clock())
        return NoteAccepted(id=note.note_id)

    return r
