"""The dashboard of costs, and the costs of a run as CSV."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from api.core.db import Reader
from api.core.params import RunFilter, run_filter
from api.costs.queries import costs
from api.costs.spend import By, spend
from api.costs.tables import costs_csv
from api.html.page import Page, query_without
from api.html.render import render
from api.runs.queries import resolve
from schemas.statuses import RunStatus

#: Of how many days the page tells unless it is asked for others.
_DAYS = 30
#: Fields of the form that are empty unless the address names them.
_FIELDS = ("status", "pipeline", "label", "user", "search")
#: What the form offers: `started_after` → words.
TIMES: Mapping[str, str] = {"-7d": "last 7 days", "-30d": "last 30 days", "-90d": "last 90 days", "": "all"}


def router(reader: Reader) -> APIRouter:
    """The routes."""
    r = APIRouter(route_class=Page, include_in_schema=False, default_response_class=HTMLResponse)

    @r.get("/runs/{ref}/costs.csv")
    def csv_of_costs(ref: str) -> Response:
        """A line a process, and the whole run last."""
        run_id = resolve(reader, ref)
        headers = {"Content-Disposition": f'attachment; filename="{_file_name(run_id)}-costs.csv"'}
        return Response(
            costs_csv(costs(reader, run_id)), media_type="text/csv; charset=utf-8", headers=headers
        )

    @r.get("/costs")
    def costs_page(
        request: Request, filter: Annotated[RunFilter, Depends(run_filter)], by: By = By.PIPELINE
    ) -> Response:
        """Spend, of the last 30 days unless the address says otherwise."""
        if "started_after" not in request.query_params:
            filter = replace(filter, after_ms=reader.clock() - _DAYS * 86_400_000)
        found = spend(reader, filter, by)
        greatest = max((Decimal(g.amount or 0) for g in found.groups), default=Decimal(0)) or Decimal(1)
        return render(
            "costs/spend.html",
            spend=found,
            bars=[round(float(100 * Decimal(g.amount or 0) / greatest), 2) for g in found.groups],
            by=by,
            ways=list(By),
            times=TIMES,
            statuses=list(RunStatus),
            params=dict.fromkeys(_FIELDS, "") | {"started_after": f"-{_DAYS}d"} | dict(request.query_params),
            query=query_without(request, "by"),
            others=query_without(request, "by", by),
        )

    return r


def _file_name(run_id: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in run_id)[:100]
