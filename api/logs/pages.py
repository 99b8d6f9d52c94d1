"""The page of a runner's log, for browsers without script."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from api.core.db import Reader
from api.html.page import Page
from api.html.render import render
from api.logs.queries import run_log
from api.runs.queries import one_run
from stores.objects.open import ObjectStores


def router(reader: Reader, stores: ObjectStores) -> APIRouter:
    """The route."""
    r = APIRouter(route_class=Page, include_in_schema=False, default_response_class=HTMLResponse)

    @r.get("/runs/{ref}/log")
    def log_page(ref: str) -> Response:
        run = one_run(reader, ref)
        return render("logs/log.html", run=run, log=run_log(run, stores))

    return r
