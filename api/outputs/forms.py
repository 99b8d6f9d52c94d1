"""The forms by which pages have outputs looked at again, or deleted, of one run or of many; they work without script."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from api.auth.permissions import Authorized, allow, allow_on_run
from api.core.commands import until_visible
from api.core.db import Reader
from api.core.problems import Problem, bad_request
from api.core.request_body import Form, FormLists
from api.html.page import Page
from api.html.render import render
from api.outputs import commands
from api.outputs.queries import deletions, jobs, known_folder
from schemas.access import Act, Caller
from stores.log.port import EventLog
from stores.objects.open import ObjectStores

#: Jobs that a page shows after its form are looked for among those of this time (ms).
_RECENT_MS = 86_400_000


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

    @r.post("/dashboard/delete")
    async def delete_many(caller: Annotated[Caller, allow(Act.READ)], form: FormLists) -> Response:
        """Fields `run`: ids of runs; `confirm`: the word `delete`; `back`: the query of the dashboard."""
        if form.get("confirm", [""])[0].strip() != "delete":
            raise bad_request("confirm: type the word delete")
        run_ids = list(dict.fromkeys(form.get("run", ())))
        if not run_ids:
            raise bad_request("run: select the runs whose outputs are to be deleted")
        outcomes = await commands.request_deletions(log, reader, stores, caller, run_ids, clock())
        refused = [(run_id, o.detail) for run_id, o in outcomes.items() if isinstance(o, Problem)]
        begun = {o.job_id for o in outcomes.values() if not isinstance(o, Problem)}
        since_ms = clock() - _RECENT_MS
        await until_visible(lambda: begun <= {j.id for j in jobs(reader, since_ms=since_ms)})
        back = "/dashboard?" + form.get("back", [""])[0]
        if refused:
            return render("outputs/refused.html", 409, begun=len(begun), refused=refused, back=back)
        return RedirectResponse(back, status_code=303)

    return r
