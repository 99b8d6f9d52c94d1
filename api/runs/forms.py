"""What people do to a run from its page: forms that work without script."""

from collections.abc import Callable, Sequence
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from api.auth.permissions import Authorized, allow_on_run
from api.core.commands import until_visible
from api.core.db import Reader
from api.core.problems import bad_request
from api.core.request_body import Form
from api.html.page import Page
from api.runs import commands
from api.runs import queries as runs
from api.runs.models import Hidden, LabelChange
from schemas.access import Act
from stores.log.port import EventLog

Changer = Annotated[Authorized, allow_on_run(Act.CHANGE_RUN)]


def router(reader: Reader, log: EventLog, clock: Callable[[], int]) -> APIRouter:
    """All forms but that of notes. `clock` gives the wall clock in ms."""
    r = APIRouter(route_class=Page, include_in_schema=False)

    @r.post("/runs/{ref}/labels")
    async def change_labels(ref: str, who: Changer, form: Form) -> Response:
        """Fields: `add` and `remove`, a label each."""
        add, remove = ([text] if text else [] for text in (form.get("add", "").strip(), form.get("remove")))
        change = LabelChange(add=add, remove=remove)
        changed = await commands.change_labels(reader, log, who, change, clock())
        await until_visible(lambda: not _still_needed(runs.known_run(reader, who.run_id).labels, changed))
        return RedirectResponse(f"/runs/{quote(ref, safe='')}", status_code=303)

    @r.post("/runs/{ref}/hidden")
    async def change_hidden(ref: str, who: Changer, form: Form) -> Response:
        """Field `hidden`: yes or no."""
        if form.get("hidden") not in ("yes", "no"):
            raise bad_request("hidden: yes or no")
        hidden = form["hidden"] == "yes"
        await commands.set_hidden(log, who, Hidden(hidden=hidden), clock())
        await until_visible(lambda: runs.known_run(reader, who.run_id).hidden == hidden)
        return RedirectResponse(f"/runs/{quote(ref, safe='')}", status_code=303)

    return r


def _still_needed(labels: Sequence[str], change: LabelChange) -> list[str]:
    needed = commands.needed_change(labels, change)
    return needed.add + needed.remove
