"""The delivery check: what the log holds against what the tables hold, counted independently."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from api.core.db import Reader, Row
from api.core.figures import time_of
from api.ops.count_cache import CountCache
from api.ops.log_view import LogView
from api.ops.models import DeliveryCheck, Spool, Watermark
from schemas.values import iso
from stores.log.port import Bounds

#: Of so many waiting messages requests are told from ticks; of more, all count.
TAIL_MAX = 20_000
_NOTHING: Row = {"clocks": 0, "projected": 0, "dead_lettered": 0}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A partition of the log: what it keeps, first <= offset < end, and what is projected, below `next`."""

    partition: int
    first: int
    next: int
    end: int
    appended_ms: int | None

    @property
    def waiting(self) -> int:
        return max(0, self.end - self.next)


async def delivery_check(
    reader: Reader, log: LogView, count_cache: CountCache | None = None
) -> DeliveryCheck:
    """As it stands; `count_cache` spares counting all again. Raises TablesUnavailable; a log that is away is told in the answer.

    How far the tables are is read before the log's ends, so nothing is projected that the log does not hold.
    """
    partitions = await run_in_threadpool(reader.rows, "core/partitions")
    reading = await log.read({p["partition"]: p["offset"] + 1 for p in partitions}, TAIL_MAX)
    since_ms = reading.unreachable_since_ms
    bounds = reading.bounds if since_ms is None else at_least(reading.bounds, partitions)
    stretches = stretches_of(partitions, bounds)
    ranges = {s.partition: (s.first, s.next) for s in stretches}
    counts = await run_in_threadpool((count_cache or CountCache()).rows, reader, ranges)
    spools = await run_in_threadpool(reader.rows, "ops/spools")
    check = balance(stretches, counts, reading.ticks, spools)
    return check.model_copy(update={"log_unreachable_since": time_of(since_ms)})


def at_least(known: Mapping[int, Bounds], partitions: Sequence[Row]) -> dict[int, Bounds]:
    """Pure. What the log holds at the least, as it was known last and as far as the tables are meanwhile."""
    bounds = dict(known)
    for p in partitions:
        first, end = (b.first, b.end) if (b := known.get(p["partition"])) else (0, 0)
        bounds[p["partition"]] = Bounds(first, max(end, p["offset"] + 1))
    return bounds


def stretches_of(partitions: Sequence[Row], bounds: Mapping[int, Bounds]) -> list[Stretch]:
    """Pure. `partitions`: rows of `partitions.sql`. What is not projected yet starts at its first offset."""
    projected = {p["partition"]: p for p in partitions}
    stretches = []
    for partition, b in sorted(bounds.items()):
        mark = projected.get(partition)
        next_offset = b.first if mark is None else max(b.first, mark["offset"] + 1)
        stretches.append(
            Stretch(partition, b.first, next_offset, b.end, mark["appended_ms"] if mark else None)
        )
    return stretches


def balance(
    stretches: Sequence[Stretch],
    counts: Sequence[Row],
    ticks_waiting: Mapping[int, int] | None,
    spools: Sequence[Row] = (),
) -> DeliveryCheck:
    """Pure. `counts`: rows of `delivery_check.sql`;
     `spools`: of `spools.sql`; `ticks_waiting`: clock messages that wait, by partition,
    None if not counted.

    The log's own count of messages, less the clock's, must be what the tables say became of the requests: a
    message that the projector skipped is missing on the right side alone, and tables of another, longer
    log have too many there.
    """
    by_partition = {c["partition"]: c for c in counts}
    marks = [
        # Who shares a reading with somebody who asked earlier may find some of these ticks projected.
        _mark(
            s,
            by_partition.get(s.partition, _NOTHING),
            min(s.waiting, (ticks_waiting or {}).get(s.partition, 0)),
        )
        for s in stretches
    ]
    on_log, spooled = sum(m.on_log for m in marks), sum(s["requests"] for s in spools)
    return DeliveryCheck(
        accepted=on_log + spooled,
        on_log=on_log,
        spooled=spooled,
        projected=sum(m.projected for m in marks),
        dead_lettered=sum(m.dead_lettered for m in marks),
        lag=sum(m.lag for m in marks),
        lag_exact=ticks_waiting is not None,
        repeats=sum(c["repeats"] for c in counts),
        balanced=all(m.balanced for m in marks),
        watermark=marks,
        spools=[Spool(spool=s["spool"], requests=s["requests"], told_at=iso(s["told_ms"])) for s in spools],
    )


def _mark(s: Stretch, counts: Row, ticks_waiting: int) -> Watermark:
    return Watermark(
        partition=s.partition,
        next_offset=s.next,
        log_end=s.end,
        appended_at=time_of(s.appended_ms),
        on_log=s.end - s.first - counts["clocks"] - ticks_waiting,
        projected=counts["projected"],
        dead_lettered=counts["dead_lettered"],
        lag=s.waiting - ticks_waiting,
    )
