"""The books: what the log holds against what the tables hold, counted independently; what was set aside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from api.models import Books, DeadLetter, DeadLetterList, SpoolTold, Watermark
from api.paging import LetterPlace, to_token
from api.reader import Reader, Row
from api.runs import time_of
from schemas.events import iso
from schemas.topics import EVENTS
from stores.log import Bounds, EventLog

#: So many waiting messages are looked at, one by one, to tell requests from ticks; of more, all count.
TAIL_MAX = 20_000
#: Bytes of the raw text of a dead letter that a list gives.
RAW_MAX = 4096
_CLOCK = "clock."
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


async def books(reader: Reader, log: EventLog) -> Books:
    """The books now. Raises LogUnavailable and TablesUnavailable.

    How far the tables are is read before the log's ends, so nothing is projected that the log does not hold.
    """
    partitions = await run_in_threadpool(reader.rows, "partitions")
    stretches = stretches_of(partitions, await log.bounds(EVENTS))
    counts = await run_in_threadpool(
        reader.rows,
        "books",
        partitions=[s.partition for s in stretches],
        firsts=[s.first for s in stretches],
        nexts=[s.next for s in stretches],
    )
    spools = await run_in_threadpool(reader.rows, "spools")
    waiting = sum(s.waiting for s in stretches)
    ticks_waiting = await _ticks(log, stretches) if waiting <= TAIL_MAX else None
    return balance(stretches, counts, ticks_waiting, spools)


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
) -> Books:
    """Pure. `counts`: rows of `books.sql`; `spools`: of `spools.sql`; `ticks_waiting`: clock messages that wait, by partition,
    None if not counted.

    The log's own count of messages, less the clock's, must be what the tables say became of the requests: a
    message that the projector skipped is missing on the right side alone, and tables of another, longer
    log have too many there.
    """
    counted = {c["partition"]: c for c in counts}
    marks = [
        _mark(s, counted.get(s.partition, _NOTHING), (ticks_waiting or {}).get(s.partition, 0))
        for s in stretches
    ]
    on_log, spooled = sum(m.on_log for m in marks), sum(s["requests"] for s in spools)
    return Books(
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
        spools=[
            SpoolTold(spool=s["spool"], requests=s["requests"], told_at=iso(s["told_ms"])) for s in spools
        ],
    )


def _mark(s: Stretch, counted: Row, ticks_waiting: int) -> Watermark:
    return Watermark(
        partition=s.partition,
        next_offset=s.next,
        log_end=s.end,
        appended_at=time_of(s.appended_ms),
        on_log=s.end - s.first - counted["clocks"] - ticks_waiting,
        projected=counted["projected"],
        dead_lettered=counted["dead_lettered"],
        lag=s.waiting - ticks_waiting,
    )


async def _ticks(log: EventLog, stretches: Sequence[Stretch]) -> dict[int, int]:
    """Clock messages among those that wait, by partition."""
    ticks: dict[int, int] = {}
    for s in (s for s in stretches if s.waiting):
        async for records in log.read(EVENTS, s.partition, s.next, s.end):
            found = sum(r.type.startswith(_CLOCK) for r in records)
            ticks[s.partition] = ticks.get(s.partition, 0) + found
    return ticks


def page_of_letters(reader: Reader, run_id: str, place: LetterPlace, page_size: int) -> DeadLetterList:
    """One page of what was set aside, newest first; of one run, or of all for ''."""
    rows = reader.rows(
        "dead_letters",
        run_id=run_id,
        token_ms=place.at_ms,
        token_partition=place.partition,
        token_offset=place.offset,
        token_part=place.part,
        limit=page_size + 1,
        most=RAW_MAX,
    )
    page = rows[:page_size]
    last = page[-1] if len(rows) > page_size else None
    token = (
        None
        if last is None
        else to_token(LetterPlace(last["at_ms"], last["partition"], last["offset"], last["part"]))
    )
    return DeadLetterList(dead_letters=[_letter(r) for r in page], next_page_token=token)


def _letter(row: Row) -> DeadLetter:
    return DeadLetter(
        partition=row["partition"],
        offset=row["offset"],
        at=iso(row["at_ms"]),
        run_id=row["run_id"] or None,
        type=row["type"] or None,
        part=row["part"] or None,
        reason=row["reason"],
        request=row["request"] or None,
        raw=row["raw_start"],
        raw_bytes=row["raw_bytes"],
    )
