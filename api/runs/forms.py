"""What people do to a run from its page: forms that work without script, each one event on the log."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api.auth.gate import allow
from api.core.db import Reader
from api.core.problems import bad_request
from api.core.request_body import form_fields, read_body
from api.html.page import Page
from api.runs import queries as runs
from api.runs.hiding import Hidden, hiding
from api.runs.routes import labelled
from schemas.access import Act, Caller
from schemas.events import Labelled
from schemas.topics import EVENTS
from schemas.wire import encode
from stores.log.port import EventLog

_FORM_BYTES_MAX = 65_536
#: How long a form waits for what it did to be shown.
_SHOWN_SECONDS = 3.0


def router(reader: Reader, log: EventLog, clock: Callable[[], int]) -> APIRouter:
    """All forms but that of notes. `clock` gives the wall clock in ms."""
    r = APIRouter(route_class=Page, include_in_schema=False)

    @r.post("/runs/{ref}/labels")
    async def change_labels(
        ref: str, request: Request, _: Annotated[Caller, allow(Act.CHANGE_RUN)]
    ) -> Response:
        """Fields: `add` and `remove`, a label each."""
        fields = form_fields(await read_body(request, _FORM_BYTES_MAX, "a form"))
        run = await run_in_threadpool(runs.one_run, reader, ref)
        told = changed_labels(run.labels, fields.get("add", ""), fields.get("remove"))
        if told.labels != run.labels:
            event = labelled(run.id, told, clock())
            await log.append(EVENTS, run.id, event.type, encode(event))
            await until_shown(lambda: runs.one_run(reader, run.id).labels == told.labels)
        return RedirectResponse(f"/runs/{quote(ref, safe='')}", status_code=303)

    @r.post("/runs/{ref}/hidden")
    async def change_hidden(
        ref: str, request: Request, who: Annotated[Caller, allow(Act.CHANGE_RUN)]
    ) -> Response:
        """Field `hidden`: yes or no."""
        asked = form_fields(await read_body(request, _FORM_BYTES_MAX, "a form")).get("hidden")
        if asked not in ("yes", "no"):
            raise bad_request("hidden: yes or no")
        run_id = await run_in_threadpool(runs.resolve, reader, ref)
        event = hiding(run_id, Hidden(hidden=asked == "yes", by=who.name), clock())
        await log.append(EVENTS, run_id, event.type, encode(event))
        await until_shown(lambda: runs.one_run(reader, run_id).hidden == (asked == "yes"))
        return RedirectResponse(f"/runs/{quote(ref, safe='')}", status_code=303)

    return r


def changed_labels(labels: Iterable[str], add: str, remove: str | None) -> Labelled:
    """Pure. The labels without `remove` and with `add` at the end, if it is not blank. Raises Problem 400."""
    kept = [label for label in labels if label != remove]
    try:
        return Labelled(labels=list(dict.fromkeys([*kept, *filter(None, [add.strip()])])))
    except ValidationError as e:
        raise bad_request("labels: a run has at most 100, each of 1 to 200 characters") from e


async def until_shown(is_shown: Callable[[], bool]) -> None:
    """Wait, not without end, until the tables tell what was done: the page that comes next should show it."""
    for _ in range(int(_SHOWN_SECONDS / 0.1)):
        if await run_in_threadpool(is_shown):
            return
        await asyncio.sleep(0.1)
