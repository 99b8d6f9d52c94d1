"""JSON of notes and analyses under /api/v1, and the form by which the page writes a note."""

from collections.abc import Callable
from typing import Annotated, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api.auth.gate import allow
from api.core.db import Reader
from api.core.params import Ref
from api.core.problems import bad_request, not_found, responses
from api.core.request_body import form_fields, read_body
from api.html.page import Page
from api.notes.queries import (
    ANALYSIS,
    Kind,
    NoteAccepted,
    NoteAnswer,
    NoteList,
    NoteText,
    notes,
    written,
)
from api.runs import queries as runs
from api.runs.forms import until_shown
from schemas.access import Act, Caller
from schemas.events import Note
from schemas.topics import EVENTS
from schemas.wire import encode
from stores.log.port import EventLog

M = TypeVar("M", bound=BaseModel)

_BODY_MAX = 450_000

Writer = Annotated[Caller, allow(Act.CHANGE_RUN)]
NoteId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class _Writer:
    """Writes notes about runs."""

    def __init__(self, reader: Reader, log: EventLog, clock: Callable[[], int]) -> None:
        self.reader, self.log, self.clock = reader, log, clock

    async def write(
        self, ref: str, kind: Kind, note_id: str | None, told: NoteText, who: Caller
    ) -> tuple[str, Note]:
        """Appends it; the run's id and what was written. Raises Problem 404 and LogUnavailable."""
        if who.name:  # where we know who writes, nobody writes in another's name
            told = told.model_copy(update={"author": who.name})
        run_id = await run_in_threadpool(runs.resolve, self.reader, ref)
        event = written(run_id, kind, note_id, told, self.clock())
        await self.log.append(EVENTS, run_id, event.type, encode(event))
        return run_id, event.data


def router(reader: Reader, log: EventLog, clock: Callable[[], int]) -> APIRouter:
    """All routes. `clock` gives the wall clock in ms."""
    r = APIRouter(prefix="/api/v1", responses=responses(400, 404))
    writer = _Writer(reader, log, clock)
    body = {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": NoteText.model_json_schema()}},
        }
    }

    @r.get("/runs/{ref}/notes", tags=["notes"])
    def list_notes(ref: Ref) -> NoteList:
        """Notes about the run, newest first, each with its history."""
        return NoteList(notes=notes(reader, runs.resolve(reader, ref), "note"))

    @r.post(
        "/runs/{ref}/notes",
        status_code=202,
        tags=["notes"],
        responses=responses(403, 413),
        openapi_extra=body,
    )
    async def post_note(ref: Ref, request: Request, who: Writer) -> NoteAccepted:
        """Write a note: an event on the log. 202: it is durable there, and shown a moment later."""
        _, note = await writer.write(ref, "note", None, _required(await _json(request, NoteText)), who)
        return NoteAccepted(id=note.note_id)

    @r.put(
        "/runs/{ref}/notes/{note_id}",
        status_code=202,
        tags=["notes"],
        responses=responses(403, 413),
        openapi_extra=body,
    )
    async def put_note(ref: Ref, note_id: NoteId, request: Request, who: Writer) -> NoteAccepted:
        """Write a new version of a note; an empty text takes it away. All versions are kept."""
        told = await _json(request, NoteText)
        run_id = await run_in_threadpool(runs.resolve, reader, ref)
        known = await run_in_threadpool(_known, reader, run_id, note_id)
        if not known:
            raise not_found("note", note_id)
        await writer.write(run_id, "note", note_id, told, who)
        return NoteAccepted(id=note_id)

    @r.get("/runs/{ref}/analysis", tags=["notes"])
    def get_analysis(ref: Ref) -> NoteAnswer:
        """The analysis of the run that a program submitted."""
        found = notes(reader, runs.resolve(reader, ref), "analysis")
        if not found:
            raise not_found("analysis of run", ref)
        return found[0]

    @r.put(
        "/runs/{ref}/analysis",
        status_code=202,
        tags=["notes"],
        responses=responses(403, 413),
        openapi_extra=body,
    )
    async def put_analysis(ref: Ref, request: Request, who: Writer) -> NoteAccepted:
        """Submit an analysis of the run, or a new version of it; an empty text takes it away."""
        told = await _json(request, NoteText)
        _, note = await writer.write(ref, "analysis", ANALYSIS, told, who)
        return NoteAccepted(id=note.note_id)

    return r


def form_router(reader: Reader, log: EventLog, clock: Callable[[], int]) -> APIRouter:
    """The page's form; it works without script."""
    r = APIRouter(route_class=Page, include_in_schema=False)
    writer = _Writer(reader, log, clock)

    @r.post("/runs/{ref}/notes")
    async def write_note(ref: str, request: Request, who: Writer) -> Response:
        told, note_id = _form(await _body(request))
        run_id, note = await writer.write(ref, "note", note_id, told, who)
        await until_shown(lambda: _known(reader, run_id, note.note_id, note))
        return RedirectResponse(f"/runs/{quote(ref, safe='')}#notes", status_code=303)

    return r


def _known(reader: Reader, run_id: str, note_id: str, note: Note | None = None) -> bool:
    """Whether the note is projected; this version of it, if one is given."""
    author, text = (note.author, note.text) if note else ("", "")
    rows = reader.rows(
        "notes/note_known", run_id=run_id, note_id=note_id, exact=note is not None, author=author, text=text
    )
    return bool(rows)


def _form(body: bytes) -> tuple[NoteText, str | None]:
    fields = form_fields(body)
    try:
        told = NoteText(text=fields.get("text", ""), author=fields.get("author", ""))
    except ValidationError as e:
        raise bad_request("text, author: too long") from e
    note_id = fields.get("note_id") or None
    return (told if note_id else _required(told)), note_id


def _required(told: NoteText) -> NoteText:
    if not told.text.strip():
        raise bad_request("text: a note needs a text")
    return told


async def _json(request: Request, model: type[M]) -> M:
    try:
        return model.model_validate_json(await _body(request), strict=True)
    except ValidationError as e:
        wrong = e.errors(include_url=False)[0]
        raise bad_request(f"{'.'.join(str(x) for x in wrong['loc']) or 'body'}: {wrong['msg']}") from e


async def _body(request: Request) -> bytes:
    return await read_body(request, _BODY_MAX, "a note")
