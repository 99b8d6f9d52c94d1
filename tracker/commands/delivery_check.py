"""`tracker books`: does everything that was accepted add up? Asked of a tracker that runs, or of its log and tables."""

import asyncio
import sys
from collections.abc import Callable
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from api.core.db import Reader
from api.ops.delivery_check import books
from api.ops.models import Books
from schemas.settings import Settings
from stores.log.open import open_log
from stores.log.port import LogUnavailable
from stores.tables.client import open_tables
from tracker import remote
from tracker.processes import serve

_COUNTS = ("accepted", "on_log", "spooled", "projected", "dead_lettered", "lag", "repeats")


def command(
    settings: Callable[[], Settings], run: Callable[[Callable[[], None]], None]
) -> Callable[..., None]:
    """The command. `settings` reads and checks them; `run` tells failures in a line."""

    def show_books(
        url: Annotated[
            str,
            typer.Argument(
                help="Address of a running tracker, which may want a token in TRACKER_TOKEN. "
                "Without it the log and the tables of the settings are read."
            ),
        ] = "",
        check: Annotated[bool, typer.Option(help="Exit 1, with a list, where they do not add up.")] = False,
    ) -> None:
        """Count what was accepted against what became of it."""
        found = settings()
        run(lambda: sys.exit(show(asked(found, url), check)))

    return show_books


def asked(settings: Settings, url: str) -> Books:
    """The books. The local log admits one process: while `tracker up` has it, that is asked instead.

    Raises ValueError if a running tracker does not give them, LogUnavailable and TablesUnavailable.
    """
    if url:
        return over_http(url)
    try:
        return asyncio.run(_read(settings))
    except LogUnavailable:
        if settings.log != "local":
            raise
        return over_http(settings.base_url)


def over_http(url: str) -> Books:
    """The books of a running tracker."""
    try:
        return Books.model_validate_json(remote.ask(url, "/api/v1/books"))
    except ValidationError as e:
        raise ValueError(f"{url} gives no books: is it a tracker of this version?") from e


async def _read(settings: Settings) -> Books:
    log, tables = open_log(settings), open_tables(settings)
    await log.start()
    try:
        return await books(Reader(tables, settings, serve.now_ms), log)
    finally:
        await log.stop()
        tables.close()


def show(told: Books, check: bool) -> int:
    """Print them; the exit code: 1 where `check` is asked for and something does not add up."""
    table = Table("", "requests")
    for name in _COUNTS:
        table.add_row(name.replace("_", " "), str(getattr(told, name)))
    Console().print(table)
    for spool in told.spools:
        print(f"spool {spool.spool}: {spool.requests} requests, said at {spool.told_at}")
    if not told.lag_exact:
        print("many messages wait: ticks count among them")
    wrong = faults(told)
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        print("the books balance")
    return 1 if check and wrong else 0


def faults(told: Books) -> list[str]:
    """Pure. What does not add up, in words."""
    wrong = []
    if told.accepted != told.on_log + told.spooled:
        wrong.append(f"accepted {told.accepted} is not on log {told.on_log} + spooled {told.spooled}")
    for w in told.watermark:
        right = w.projected + w.dead_lettered + w.lag
        if not w.balanced:
            wrong.append(
                f"partition {w.partition}: on log {w.on_log} is not projected {w.projected} + dead-lettered "
                f"{w.dead_lettered} + lag {w.lag} ({abs(w.on_log - right)} {'missing' if w.on_log > right else 'too many'} "
                f"in the tables, up to offset {w.next_offset}); `tracker verify` and `tracker replay` tell more"
            )
        if w.next_offset > w.log_end:
            wrong.append(
                f"partition {w.partition}: projected up to {w.next_offset}, but the log ends at {w.log_end}"
            )
    if told.on_log != told.projected + told.dead_lettered + told.lag and not wrong:
        wrong.append(
            f"on log {told.on_log} is not projected {told.projected} + dead-lettered {told.dead_lettered} + lag {told.lag}"
        )
    return wrong
