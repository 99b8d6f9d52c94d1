"""Replay: the same projector over the whole log, into shadow tables in a database of their own, which may then take the place
of the live ones. Publishes nothing."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import structlog

from projections.consume import setup
from projections.project import retention
from projections.replay.compare import CONTENT
from schemas.settings import Settings
from schemas.topics import EVENTS
from stores.log.port import Bounds, LogReader, Record
from stores.tables.client import Tables
from stores.tables.migrate import is_replicated, migrate

log = structlog.get_logger()

#: Tables that a replay exchanges: all that the projector writes.
PROJECTED = (*CONTENT, "watermarks", "host_marks")

#: Each has a reader of its own, and a chunk in memory.
_PARTITIONS_AT_ONCE = 8


class ReplayRefused(ValueError):
    """The log or the tables are not in a state in which a replay would be whole; the message says why."""


async def into_shadow(
    event_log: LogReader,
    live: Tables,
    settings: Settings,
    progress: Callable[[int], None],
    acknowledged: Mapping[int, int] | None = None,
) -> Tables:
    """Project the log from its first offset up to where the live tables stand; the shadow tables.

    `acknowledged`: by partition, where the next projector begins to read. Where tables were lost that is further than they
    stand, and what lies between would never come into them.

    `progress` is told how many messages came. Raises ReplayRefused if the log no longer reaches back to offset 0.
    """
    bounds = await event_log.bounds(EVENTS)
    ends = _ends(bounds, live, acknowledged or {})
    shadow = live.beside(f"{live.database}_shadow")
    await asyncio.to_thread(_make, shadow, live)
    whole = settings.model_copy(update={"keep_runs_days": 0})
    projector = setup.projector(shadow, whole, _publish_nothing, threading.Event())
    await asyncio.to_thread(projector.assign, sorted(bounds))
    async for records in _side_by_side(event_log, ends):
        await asyncio.to_thread(projector.project, records)
        progress(len(records))
    await asyncio.to_thread(projector.refresh_all)
    if settings.keep_runs_days:
        await asyncio.to_thread(_keep_alike, live, shadow, settings)
    return shadow


async def _side_by_side(event_log: LogReader, ends: Mapping[int, int]) -> AsyncIterator[list[Record]]:
    """All records below the ends, each partition's in order, a chunk of several partitions at a time: rounds of partitions that
    are projected together are swept together, in a statement that takes hardly longer for all than for one."""
    partitions = list(ends)
    for start in range(0, len(partitions), _PARTITIONS_AT_ONCE):
        chunks = {
            p: event_log.read(EVENTS, p, 0, ends[p]) for p in partitions[start : start + _PARTITIONS_AT_ONCE]
        }
        while chunks:
            found = {p: await anext(chunk, None) for p, chunk in chunks.items()}
            chunks = {p: chunk for p, chunk in chunks.items() if found[p] is not None}
            if records := [r for chunk in found.values() for r in chunk or ()]:
                yield records


def exchange(live: Tables, shadow: Tables) -> None:
    """Put the shadow tables in the place of the live ones, table by table. No projector may run. Raises ReplayRefused for tables
    of a cluster: the exchange is of one replica."""
    if is_replicated(live):
        raise ReplayRefused("these tables are a cluster's: an exchange would change one replica alone")
    for table in PROJECTED:
        live.command(f"EXCHANGE TABLES {live.database}.{table} AND {shadow.database}.{table}")


def _ends(bounds: Mapping[int, Bounds], live: Tables, acknowledged: Mapping[int, int]) -> dict[int, int]:
    cut = [p for p, b in bounds.items() if b.first > 0]
    if cut:
        raise ReplayRefused(
            f"the log no longer reaches back to its first message in partitions {cut}: tables made from it would lack runs; "
            "with an archive, replay --from archive"
        )
    marks = {
        r["partition"]: r["offset"] + 1 for r in live.rows("SELECT partition, offset FROM watermarks FINAL")
    }
    beyond = [p for p, end in marks.items() if p not in bounds or end > bounds[p].end]
    if beyond:
        raise ReplayRefused(
            f"the tables hold messages of partitions {beyond} that the log does not have: is it the right log?"
        )
    return {p: max(marks.get(p, 0), min(acknowledged.get(p, 0), b.end)) for p, b in sorted(bounds.items())}


def _make(shadow: Tables, live: Tables) -> None:
    shadow.drop_database()
    migrate(shadow)
    for table in ("prices", "machine_rules"):
        shadow.command(f"INSERT INTO {table} SELECT * FROM {live.database}.{table}")


def _keep_alike(live: Tables, shadow: Tables, settings: Settings) -> None:
    """What the projector has let go does not come back, and both let go what is due by now."""
    now = shadow.value("SELECT max(toUnixTimestamp64Milli(appended_at)) FROM watermarks")
    before = int(now) - round(settings.keep_runs_days * retention.DAY_MS)
    for tables in (live, shadow):
        retention.expire_all(tables, before)


def _publish_nothing(_topic: str, _messages: Sequence[tuple[str, bytes]]) -> None:
    """A replay tells nobody."""
