"""What routes of pages share: errors are pages, and a list's address holds its filter, order and place."""

from collections.abc import Callable, Coroutine, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import Scope

from api.core import problems
from api.html.render import render


def answer_problem(
    scope: Scope, details: problems.ProblemDetails, headers: Mapping[str, str] | None = None
) -> Response:
    """The response of a problem: a page, or JSON where that is asked for."""
    if problems.wants_page(scope):
        return render("html/error.html", details.status, headers, problem=details)
    return problems.answer(details, headers)


class Page(APIRoute):
    """Errors of pages are pages too, unless JSON is asked for."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_as_page(request: Request) -> Response:
            try:
                return await handle(request)
            except problems.KINDS as e:
                details, headers = problems.explain(e)
                if problems.wants_json(request.scope):
                    return problems.answer(details, headers)
                page = self.respond(request, details)
                return page or render("html/error.html", details.status, headers, problem=details)

        return handle_as_page

    def respond(self, request: Request, details: problems.ProblemDetails) -> Response | None:
        """A page of this route's own for a problem, if it has one."""
        return None


def with_form(template: str, statuses: type[StrEnum]) -> type[Page]:
    """The class of a route of a list, which shows its form again where its address is wrong, with the wrong fields marked."""

    class ListPage(Page):
        def respond(self, request: Request, details: problems.ProblemDetails) -> Response | None:
            if details.status != 400:
                return None
            wrong = {e["where"].removeprefix("query."): e["what"] for e in details.errors}
            return render(
                "html/wrong_address.html",
                details.status,
                problem=details,
                form=template,
                wrong=wrong,
                statuses=list(statuses),
                params={k: v[:200] for k, v in form_values(request).items()},
                sort="",
                filtered=True,
                path=request.url.path,
            )

    return ListPage


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
