"""/livez, /readyz and /metrics. Some metrics are asked of the tables and the log when they are scraped: how runs stand, and how
far the tracker is."""

from collections.abc import Awaitable, Callable

import anyio
import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from api.core.db import Reader
from schemas.metrics import LIVE_RUNS, LOG_LAG, ROUND_AGE, TICK_AGE
from schemas.statuses import TERMINAL, RunStatus
from schemas.topics import EVENTS
from stores.log.port import EventLog, LogUnavailable
from stores.tables.client import TablesUnavailable

log = structlog.get_logger()


#: The figures that are asked of the tables are no newer than this: whoever scrapes may be anybody.
METRICS_MS = 5_000
#: The text of all metrics is no newer than this: to make it takes some ms, in which nothing else is answered.
_TEXT_MS = 1_000
_PINGS = 2


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


def router(reader: Reader, event_log: EventLog) -> APIRouter:
    """The three routes. A probe has threads of its own, so it does not wait for those that read."""
    r = APIRouter(include_in_schema=False)
    text = b""

    async def make_text() -> None:
        nonlocal text
        text = generate_latest()

    gauges = Seldom(lambda: _set_gauges(reader, event_log), reader.clock, METRICS_MS)
    metrics_text = Seldom(make_text, reader.clock, _TEXT_MS)
    pinging = anyio.CapacityLimiter(_PINGS)

    @r.get("/livez")
    async def livez() -> Response:
        return PlainTextResponse("ok\n")

    @r.get("/readyz")
    async def readyz() -> Response:
        if not await anyio.to_thread.run_sync(reader.tables.ping, limiter=pinging):
            raise TablesUnavailable("no answer to a ping")
        return PlainTextResponse("ok\n")

    @r.get("/metrics")
    async def metrics() -> Response:
        await gauges.do()
        await metrics_text.do()
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return r


async def _set_gauges(reader: Reader, event_log: EventLog) -> None:
    """Set the gauges. What cannot be asked now is cleared: no figure is better than an old one."""
    try:
        await run_in_threadpool(_runs, reader)
        progress = await run_in_threadpool(_ages, reader)
        for partition, bounds in (await event_log.bounds(EVENTS)).items():
            LOG_LAG.labels(partition).set(max(0, bounds.end - max(bounds.first, progress.get(partition, 0))))
    except (TablesUnavailable, ClickHouseError, LogUnavailable) as e:
        log.warning("some metrics cannot be told", error=str(e)[:300])
        _clear()
    except Exception:  # the other metrics must not go with them
        log.exception("some metrics cannot be told: this is a bug")
        _clear()


def _clear() -> None:
    for gauge in (LIVE_RUNS, TICK_AGE, ROUND_AGE, LOG_LAG):
        gauge.clear()


def _runs(reader: Reader) -> None:
    found = {r["status"]: r["runs"] for r in reader.rows("core/live_runs", **reader.judgement().parameters())}
    for status in sorted(set(RunStatus) - {RunStatus(s) for s in TERMINAL}):
        LIVE_RUNS.labels(status).set(found.get(status, 0))


def _ages(reader: Reader) -> dict[int, int]:
    """Partition → the next offset that is to be projected."""
    rows, now = reader.rows("core/progress"), reader.clock()
    for r in rows:
        for gauge, at in ((TICK_AGE, r["tick_ms"]), (ROUND_AGE, r["round_ms"])):
            if at:
                gauge.labels(r["partition"]).set(max(0, now - at) / 1000)
    return {r["partition"]: r["next"] for r in rows}
