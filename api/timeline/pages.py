"""A run's timeline: the windows that the script draws, and the same as a table."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from api.core.db import Reader, ahead
from api.html.page import Page, form_values, with_form
from api.html.render import render
from api.runs import queries as runs
from api.tasks.queries import concurrency
from api.timeline.layout import Layouts
from api.timeline.queries import Window, timeline, window
from schemas.statuses import TaskStatus

#: Rows of the timeline's and the curve's table twins.
_TABLE_BARS = 500
_TABLE_POINTS = 60


def router(reader: Reader) -> APIRouter:
    """The routes; they share what is laid out of each run."""
    layouts = Layouts()
    r = APIRouter(route_class=Page, include_in_schema=False, default_response_class=HTMLResponse)

    @r.get("/runs/{ref}/timeline.json")
    def timeline_data(ref: str, view: Annotated[Window, Depends(window)]) -> Response:
        answer = timeline(reader, layouts, runs.resolve(reader, ref), view)
        return Response(answer.model_dump_json(), media_type="application/json")

    def timeline_page(request: Request, ref: str, view: Annotated[Window, Depends(window)]) -> Response:
        run_id = runs.resolve(reader, ref)
        curve = ahead(lambda: concurrency(reader, run_id, _TABLE_POINTS))
        view = replace(view, bars=min(view.bars, _TABLE_BARS))
        page, run = timeline(reader, layouts, run_id, view), runs.known_run(reader, run_id, runs.UNSEEN)
        return render(
            "timeline/timeline.html",
            run=run,
            page=page,
            curve=curve.result(),
            params=form_values(request),
            statuses=list(TaskStatus),
        )

    route_class = with_form("timeline/filters.html", TaskStatus)
    r.add_api_route("/runs/{ref}/timeline", timeline_page, route_class_override=route_class)

    return r
