"""The form by which a run's page writes a note; it works without script."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from api.auth.permissions import Authorized, allow_on_run
from api.core.commands import until_visible
from api.core.db import Reader
from api.core.problems import invalid
from api.core.request_body import Form
from api.html.page import Page
from api.notes import commands
from api.notes.models import NoteText
from api.notes.queries import is_projected
from schemas.access import Act
from stores.log.port import EventLog


def router(reader: Reader, log: EventLog, clock: Callable[[], int]) -> APIRouter:
    """The form. `clock` gives the wall clock in ms."""
    r = APIRouter(route_class=Page, include_in_schema=False)

    @r.post("/runs/{ref}/notes")
    async def write_note(
        ref: str, who: Annotated[Authorized, allow_on_run(Act.CHANGE_RUN)], form: Form
    ) -> Response:
        """Fields: `text`, `author`, and `note_id` for a new version of a note."""
        try:
            text = NoteText(text=form.get("text", ""), author=form.get("author", ""))
        except ValidationError as e:
            raise invalid(e) from e
        note = await commands.write_note(log, who, form.get("note_id") or None, text, clock())
        await until_visible(lambda: is_projected(reader, who.run_id, note.note_id, note))
        return RedirectResponse(f"/runs/{quote(ref, safe='')}?tab=notes#notes", status_code=303)

    return r
