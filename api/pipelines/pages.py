"""The list of pipelines, and a page each."""

from collections.abc import Sequence
from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from api.core.db import Reader
from api.core.params import RunFilter
from api.html.page import Page, query_without
from api.html.render import render
from api.pipelines import queries
from api.pipelines.params import Filter, Name

#: Of how many days the pages tell unless they are asked for others.
_DAYS = 90
#: What the form offers: `started_after` → words.
TIMES = {"-7d": "last 7 days", "-30d": "last 30 days", "-90d": "last 90 days", "": "all"}


def router(reader: Reader) -> APIRouter:
    """The routes."""
    r = APIRouter(route_class=Page, include_in_schema=False, default_response_class=HTMLResponse)

    def since(request: Request, filter: RunFilter) -> RunFilter:
        if "started_after" in request.query_params:
            return filter
        return replace(filter, after_ms=reader.clock() - _DAYS * 86_400_000)

    @r.get("/pipelines")
    def pipelines_page(request: Request, filter: Filter) -> Response:
        """Of the last 90 days unless the address says otherwise."""
        return render(
            "pipelines/pipelines.html",
            found=queries.pipelines(reader, since(request, filter)),
            params={"search": "", "user": "", "started_after": f"-{_DAYS}d"} | dict(request.query_params),
            times=TIMES,
            now_ms=reader.clock(),
            query=query_without(request),
        )

    @r.get("/pipelines/{name:path}")
    def pipeline_page(request: Request, name: Name, filter: Filter) -> Response:
        """One pipeline, by its runs of the last 90 days unless the address says otherwise."""
        found = queries.one_pipeline(reader, name, since(request, filter))
        return render(
            "pipelines/pipeline.html",
            pipeline=found,
            durations=bar_widths([r.duration_ms or 0 for r in found.newest]),
            costs=bar_widths([float(r.cost.amount) if r.cost else 0 for r in found.newest]),
            now_ms=reader.clock(),
            params={"started_after": f"-{_DAYS}d"} | dict(request.query_params),
            times=TIMES,
        )

    return r


def bar_widths(figures: Sequence[float]) -> list[float]:
    """Pure. Each in per cent of the greatest."""
    greatest = max(figures, default=0) or 1
    return [round(100 * x / greatest, 2) for x in figures]
