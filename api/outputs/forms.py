"""The forms by which a run's page has its outputs looked at again, or deleted; they work without script."""

from collections.abc import Callable
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
from api.outputs import commands
from api.outputs.queries import deletions, known_folder
from schemas.access import Act
from stores.log.port import EventLog
from stores.objects.open import ObjectStores


def router(reader: Reader, log: EventLog, stores: ObjectStores, clock: Callable[[], int]) -> APIRouter:
    """The forms. `clock` gives the wall clock in ms."""
    r = APIRouter(route_class=Page, include_in_schema=False)

    @r.post("/runs/{ref}/outputs/refresh")
    async def look_again(ref: str, who: Annotated[Authorized, allow_on_run(Act.CHANGE_RUN)]) -> Response:
        await commands.request_look(log, reader, who, "", clock())
        await until_visible(lambda: (known := known_folder(reader, who.run_id)) is not None and known.looking)
        return RedirectResponse(f"/runs/{quote(ref, safe='')}/outputs", status_code=303)

    @r.post("/runs/{ref}/outputs/delete")
    async def delete(
        ref: str, who: Annotated[Authorized, allow_on_run(Act.DELETE_OUTPUTS)], form: Form
    ) -> Response:
        """Field `confirm`: the word `delete`."""
        if form.get("confirm", "").strip() != "delete":
            raise bad_request("confirm: type the word delete")
        job = await commands.request_deletion(log, reader, stores, who, "", clock())
        await until_visible(lambda: any(j.id == job.job_id for j in deletions(reader, who.run_id)))
        return RedirectResponse(f"/runs/{quote(ref, safe='')}/outputs", status_code=303)

    return r
