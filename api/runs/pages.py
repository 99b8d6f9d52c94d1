"""The list of runs and the page of one. They work without script; what is live is fetched again by it."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from api.core.db import Reader, ahead
from api.core.params import PAGE_SIZE, PageToken, RunFilter, run_filter, run_sort
from api.core.problems import not_found
from api.diagnosis.queries import line_of
from api.html.page import Page, form_values, next_page, query_without, with_form
from api.html.render import render
from api.runs import queries as runs
from api.runs.models import RunList, Tab
from api.runs.run_page import run_page
from api.runs.texts import TEXTS
from schemas.statuses import RunStatus
from schemas.values import iso


def router(reader: Reader, tabs: Sequence[Tab]) -> APIRouter:
    """The routes. `tabs`: of the page of a run, in their order."""
    r = APIRouter(route_class=Page, include_in_schema=False, default_response_class=HTMLResponse)

    def list_page(
        request: Request,
        filter: Annotated[RunFilter, Depends(run_filter)],
        sort: Annotated[str, Depends(run_sort)],
        page_token: PageToken = "",
    ) -> Response:
        filtered = any(v for k, v in request.query_params.items() if k not in ("page_token", "sort"))
        judgement = reader.judgement()
        # Who filters or pages looks for something else; the block would stand in the way.
        attention = (
            None if filtered or page_token else ahead(lambda: runs.needing_attention(reader, judgement))
        )
        ids, token = runs.page_of_ids(reader, judgement, filter, sort, page_token, PAGE_SIZE)
        urgent = attention.result() if attention else []
        all_ids = list(dict.fromkeys([*ids, *urgent]))
        by_id = {r.id: r for r in runs.runs_of(reader, all_ids, judgement, runs.UNSEEN)}
        page = RunList(
            runs=[by_id[i] for i in ids if i in by_id], next_page_token=token, as_of=iso(judgement.as_of_ms)
        )
        return render(
            "runs/runs.html",
            page=page,
            attention=[(by_id[i], line_of(by_id[i])) for i in urgent if i in by_id],
            params=form_values(request),
            filtered=filtered,
            sort=sort,
            query=query_without(request, "sort", "page_token"),
            paged=bool(page_token),
            next_page=next_page(request, page.next_page_token),
            statuses=list(RunStatus),
            base_url=reader.settings.base_url,
            now_ms=reader.clock(),
        )

    r.add_api_route("/", list_page, route_class_override=with_form("runs/filters.html", RunStatus))

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
