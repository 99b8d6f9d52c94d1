"""Runs the stages: all in one process (`tracker up`), or one a process (`ingest`, `project`, `api`)."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import structlog
import uvicorn
from clickhouse_connect.driver.exceptions import ClickHouseError
from starlette.types import ASGIApp

from projections.alerts import rules
from projections.alerts.notifier import Notifier
from projections.consume import loop as projection_loop
from projections.consume import setup
from projections.project import price_book as prices
from projections.project.price_book import PriceBook
from projections.project.projector import Projector
from schemas.metrics import INGEST_SPOOL_BYTES, INGEST_SPOOLED
from schemas.settings import Settings
from schemas.topics import EVENTS
from stores import http_server
from stores.log.open import open_log
from stores.log.port import EventLog, LogUnavailable
from stores.spool.spool import SpooledLog
from stores.tables.client import ANSWERING, PROJECTING, Tables, TablesUnavailable, lacks_tables, open_tables
from stores.tables.migrate import migrate
from tracker import guard
from tracker.commands import tokens as tokens_cli
from tracker.reread import read_again

log = structlog.get_logger()
T = TypeVar("T")

_RETRY_SECONDS = 1.0
_DRAIN_SECONDS = 10


def now_ms() -> int:
    """The wall clock, in ms since 1970. The stages take it as an argument."""
    return time.time_ns() // 1_000_000


def process_name() -> str:
    """Name of this process among those that tick: unique, and new at each start."""
    return f"{socket.gethostname()}-{os.getpid()}-{now_ms():x}"


def prepare(tables: Tables, settings: Settings) -> list[str]:
    """Make the tables and put the price book in force; the migrations applied."""
    applied = migrate(tables)
    prices.put_in_force(tables, PriceBook.load(settings.price_book) if settings.price_book else None)
    return applied


async def wait_for(what: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """The attempt's result, tried again with a clear message while what it needs is not there yet."""
    while True:
        try:
            return await attempt()
        except (LogUnavailable, TablesUnavailable, ClickHouseError) as e:
            if isinstance(e, ClickHouseError) and not lacks_tables(e):
                raise
            log.warning(f"waiting for {what}", error=str(e)[:300])
            await asyncio.sleep(_RETRY_SECONDS)


def banner(settings: Settings, is_open: bool) -> str:
    """What `tracker up` says when it is ready; `is_open`: no token has been made."""
    token = "any" if is_open else "trk_…"
    return (
        f"\nRun Tracker is ready at {settings.base_url}\n\n"
        f"Follow a Nextflow run with\n"
        f"    TOWER_ACCESS_TOKEN={token} nextflow run … -with-tower {settings.base_url}\n"
    )


async def up(settings: Settings) -> None:
    """All stages in this process, until SIGINT or SIGTERM."""
    from api.app import create_app
    from ingest.app import routes
    from ingest.ticker import Ticker
    from tracker.processes import archive as archiving

    alert_rules = rules.load(settings)
    settings.data.mkdir(parents=True, exist_ok=True)
    event_log, tables = open_log(settings), open_tables(settings, PROJECTING)
    asked = tables if tables.embedded else open_tables(settings, ANSWERING)
    # The local log admits one process: under one name, so that after a crash nobody waits for the ticks of the last one.
    process = "tracker-up" if settings.log == "local" else process_name()
    stop = threading.Event()
    if settings.log == "local":
        await event_log.start()  # another process that holds the file is an error, nothing to wait for
    else:
        await wait_for("the log", event_log.start)
    try:
        partitions = settings.log_partitions if settings.log != "local" else _made_with(event_log, settings)
        await wait_for("the topics", lambda: event_log.create_topics(partitions))
        await wait_for("ClickHouse", lambda: asyncio.to_thread(prepare, tables, settings))
        known = guard.tokens(asked, settings)
        await asyncio.to_thread(known.refresh)
        guard.refuse_exposed(known, settings)
        publish = projection_loop.publisher(event_log, asyncio.get_running_loop(), stop.wait)
        projector = setup.projector(tables, settings, publish, stop)
        app = create_app(
            asked,
            event_log,
            settings,
            now_ms,
            extra_routes=routes(event_log, settings, process, now_ms, known),
            gate=guard.gate(known, settings),
            read_again=read_again(settings),
        )
        projecting = asyncio.create_task(projection_loop.run(event_log, projector, settings))
        notifying = asyncio.create_task(Notifier(event_log, tables, settings, alert_rules, now_ms).run())
        async with (
            archiving.beside(event_log, settings),
            Ticker(event_log, process, settings.tick_seconds, now_ms),
        ):
            with known.refreshing():
                await _serve(app, settings, settings.port, projecting, banner(settings, guard.is_open(known)))
        await _cancel(projecting)
        await _cancel(notifying)
    finally:
        await event_log.stop()
        asked.close()
        tables.close()


def _made_with(event_log: EventLog, settings: Settings) -> int:
    """Partitions that a local log was made with, unless the settings ask for a number."""
    return settings.partitions or int(getattr(event_log, "partitions"))  # noqa: B009


