"""Names of runs in addresses: a run may be called `lab/nightly`, and its page is /runs/lab%2Fnightly.

Servers decode %2F before the router sees the path, which then cannot tell it from a / that divides. So a decoded / inside
of a name is carried to the routes as a mark, and the routes' own parameter turns it back.
"""

import re
from urllib.parse import unquote

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

#: A lone surrogate: no address holds it, as what is decoded is UTF-8.
_SLASH = "\udc2f"
_NAMED = re.compile(rb"(/(?:api/v1/)?runs/)([^/]*%2[fF][^/]*)(.*)", re.DOTALL)


def path_with_marks(raw_path: bytes) -> str | None:
    """Pure. The decoded path with each / of the run's name as a mark; None where the name has none."""
    match = _NAMED.fullmatch(raw_path)
    if match is None:
        return None
    before, name, after = (unquote(part.decode("latin-1")) for part in match.groups())
    return before + name.replace("/", _SLASH) + after


class WholeNames:
    """ASGI middleware: marks each / of a run's name. `read_names` is its other half."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (path := path_with_marks(scope.get("raw_path") or b"")):
            scope = {**scope, "path": path}
        await self.app(scope, receive, send)


class _Text(StringConvertor):
    def convert(self, value: str) -> str:
        return value.replace(_SLASH, "/")


def read_names() -> None:
    """Make the parameters of routes that are made from now on hold names as they are."""
    register_url_convertor("str", _Text())
