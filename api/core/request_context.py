"""Who the page that is being rendered is for: set for each request by the gate, read by the templates."""

from contextvars import ContextVar
from dataclasses import dataclass

from schemas.access import Caller

#: Field of a form, and header of a script's request, that holds the form's token.
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The caller, if known, and the token that their forms carry."""

    caller: Caller | None = None
    csrf: str = ""


REQUEST_CONTEXT: ContextVar[RequestContext] = ContextVar("request_context", default=RequestContext())  # noqa: B039
