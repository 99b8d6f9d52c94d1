"""The list of runs and the page of one. They work without script; what is live is fetched again by it."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from api.core.db import Reader
from api.core.params import PageToken, RunFilter, run_filter, run_sort
from api.core.problems import not_found
from api.html.page import Page, with_form
from api.runs import queries as runs
from api.runs.list_page import list_page
from api.runs.models import Tab
from api.runs.run_page import run_page
from api.runs.texts import TEXTS
from schemas.statuses import RunStatus


def router(reader: Reader, tabs: Sequence[Tab]) -> APIRouter:
    """The routes. `tabs`: of the page of a run, in their order."""
    r = APIRouter(route_class=Page, include_in_schema=False, default_response_class=HTMLResponse)

    def list_of_runs_page(
        request: Request,
        filter: Annotated[RunFilter, Depends(run_filter)],
        sort: Annotated[str, Depends(run_sort)],
        page_token: PageToken = "",
    ) -> Response:
        return list_page(reader, request, filter, sort, page_token)

    r.add_api_route("/", list_of_runs_page, route_class_override=with_form("runs/filters.html", RunStatus))

    @r.get("/suggestions.json")
    def suggestions() -> Response:
        """What the fields of filters and the palette offer."""
        return JSONResponse(runs.suggestions(reader))

    @r.get("/runs/{ref}/text/{text_name}")
    def show_text(ref: str, text_name: str) -> Response:
        """A long text of the run, whole."""
        run = runs.known_run(reader, runs.resolve(reader, ref), runs.UNSEEN, whole=True)
        text = TEXTS[text_name](run) if text_name in TEXTS else None
        if text is None:
            raise not_found("text", text_name)
        return PlainTextResponse(text)

    @r.get("/runs/{ref}")
    def show_run(request: Request, ref: str) -> Response:
        return run_page(reader, tabs, ref, request.query_params)

    return r
