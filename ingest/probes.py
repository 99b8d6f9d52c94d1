"""Probes and metrics of ingest. Liveness asks nobody, since a restart mends no log; readiness does."""

import asyncio

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from schemas import topics
from stores.log.port import EventLog
from stores.spool.spool import SpooledLog
from stores.tokens.token_list import TokenList

_log = structlog.get_logger(__name__)

#: How long the log may take to answer (s); a probe that waits longer tells nothing new.
LOG_SECONDS = 2.0


def routes(log: EventLog, tokens: TokenList) -> list[BaseRoute]:
    """/livez, /readyz and /metrics."""

    async def livez(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        if tokens.current is None:
            return JSONResponse({"status": "unavailable", "tokens": "not known yet"}, 503)
        try:
            partitions = await asyncio.wait_for(log.bounds(topics.EVENTS), LOG_SECONDS)
        except Exception as error:
            if isinstance(log, SpooledLog) and log.has_room:
                return JSONResponse({"status": "ok", "log": "away", "spooled": log.spooled})
            _log.warning("not ready: the log does not answer", error=repr(error))
            return JSONResponse({"status": "unavailable", "log": "does not answer"}, 503)
        if not partitions:
            return JSONResponse({"status": "unavailable", "log": "has no topic yet"}, 503)
        return JSONResponse({"status": "ok", "log": "ok"})

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]
