"""Who sees the page that is being rendered: set for each request by api/auth/gate.py, read by the templates."""

from contextvars import ContextVar
from dataclasses import dataclass

from schemas.access import Caller


@dataclass(frozen=True, slots=True)
class Seen:
    """The caller, if known, and the token that their forms carry."""

    caller: Caller | None = None
    csrf: str = ""


NOBODY = Seen()
SEEN: ContextVar[Seen] = ContextVar("seen", default=NOBODY)
