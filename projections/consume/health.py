"""Probes and metrics of a projector, served from a thread of its own: they answer while the event loop is busy."""

import threading

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from stores.http_server import protocol

_MOST_CONNECTIONS = 64


class HealthServer:
    """/livez, /readyz and /metrics on one port.

    `ready` becomes true when the projector reads the log; `problem` says why nothing gets on although it does, else it is empty.
    """

    def __init__(self, host: str, port: int) -> None:
        self.ready, self.problem = False, ""
        config = uvicorn.Config(
            Starlette(routes=self.routes()),
            host=host,
            port=port,
            log_level="warning",
            ws="none",
            http=protocol(_MOST_CONNECTIONS),
        )
        self._server = uvicorn.Server(config)

    def start(self) -> None:
        """Serve until the process ends."""
        threading.Thread(target=self._server.run, name="health", daemon=True).start()

    def routes(self) -> list[BaseRoute]:
        """The routes; liveness asks nobody, since a restart would mend nothing."""

        async def livez(_: Request) -> Response:
            return JSONResponse({"status": "ok"})

        async def readyz(_: Request) -> Response:
            status = self.problem or ("ok" if self.ready else "starting")
            return JSONResponse({"status": status}, 200 if status == "ok" else 503)

        async def metrics(_: Request) -> Response:
            return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

        return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]
