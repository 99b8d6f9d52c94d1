"""What routes of pages share: errors are pages, and a list's address holds its filter, order and place."""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from api.core import problems
from api.html.render import render


class Page(APIRoute):
    """Errors of pages are pages too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_as_page(request: Request) -> Response:
            try:
                return await handle(request)
            except problems.KINDS as e:
                details, headers = problems.explain(e)
                return render("html/error.html", details.status, headers, problem=details)

        return handle_as_page


_FILTERS = (
    "status",
    "search",
    "label",
    "user",
    "pipeline",
    "hidden",
    "process",
    "sort",
    "group",
    "started_after",
    "started_before",
)


def form_values(request: Request) -> dict[str, str]:
    """The query as it stands in the address, to fill the form with."""
    return {k: request.query_params.get(k, "") for k in _FILTERS}


def query_without(request: Request, *names: str) -> str:
    """The query but for these parameters; ends with & where anything is left."""
    kept = [(k, v) for k, v in request.query_params.multi_items() if k not in names]
    return urlencode(kept) + "&" if kept else ""


def next_page(request: Request, token: str | None) -> str | None:
    """The query of the next page: this one's, with its token."""
    if token is None:
        return None
    return "?" + query_without(request, "page_token") + urlencode({"page_token": token})
