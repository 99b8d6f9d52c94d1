"""Probes and metrics: what is measured for them is measured seldom, whoever asks, and they can have a port of their own."""

import asyncio
import os
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from stores.http_server import protocol

log = structlog.get_logger()
T = TypeVar("T")

#: The text of all metrics is no newer than this: to make it takes some ms, in which nothing else is answered.
TEXT_MS = 1_000
#: For how long (s) a port of its own waits for what the process says of itself; whoever probes does not wait much longer.
PATIENCE_SECONDS = 3.0
_MOST_CONNECTIONS = 64


class Seldom:
    """Does `work` when it is asked to, but one at a time and at most once in `every_ms` of `clock` (ms).

    Whoever asks meanwhile waits for nothing, and has what the last time gave.
    """

    def __init__(self, work: Callable[[], Awaitable[None]], clock: Callable[[], int], every_ms: int) -> None:
        self._work, self._clock, self._every_ms = work, clock, every_ms
        self._done_ms: int | None = None
        self._busy = False

    async def do(self) -> None:
        """Do it, if it is due. Raises what the work raises."""
        recent = self._done_ms is not None and abs(self._clock() - self._done_ms) < self._every_ms
        if self._busy or recent:
            return
        self._busy = True
        try:
            await self._work()
        finally:
            self._busy, self._done_ms = False, self._clock()


class MetricsText:
    """The text of all metrics as an answer, made at most once in a while: anybody may ask for it."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._text = b""
        self._making = Seldom(self._make, clock, TEXT_MS)

    async def answer(self) -> Response:
        """As it was at most a second ago."""
        await self._making.do()
        return Response(self._text, media_type=CONTENT_TYPE_LATEST)

    async def _make(self) -> None:
        self._text = generate_latest()


class Probes(Protocol):
    """What a process says of itself."""

    async def readiness(self) -> Response:
        """The answer to /readyz. Raises where it cannot be told, which means that it is not ready."""

    async def measure(self) -> None:
        """Set what is measured only when somebody looks."""


class ProbeServer:
    """/livez, /readyz and /metrics on a port and in a thread of their own, so that they answer while the process is busy, and no
    matter how many connections its other port has. Liveness asks nobody, since a restart would mend nothing.

    `loop`: where `probes` live; without it they are asked in the thread of this server.
    """

    def __init__(
        self, host: str, port: int, probes: Probes, loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self._host, self._port, self._probes, self._loop = host, port, probes, loop
        self._asking: asyncio.Future[Response] | None = None
        config = uvicorn.Config(
            Starlette(routes=self.routes()),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            http=protocol(_MOST_CONNECTIONS),
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None

    def start(self) -> int:
        """Serve, at most until the process ends; the port. Raises OSError if it is taken."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            listening = socket.create_server((self._host, self._port), family=family)
        except OSError as e:
            where = f"{self._host}:{self._port}"
            raise OSError(
                e.errno,
                f"no probes and metrics on {where}, which TRACKER_METRICS_PORT changes: {os.strerror(e.errno or 0)}",
            ) from e
        self._thread = threading.Thread(
            target=self._server.run, args=([listening],), name="probes", daemon=True
        )
        self._thread.start()
        return int(listening.getsockname()[1])

    def stop(self) -> None:
        """End it, and wait for that."""
        self._server.should_exit = True
        if self._thread:
            self._thread.join()

    def routes(self) -> list[BaseRoute]:
        """The three routes."""

        async def livez(_: Request) -> Response:
            return JSONResponse({"status": "ok"})

        async def readyz(_: Request) -> Response:
            if self._asking is None or self._asking.done():  # one question at a time, whoever probes
                self._asking = asyncio.ensure_future(self._ask(self._probes.readiness))
            await asyncio.wait({self._asking}, timeout=PATIENCE_SECONDS)
            if not self._asking.done():
                return _unready(f"it did not say within {PATIENCE_SECONDS:g} s: its event loop is busy")
            if error := self._asking.exception():
                log.warning("not ready", error=repr(error)[:300])
                return _unready(f"{type(error).__name__}: {error}"[:300])
            return self._asking.result()

        async def metrics(_: Request) -> Response:
            measuring = asyncio.ensure_future(self._ask(self._probes.measure))
            await asyncio.wait({measuring}, timeout=PATIENCE_SECONDS)
            if measuring.done() and (error := measuring.exception()):
                log.warning("some metrics cannot be told", error=repr(error)[:300])
            return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

        return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        async def asked() -> T:
            return await question()

        if self._loop is None:
            return await asked()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asked(), self._loop))


def _unready(why: str) -> Response:
    return JSONResponse({"status": why}, 503)
