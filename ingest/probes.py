"""Probes and metrics of ingest. Liveness asks nobody, since a restart mends no log; readiness does."""

import asyncio
from collections.abc import Callable

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from schemas import topics
from stores.log.port import EventLog
from stores.probe_server import MetricsText
from stores.spool.spool import SpooledLog
from stores.tokens.token_list import TokenList

_log = structlog.get_logger(__name__)

#: How long the log may take to answer (s); a probe that waits longer tells nothing new.
LOG_SECONDS = 2.0


class LogProbes:
    """Of a process that writes to this log."""

    def __init__(self, log: EventLog, tokens: TokenList) -> None:
        self._log, self._tokens = log, tokens

    async def readiness(self) -> Response:
        """Ready while a request would be accepted."""
        if self._tokens.current is None:
            return JSONResponse({"status": "unavailable", "tokens": "not known yet"}, 503)
        try:
            partitions = await asyncio.wait_for(self._log.bounds(topics.EVENTS), LOG_SECONDS)
        except Exception as error:
            if isinstance(self._log, SpooledLog) and self._log.has_room:
                return JSONResponse({"status": "ok", "log": "away", "spooled": self._log.spooled})
            _log.warning("not ready: the log does not answer", error=repr(error))
            return JSONResponse({"status": "unavailable", "log": "does not answer"}, 503)
        if not partitions:
            return JSONResponse({"status": "unavailable", "log": "has no topic yet"}, 503)
        return JSONResponse({"status": "ok", "log": "ok"})

    async def measure(self) -> None:
        """Nothing: all metrics are set as things happen."""


def routes(probes: LogProbes, clock: Callable[[], int]) -> list[BaseRoute]:
    """/livez, /readyz and /metrics."""
    text = MetricsText(clock)

    async def livez(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        return await probes.readiness()

    async def metrics(_: Request) -> Response:
        return await text.answer()

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]
