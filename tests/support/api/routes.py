"""The routes of an app. No test stands here."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fastapi.routing import APIRoute, APIRouter
from starlette.routing import BaseRoute, Mount, Route


class Asked(NamedTuple):
    method: str
    path: str  # with its parameters' names


def flat(found: Iterable[BaseRoute]) -> Iterator[APIRoute | Route]:
    """Every route, those of included routers too."""
    for route in found:
        if isinstance(route, Mount):
            assert route.path == "/static", f"{route.path} is mounted: say here who may read it"
        elif isinstance(route, APIRoute | Route):
            yield route
        else:
            router = getattr(route, "original_router", None)
            assert isinstance(router, APIRouter), f"{type(route)}: say here who may use it"
            yield from flat(router.routes)


def routes(found: Iterable[BaseRoute]) -> Iterator[Asked]:
    """Every method of every route."""
    for route in flat(found):
        for method in sorted((route.methods or {"GET"}) - {"HEAD", "OPTIONS"}):
            yield Asked(method, route.path_format)
