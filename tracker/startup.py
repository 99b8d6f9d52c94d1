"""What a process does before it serves: wait for what it needs, make the tables, refuse to listen unguarded."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError

from projections.costs import in_force
from projections.costs.price_book import PriceBook
from projections.project.refresh import list_all_runs
from schemas.settings import Settings
from stores.log.port import LogUnavailable
from stores.tables.client import Tables, TablesUnavailable, lacks_tables
from stores.tables.migrate import migrate
from stores.tokens.token_list import TokenList
from tracker.clock import now_ms
from tracker.errors import Exposed

log = structlog.get_logger()
T = TypeVar("T")

_RETRY_SECONDS = 1.0
_WARN_EVERY = 30


def process_name() -> str:
    """Name of this process among those that tick: unique, and new at each start."""
    return f"{socket.gethostname()}-{os.getpid()}-{now_ms():x}"


def prepare(tables: Tables, settings: Settings, cluster: str = "") -> list[str]:
    """Make the tables (on each replica of the cluster, if one is named), fill those that are new by what is there, and put the
    price book in force; the migrations applied."""
    applied = migrate(tables, cluster)
    list_all_runs(tables)
    if settings.price_book:
        in_force.put_in_force(tables, PriceBook.load(settings.price_book))
    else:
        in_force.put_default_in_force(tables)
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


def refuse_exposed(tokens: TokenList, settings: Settings) -> None:
    """Raises Exposed where no token has been made and more than this machine could reach us."""
    if settings.on_loopback:
        return
    if tokens.current is None:
        raise Exposed(
            "the list of tokens is not known yet: ClickHouse does not answer, or `tracker migrate` has not run"
        )
    if tokens.current.is_open and not settings.open:
        raise Exposed(
            f"TRACKER_HOST={settings.host} would let anybody who reaches it read and write, as no token has been made. "
            "Make one with `tracker token create NAME --role admin`, listen on 127.0.0.1, or set TRACKER_OPEN=true if a "
            "firewall guards the port."
        )
    if tokens.current.is_open:
        log.warning("open: anybody who reaches this address can read and write", host=settings.host)


async def until_safe(tokens: TokenList, settings: Settings) -> None:
    """Return once it is safe to listen; says why not, every half minute. `tokens` is being refreshed meanwhile."""
    tries = 0
    while True:
        try:
            return refuse_exposed(tokens, settings)
        except Exposed as why:
            if tries % _WARN_EVERY == 0:
                log.warning(f"not listening yet: {why}")
        tries += 1
        await asyncio.sleep(_RETRY_SECONDS)
