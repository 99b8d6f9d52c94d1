"""Serves HTTP until the process is told to stop."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

from schemas.settings import Settings
from stores import http_server

_DRAIN_SECONDS = 10


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


async def serve(
    app: ASGIApp, settings: Settings, beside: "asyncio.Task[None] | None" = None, ready: str = ""
) -> None:
    """Serve until SIGINT or SIGTERM; raises what ended the task that runs beside it. Prints `ready` once it listens."""
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


async def cancel(task: "asyncio.Task[None]") -> None:
    """Cancel the task and wait for its end."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
