"""Serves HTTP until the process is told to stop."""

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Protocol

import structlog
import uvicorn
from starlette.types import ASGIApp

from projections.consume.health import HealthServer
from schemas.settings import Settings
from stores import http_server
from stores.probe_server import Probes, ProbeServer
from tracker import loop_lag

log = structlog.get_logger()

_DRAIN_SECONDS = 10
#: For how long the end waits to be told what it would cost.
_WARNING_SECONDS = 5

#: Tells what to know before the process ends, '' for nothing.
Warn = Callable[[], Awaitable[str]]


class Server(uvicorn.Server):
    """Uvicorn, but a signal only ends the serving: uvicorn itself would raise it again afterwards, and what comes then
    (the last batch, the farewell to the log) would be cut off.

    Whoever presses Ctrl-C is warned first, if `warn` has something to say, and presses it again. Every other signal ends the
    serving at once, as orchestrators send one and expect an end.
    """

    def __init__(self, config: uvicorn.Config, warn: Warn | None = None, interactive: bool = False) -> None:
        super().__init__(config)
        self._warn, self._interactive = warn, interactive
        self.warning: asyncio.Task[None] | None = None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop, number)
        yield

    def stop(self, number: signal.Signals) -> None:
        """Handle the signal of this number."""
        first = self._warn is not None and self.warning is None
        waits = first and self._interactive and number == signal.SIGINT
        if first:
            self.warning = asyncio.create_task(self._tell(waits))
        if not waits:
            self.should_exit = True

    async def _tell(self, waits: bool) -> None:
        assert self._warn is not None
        text = ""
        try:
            text = await asyncio.wait_for(self._warn(), _WARNING_SECONDS)
        except Exception as e:  # whatever is wrong, the process is to end
            log.warning("it is not known which runs are live", error=repr(e)[:300])
        if text:
            print(text + ("\nPress Ctrl-C again to stop now." if waits else ""), file=sys.stderr, flush=True)
        else:
            self.should_exit = True


@asynccontextmanager
async def probes_apart(probes: Probes, settings: Settings) -> AsyncIterator[None]:
    """While the block runs, the probes also have the port that the settings name for them. Raises OSError if it is taken."""
    if settings.metrics_port is None:
        yield
        return
    server = ProbeServer(settings.host, settings.metrics_port, probes, asyncio.get_running_loop())
    server.start()
    try:
        yield
    finally:
        await asyncio.to_thread(server.stop)


async def serve(
    app: ASGIApp,
    settings: Settings,
    beside: "asyncio.Task[None] | None" = None,
    ready: str = "",
    warn: Warn | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; raises what ended the task that runs beside it. Prints `ready` once it listens.

    `warn`: what is printed when it is told to stop.
    """
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http=http_server.protocol(settings.max_connections),
        ws="none",
        timeout_keep_alive=75,  # above Nextflow's 60 s between heartbeats, so that its connection lives on
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    # What is there by now stays to the end. To walk it in each full collection would hold the loop for 0.2 s.
    gc.collect()
    gc.freeze()
    server = Server(config, warn, interactive=sys.stdin.isatty())
    serving = asyncio.create_task(server.serve())
    measuring = asyncio.create_task(loop_lag.measure())
    tasks = {serving} | ({beside} if beside else set())
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if ready and server.started:
        print(ready, flush=True)
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    measuring.cancel()
    if server.warning:
        await server.warning
    if beside and beside.done():
        await beside


class Work(Protocol):
    """What a process does by itself; `ready` once it has begun to."""

    ready: bool

    async def run(self) -> None: ...


async def run_alone(work: Work, health: HealthServer) -> None:
    """Work until SIGINT or SIGTERM, and let the probes say whether it is ready. Raises what ended the work."""
    working = asyncio.create_task(work.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, working.cancel)
    while not working.done():
        await asyncio.wait({working}, timeout=1)
        health.ready = work.ready
    with suppress(asyncio.CancelledError):
        await working


async def cancel(task: "asyncio.Task[None]") -> None:
    """Cancel the task and wait for its end."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
