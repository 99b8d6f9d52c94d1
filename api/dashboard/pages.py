"""The page of what a person's runs cost and keep, where their outputs are deleted together."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, Response

from api.core.db import Reader, ahead
from api.core.params import PageToken, Search, Text
from api.core.request_context import REQUEST_CONTEXT
from api.dashboard.models import DashboardFilter, Ended, LargerThan, Order, Since
from api.dashboard.queries import choices, names_of, page_of_runs, totals
from api.html.page import Page, next_page, query_without
from api.html.render import render
from api.outputs.queries import jobs
from schemas.access import Act, Caller, may

_PAGE_SIZE = 100
#: Jobs of this time (ms) are shown above the list.
_RECENT_MS = 86_400_000
#: How each choice is called on the page.
SINCE: Mapping[Since, str] = {
    Since.WEEK: "last 7 days",
    Since.MONTH: "last 30 days",
    Since.QUARTER: "last 90 days",
    Since.ALL: "all",
}
SIZES: Mapping[LargerThan, str] = {
    LargerThan.ANY: "any",
    LargerThan.GIB: "> 1 GiB",
    LargerThan.GIB_100: "> 100 GiB",
    LargerThan.TIB: "> 1 TiB",
}
ORDERS: Mapping[Order, str] = {
    Order.NEWEST: "newest",
    Order.OLDEST: "oldest",
    Order.LARGEST: "largest",
    Order.SMALLEST: "smallest",
    Order.NAME: "name A to Z",
    Order.NAME_DOWN: "name Z to A",
}


def router(reader: Reader) -> APIRouter:
    """The route."""
    r = APIRouter(route_class=Page, include_in_schema=False, default_response_class=HTMLResponse)

    @r.get("/dashboard")
    def dashboard_page(
        request: Request,
        since: Annotated[Since, Query(alias="time")] = Since.MONTH,
        status: Ended = Ended.ALL,
        label: Text = "",
        size: LargerThan = LargerThan.ANY,
        search: Search = "",
        sort: Order = Order.NEWEST,
        names: Annotated[str, Query(max_length=20_000, description="Only these runs")] = "",
        user: Text = "",
        page_token: PageToken = "",
    ) -> Response:
        """Runs that are over, by the filter of the address; of others only to those who may delete everybody's outputs."""
        caller = REQUEST_CONTEXT.get().caller
        everybodys = may(caller, Act.DELETE_OUTPUTS)
        filter = DashboardFilter(_person(caller, user), names_of(names), since, status, label, size, search)
        found_totals = ahead(lambda: totals(reader, filter))
        found_choices = None if filter.names else ahead(lambda: choices(reader, filter.person))
        own = caller.name if caller else ""
        recent = ahead(lambda: jobs(reader, by=own, since_ms=reader.clock() - _RECENT_MS))
        runs, token = page_of_runs(reader, filter, sort, page_token, _PAGE_SIZE)
        return render(
            "dashboard/dashboard.html",
            runs=runs,
            deletable={r.id for r in runs if may(caller, Act.DELETE_OUTPUTS, r.owner)},
            missing=[n for n in filter.names if not any(n in (r.id, r.name) for r in runs)],
            totals=found_totals.result(),
            choices=found_choices.result() if found_choices else None,
            jobs=recent.result(),
            filter=filter,
            sort=sort,
            everybodys=everybodys,
            user=filter.person,
            since_words=SINCE,
            size_words=SIZES,
            order_words=ORDERS,
            ended=list(Ended),
            filtered=any(k != "sort" for k in request.query_params),
            query=query_without(request, "page_token").rstrip("&"),
            next_page=next_page(request, token),
            now_ms=reader.clock(),
        )

    return r


def _person(caller: Caller | None, user: str) -> str:
    """Whose runs are shown: one's own, or for those who may delete everybody's those of `user`; `*` is everybody.

    While the tracker is open nobody has a name, and everybody's are shown.
    """
    own = caller.name if caller else ""
    if not may(caller, Act.DELETE_OUTPUTS):
        return own
    return "" if user == "*" else user or own
