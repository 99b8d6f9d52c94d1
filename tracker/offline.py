"""For commands that work on the log and the tables themselves, while no tracker runs."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence

from schemas.settings import Settings
from stores.log.open import open_log
from stores.log.port import EventLog, LogUnavailable
from stores.tables.client import Tables, open_tables
from tracker.printing import printable


def with_log_and_tables(settings: Settings, work: Callable[[EventLog, Tables], Awaitable[int]]) -> int:
    """What `work` gives. The local log admits one process, so beside `tracker up` this raises LogUnavailable, saying so."""
    return asyncio.run(_open(settings, work))


async def _open(settings: Settings, work: Callable[[EventLog, Tables], Awaitable[int]]) -> int:
    event_log, tables = open_log(settings), open_tables(settings)
    try:
        await event_log.start()
    except LogUnavailable as e:
        hint = "; if `tracker up` runs on it, stop that first" if settings.log == "local" else ""
        raise LogUnavailable(f"{e}{hint}") from e
    try:
        return await work(event_log, tables)
    finally:
        await event_log.stop()
        tables.close()


def report(differences: Sequence[object], none: str) -> None:
    """Print the differences, at most 100; `none` is printed where there are none."""
    for difference in differences[:100]:
        print(printable(str(difference)))
    if len(differences) > 100:
        print(f"… and {len(differences) - 100} more")
    if differences:
        print(f"{len(differences)} differences", file=sys.stderr)
    else:
        print(none)
