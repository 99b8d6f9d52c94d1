"""/mcp. The gate has let in who may read; the tools do nothing else."""

from functools import cache
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api.core.db import Reader
from stores.objects.open import ObjectStores


def router(reader: Reader, stores: ObjectStores) -> APIRouter:
    """The route. GET and DELETE are for servers that keep sessions, which this does not: 405."""
    r = APIRouter()
    r.routes.append(Route("/mcp", _Endpoint(reader, stores), methods=["POST"]))
    return r


class _Endpoint:
    """Makes the server when it is first asked: nobody else pays for the SDK, in memory and at the start."""

    def __init__(self, reader: Reader, stores: ObjectStores) -> None:
        self._server = cache(lambda: _make(reader, stores))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        server = await run_in_threadpool(self._server)
        from api.mcp.server import answer

        await answer(server, scope, receive, send)


def _make(reader: Reader, stores: ObjectStores) -> Any:
    from api.mcp.server import make_server

    return make_server(reader, stores)
