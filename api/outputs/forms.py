"""The form by which a run's page has its outputs looked at again; it works without script."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api.auth.permissions import Authorized, allow_on_run
from api.core.commands import until_visible
from api.core.db import Reader
from api.core.problems import Problem
from api.html.page import Page
from api.outputs import commands
from api.outputs.queries import known_folder
from api.runs import queries as runs
from schemas.access import Act
from stores.log.port import EventLog


def router(reader: Reader, log: EventLog, clock: Callable[[], int]) -> APIRouter:
    """The form. `clock` gives the wall clock in ms."""
    r = APIRouter(route_class=Page, include_in_schema=False)

    @r.post("/runs/{ref}/outputs/refresh")
    async def look_again(ref: str, who: Annotated[Authorized, allow_on_run(Act.CHANGE_RUN)]) -> Response:
        run = await run_in_threadpool(runs.known_run, reader, who.run_id, runs.UNSEEN)
        if run.liveness is not None:
            raise Problem(409, "the run is not over: its outputs are looked at when it is")
        await commands.request_look(log, who, "", clock())
        await until_visible(lambda: (known := known_folder(reader, who.run_id)) is not None and known.looking)
        return RedirectResponse(f"/runs/{quote(ref, safe='')}/outputs", status_code=303)

    return r
