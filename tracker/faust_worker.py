"""Runs a Faust app as the whole process."""

import asyncio
from collections.abc import Callable

import faust
from faust import Worker


def execute(
    app: faust.App, loop: asyncio.AbstractEventLoop, on_stop: Callable[[], None] = lambda: None
) -> None:
    """Run the app until SIGINT or SIGTERM, which first call `on_stop`. Does not return: Faust exits the process."""

    class Stopping(Worker):
        async def stop(self) -> None:
            on_stop()
            await super().stop()

    worker = Stopping(
        app, loop=loop, loglevel="WARN", override_logging=False, redirect_stdouts=False, quiet=True
    )
    worker.spinner = None  # it writes to the terminal, and to a log as well
    worker.execute_from_commandline()
