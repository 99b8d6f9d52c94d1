"""/livez, /readyz and /metrics. Some metrics are asked of the tables and the log when they are scraped: how runs stand, and how
far the tracker is."""

import anyio
import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from api.core.db import Reader
from schemas.metrics import LIVE_RUNS, LOG_LAG, ROUND_AGE, TICK_AGE
from schemas.statuses import TERMINAL, RunStatus
from schemas.topics import EVENTS
from stores.log.port import EventLog, LogUnavailable
from stores.probe_server import MetricsText, Seldom
from stores.tables.client import TablesUnavailable

log = structlog.get_logger()


#: The figures that are asked of the tables are no newer than this: whoever scrapes may be anybody.
METRICS_MS = 5_000
_PINGS = 2


class TableProbes:
    """Of a process that reads the tables. A probe has threads of its own, so it does not wait for those that read."""

    def __init__(self, reader: Reader, event_log: EventLog) -> None:
        self.clock = reader.clock
        self._tables = reader.tables
        self._gauges = Seldom(lambda: _set_gauges(reader, event_log), reader.clock, METRICS_MS)
        self._pinging = anyio.CapacityLimiter(_PINGS)

    async def readiness(self) -> Response:
        """Ready while the tables answer. Raises TablesUnavailable."""
        if not await anyio.to_thread.run_sync(self._tables.ping, limiter=self._pinging):
            raise TablesUnavailable("no answer to a ping")
        return PlainTextResponse("ok\n")

    async def measure(self) -> None:
        """How runs stand, and how far the tracker is."""
        await self._gauges.do()


def router(probes: TableProbes) -> APIRouter:
    """The three routes."""
    r = APIRouter(include_in_schema=False)
    text = MetricsText(probes.clock)

    @r.get("/livez")
    async def livez() -> Response:
        return PlainTextResponse("ok\n")

    @r.get("/readyz")
    async def readyz() -> Response:
        return await probes.readiness()

    @r.get("/metrics")
    async def metrics() -> Response:
        await probes.measure()
        return await text.answer()

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
