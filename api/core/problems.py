"""Errors as RFC 9457 problem details: one shape for all, also for what the framework refuses by itself."""

import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from stores.log.port import LogUnavailable
from stores.tables.client import TablesUnavailable

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_RETRY = {"Retry-After": "5"}
PROBES = frozenset({"/livez", "/readyz", "/metrics"})


class ProblemDetails(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field("about:blank", description="Always about:blank: the status tells the kind")
    title: str = Field(description="The status in words")
    status: int
    detail: str = Field("", description="What is wrong with this request and what would be right")
    errors: list[dict[str, str]] = Field(
        [], description="Each wrong parameter: where it stands and what is wrong"
    )


class Problem(HTTPException):
    """Ends a request with this status. `detail` is shown to the caller."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)
        self.errors: list[dict[str, str]] = []


#: What requests may end with, and we know what to say of.
KINDS = (HTTPException, RequestValidationError, TablesUnavailable, LogUnavailable)


def bad_request(detail: str) -> Problem:
    """400: the caller must change something."""
    return Problem(HTTPStatus.BAD_REQUEST, detail)


def bad_parameter(name: str, what: str) -> Problem:
    """400: this parameter of the query is wrong."""
    problem = bad_request(f"{name}: {what}")
    problem.errors = [{"where": f"query.{name}", "what": what}]
    return problem


def invalid(e: ValidationError) -> Problem:
    """400: the first thing that pydantic finds wrong with fields of a form."""
    wrong = _wrong(e.errors(include_url=False, include_input=False)[0])
    return bad_request(f"{wrong['where']}: {wrong['what']}")


def not_found(what: str, name: str) -> Problem:
    """404; a long name is cut."""
    return Problem(HTTPStatus.NOT_FOUND, f"there is no {what} {name[:200]!r}")


def answer(details: ProblemDetails, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response of a problem."""
    return JSONResponse(details.model_dump(), details.status, dict(headers or {}), MEDIA_TYPE)


def unforeseen() -> ProblemDetails:
    """What to tell of a bug."""
    return _details(500, "this is a bug in the tracker; its log tells more")


def wants_json(scope: Scope) -> bool:
    """Whether the caller asks for JSON, and not for a page as well."""
    accepted = Headers(scope=scope).get("accept", "")
    return "json" in accepted and "text/html" not in accepted


def wants_page(scope: Scope) -> bool:
    """Whether an error is answered with a page: outside the API and the probes, to whoever does not ask for JSON.

    Runners know nothing of pages, and what they send is no GET.
    """
    if scope["path"].startswith("/api/") or scope["path"] in PROBES or wants_json(scope):
        return False
    return scope["method"] in ("GET", "HEAD") or "text/html" in Headers(scope=scope).get("accept", "")


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI tells of the problems that a route may answer with; 503 is always among them."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {s: {"description": HTTPStatus(s).phrase, "content": content} for s in (*statuses, 503)}


def explain(e: Exception) -> tuple[ProblemDetails, Mapping[str, str]]:
    """What to tell of one of the KINDS, and headers of the answer."""
    match e:
        case HTTPException():
            detail = "" if e.detail == HTTPStatus(e.status_code).phrase else e.detail
            errors = e.errors if isinstance(e, Problem) else []
            return _details(e.status_code, detail, errors), e.headers or {}
        case RequestValidationError():
            errors = [_wrong(error) for error in e.errors()[:20]]
            detail = "; ".join(f"{w['where']}: {w['what']}" for w in errors)
            return _details(400, detail, errors), {}
        case TablesUnavailable():
            log.warning("tables unavailable: %s", e)
            return _details(503, "the tables do not answer"), _RETRY
        case LogUnavailable():
            log.warning("log unavailable: %s", e)
            return _details(503, "the log does not answer"), _RETRY
        case _:
            raise e


def _details(status: int, detail: str, errors: Sequence[dict[str, str]] = ()) -> ProblemDetails:
    return ProblemDetails(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=list(errors))


def _wrong(error: Mapping[str, Any]) -> dict[str, str]:
    """One error of a parameter or body, without the value, which may be long."""
    loc = [str(part)[:200] for part in error["loc"]]
    if error["type"] == "json_invalid":
        return {"where": "body", "what": f"this is no JSON: {error['ctx']['error']} at character {loc[-1]}"}
    if loc[:1] == ["body"] and len(loc) > 1:
        del loc[0]
    return {"where": ".".join(loc) or "body", "what": str(error["msg"]).removeprefix("Value error, ")[:500]}


#: Makes the response to the request of this scope.
AnswerProblem = Callable[[Scope, ProblemDetails, Mapping[str, str]], Response]


def install(app: FastAPI, respond: AnswerProblem) -> None:
    """Make the app answer with problems; what nobody foresaw is api/core/headers.py's."""

    async def handle(request: Request, e: Exception) -> Response:
        return respond(request.scope, *explain(e))

    for kind in KINDS:
        app.add_exception_handler(kind, handle)
