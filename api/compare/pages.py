"""The page of two runs beside each other."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse, Response

from api.compare.queries import compare_runs
from api.compare.regressions import regressions
from api.core.db import Reader
from api.html.page import Page
from api.html.render import render

#: Processes that the page lists; the JSON has up to 1,000.
_ROWS_MAX = 200
#: Regressions that it lists.
_REGRESSIONS_MAX = 20


def router(reader: Reader) -> APIRouter:
    """The route."""
    r = APIRouter(route_class=Page, include_in_schema=False, default_response_class=HTMLResponse)

    @r.get("/compare")
    def compare_page(
        a: Annotated[str, Query(max_length=1000)], b: Annotated[str, Query(max_length=1000)] = ""
    ) -> Response:
        """Without `b` beside the last good run of a's pipeline."""
        found = compare_runs(reader, a, b)
        left_out = found.more_processes + max(0, len(found.processes) - _ROWS_MAX)
        return render(
            "compare/compare.html",
            found=found,
            processes=found.processes[:_ROWS_MAX],
            left_out=left_out,
            usual=regressions(reader, found.a.id),
            regressions_shown=_REGRESSIONS_MAX,
        )

    return r