async def ingest(settings: Settings) -> None:
    """The ingest stage alone, until SIGINT or SIGTERM."""
    from ingest.app import create_app

    # By port: processes that share a host have spools of their own, and a restart finds its own again.
    folder = settings.data / f"spool-{settings.port}"
    event_log = SpooledLog(
        open_log(settings), folder, settings.spool_bytes, name=f"{socket.gethostname()}/{folder.name}"
    )
    INGEST_SPOOLED.set_function(lambda: event_log.spooled)
    INGEST_SPOOL_BYTES.set_function(lambda: event_log.spooled_bytes)
    tables = open_tables(settings, ANSWERING)
    known = guard.tokens(tables, settings)
    await event_log.start()
    try:
        with known.refreshing():
            await guard.until_safe(known, settings)
            app = create_app(event_log, settings, process_name(), now_ms, known)
            await _serve(app, settings, settings.port, None, "")
    finally:
        await event_log.stop()
        tables.close()


async def api(settings: Settings) -> None:
    """The query API and the pages alone, until SIGINT or SIGTERM."""
    from api.app import create_app

    event_log, tables = open_log(settings), open_tables(settings, ANSWERING)
    known = guard.tokens(tables, settings)
    # Most of what it does needs the tables alone, and probes are to be answered while the log is away.
    opening = asyncio.create_task(wait_for("the log", event_log.start))
    try:
        with known.refreshing():
            await guard.until_safe(known, settings)
            again, gate = read_again(settings), guard.gate(known, settings)
            app = create_app(tables, event_log, settings, now_ms, read_again=again, gate=gate)
            await _serve(app, settings, settings.port, None, "")
    finally:
        await _cancel(opening)
        await event_log.stop()
        tables.close()


def project(settings: Settings) -> None:
    """One Faust worker, until SIGINT or SIGTERM. Does not return: Faust exits the process."""
    from faust import Worker

    from projections.consume.agents import create_app
    from projections.consume.health import HealthServer
    from projections.consume.work import Work

    alert_rules = rules.load(settings)
    settings.data.mkdir(parents=True, exist_ok=True)
    tables, stop = open_tables(settings, PROJECTING), threading.Event()
    event_log = open_log(settings)
    health = HealthServer(settings.host, settings.metrics_port)
    health.start()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    class Projecting(Worker):
        """A worker that stops also while ClickHouse or the log is away."""

        async def stop(self) -> None:
            stop.set()
            await super().stop()

    async def prepared() -> Projector:
        # Until the topic is there Faust would look for it only every few minutes.
        await wait_for("the log", event_log.start)
        await wait_for("the topics (made by `tracker migrate`)", lambda: event_log.bounds(EVENTS))
        publish = projection_loop.publisher(event_log, loop, stop.wait)
        return await wait_for(
            "ClickHouse and its tables (made by `tracker migrate`)",
            lambda: asyncio.to_thread(setup.projector, tables, settings, publish, stop),
        )

    with TemporaryDirectory(prefix="tracker-project-") as scratch:
        work = Work(loop.run_until_complete(prepared()))
        app = create_app(settings, work, event_log, health, Path(scratch))
        notifier = Notifier(event_log, tables, settings, alert_rules, now_ms, problem=lambda: work.problem)

        @app.task  # type: ignore[untyped-decorator]
        async def notify() -> None:
            # One worker has the first partition, and that one notifies of all. While nobody has anything, those with nothing
            # do: of the tracker itself, each under the same key.
            await notifier.run(lambda: 0 in work.partitions or bool(work.problem and not work.partitions))

        worker = Projecting(
            app, loop=loop, loglevel="WARN", override_logging=False, redirect_stdouts=False, quiet=True
        )
        worker.spinner = None  # it writes to the terminal, and to a log as well
        worker.execute_from_commandline()


class _Server(uvicorn.Server):
    """Uvicorn, but a signal only ends the serving: uvicorn itself would raise it again afterwards, and what comes then
    (the last batch, the farewell to the log) would be cut off. A second signal changes nothing."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        self.should_exit = True


async def _serve(
    app: ASGIApp, settings: Settings, port: int, beside: "asyncio.Task[None] | None", ready: str
) -> None:
    """Serve until a signal; raises what ended the task that runs beside it."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http=http_server.protocol(settings.max_connections),
        ws="none",
        timeout_keep_alive=75,  # above Nextflow's 60 s between heartbeats, so that its connection lives on
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    tasks = {serving} | ({beside} if beside else set())
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if ready and server.started:
        print(ready, flush=True)
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    if beside and beside.done():
        await beside


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def describe(error: Exception) -> str:
    """A failure to start, for people."""
    if isinstance(error, LogUnavailable | TablesUnavailable | guard.Exposed | tokens_cli.NotDone):
        return str(error)
    if isinstance(error, ClickHouseError):
        return f"ClickHouse refused: {str(error)[:500]}"
    return f"{type(error).__name__}: {error}"
