"""The projector: a batch of messages → tables. Insert what was said, sweep at rounds, refresh the figures touched.

When `project` returns, all of the batch is written and may be acknowledged. Everything it does can be done again, in other
batches, by another worker, and gives the same tables; so it keeps no state but what it can read back from them.
One thread at a time.
"""

import json
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from projections.project.clock import Clock
from projections.project.event_rows import Said, read, say
from projections.project.refresh import Schedule, impatient, refresh, stale
from projections.project.retention import Keeper, expire
from projections.project.sweep import Found, Publish, Thresholds, move_on, sweep
from projections.project.writer import Writer
from projections.sql import sql
from schemas.events import ClockLeft, ClockTick, Event, RunCompleted, RunLabelled, iso
from schemas.thresholds import own
from schemas.topics import DEAD_LETTERS
from stores.log.port import Record

log = structlog.get_logger()

#: A task record is about this long; only to tell giant runs from others.
_RECORD_BYTES = 700


@dataclass(frozen=True, slots=True)
class Place:
    """Where the projector is in a partition: the next offset, and the clock before it. `found`: what the last round found, if
    no message but ticks came since."""

    next: int
    clock: Clock
    found: Found | None = None


@dataclass
class Wave:
    """What is read and not yet written: messages, and rounds. `idle` are those that find what is known: their partitions have no
    message in the wave but ticks. `rounds` are to be swept, each partition's at the end of its messages. `room`: bytes."""

    room: int
    said: list[Said] = field(default_factory=list)
    idle: list[tuple[int, Clock, Found]] = field(default_factory=list)
    rounds: dict[int, Clock] = field(default_factory=dict)


@dataclass
class Projector:
    """`price_version`: the price book in force (see projections/project/price_book.py). `wave_bytes`: most bytes of one wave."""

    writer: Writer
    thresholds: Thresholds
    publish: Publish
    price_version: int
    schedule: Schedule = field(default_factory=Schedule)
    wave_bytes: int = 32 * 2**20
    keeper: Keeper = field(default_factory=Keeper)
    _places: dict[int, Place] = field(default_factory=dict)

    def assign(self, partitions: Iterable[int]) -> None:
        """These partitions, and no others, are this worker's from now on; to be called at each assignment, also of the same.

        Catches up the figures that whoever had the partitions before left behind. Raises Stopped.
        """
        mine = sorted(partitions)
        # What a round found may be old: another worker may have had the partition meanwhile.
        self._places = {p: replace(place, found=None) for p, place in self._places.items() if p in mine}
        self.schedule.keep(set(mine))
        self.schedule.impatient = self.writer.steadily(
            "own thresholds", lambda: impatient(self.writer.tables, mine)
        )
        behind = self.writer.steadily(
            "stale figures", lambda: stale(self.writer.tables, mine, self.price_version)
        )
        for run in behind:
            self.schedule.touch(**run)
        if behind:
            log.info("figures to catch up", runs=len(behind), partitions=mine)
            self._refresh([run["run_id"] for run in behind])

    def project(self, records: Sequence[Record]) -> None:
        """Write the records, of any partitions, each partition's in the order of the log. Raises Stopped.

        They are written in waves, which bound what is held in memory. A round ends a wave: it is swept before anything later of
        its partition is inserted. Only while nothing but ticks comes, and no threshold is reached, rounds follow each other in
        one wave: what they find is what the last sweep found.
        """
        waiting: dict[int, deque[Record]] = {}
        for record in records:
            waiting.setdefault(record.partition, deque()).append(record)
        while any(waiting.values()):
            wave = Wave(self.wave_bytes)
            for partition, queue in waiting.items():
                self._read_to_round(partition, queue, wave)
            self._write(wave.said)
            if wave.idle:
                move_on(self.writer, wave.idle)
            if wave.rounds:
                self._sweep(wave.rounds)
            if ended := [clock for _, clock, _ in wave.idle] + list(wave.rounds.values()):
                self._expire(max(clock.appended_at or 0 for clock in ended))
        self.refresh_due()

    def _sweep(self, rounds: dict[int, Clock]) -> None:
        clocks = {p: clock.clock_ms for p, clock in rounds.items()}
        self._refresh(self.schedule.needed_at(clocks, self.thresholds.stalled_ms))
        for partition, found in sweep(self.writer, rounds, self.thresholds, self.publish).items():
            self._places[partition] = replace(self._places[partition], found=found)

    def _expire(self, now_ms: int) -> None:
        """Let go what this worker's partitions need not keep."""
        before = self.keeper.before(now_ms)
        if before is None:
            return
        # Before, not after: figures of a run that is gone would bring a row of it back.
        self.refresh_all()
        mine = sorted(self._places)
        done = self.writer.steadily("expire runs", lambda: expire(self.writer.tables, before, mine))
        self.keeper.looked(now_ms, done)

    def refresh_due(self) -> None:
        """Refresh the figures whose time has come; also to be called when no message comes."""
        self._refresh(self.schedule.due(time.monotonic()))

    def refresh_all(self) -> None:
        """Refresh every run whose figures are behind, without waiting."""
        self._refresh(list(self.schedule.dirty))

    def _read_to_round(self, partition: int, queue: deque[Record], wave: Wave) -> None:
        """Move messages from the queue to the wave, up to one that completes a round that is to be swept, or to the first one
        that needs idle rounds to be written before it; or until there is no room, but not before one message."""
        idle = False
        while queue and wave.room > 0:
            record = queue[0]
            event, tasks, unreadable = read(record)
            place = self._place_at(record)
            if not isinstance(event, ClockTick | ClockLeft):
                if idle:
                    return
                place = replace(place, found=None)
            queue.popleft()
            wave.room -= len(record.value)
            clock, completed = self._tick(place.clock, event, record)
            wave.said.append(say(record, clock.observed(record.appended_at), event, tasks, unreadable))
            self._places[partition] = Place(record.offset + 1, clock, place.found)
            if not completed:
                continue
            if place.found is None or clock.clock_ms > place.found.same_until_ms:
                wave.rounds[partition] = clock
                return
            wave.idle.append((partition, clock, place.found))
            idle = True

    def _place_at(self, record: Record) -> Place:
        """After a rebalance the same worker may be given messages again: the clock must be the one before them."""
        place = self._places.get(record.partition)
        if place and place.next == record.offset:
            return place
        return Place(record.offset, self._resume(record.partition, record.offset))

    def _tick(self, clock: Clock, event: Event | None, record: Record) -> tuple[Clock, bool]:
        """The clock after the message, and whether it completed a round."""
        match event:
            case ClockTick(data=tick):
                gone_ms = self.thresholds.gone_ms
                return clock.tick(tick.process, tick.interval_ms, record.offset, record.appended_at, gone_ms)
            case ClockLeft(data=left):
                return clock.left(left.process), False
        return clock, False

    def _resume(self, partition: int, offset: int) -> Clock:
        """The partition's clock as it was before the message at `offset`."""
        tables = self.writer.tables
        last = self.writer.steadily(
            "clock", lambda: tables.rows(sql("project/clock_before"), partition=partition, offset=offset)
        )
        clock = Clock(**last[0]) if last else Clock()
        ticks = self.writer.steadily(
            "ticks",
            lambda: tables.rows(
                sql("project/ticks_between"), partition=partition, after=clock.offset, before=offset
            ),
        )
        for t in ticks:
            if t["type"] == "clock.left":
                clock = clock.left(t["source"])
            else:
                clock, _ = clock.tick(
                    t["source"], t["interval_ms"], t["offset"], t["appended_at"], self.thresholds.gone_ms
                )
        return clock

    def _write(self, wave: Sequence[Said]) -> None:
        refused = self.writer.insert(wave)
        letters = [(str(s.record.offset), s.dead_letters) for s in wave if s.dead_letters]
        letters += [(str(s.record.offset), letter) for s, letter in refused]
        if letters:
            self.publish(DEAD_LETTERS, letters)
        marks: dict[int, dict[str, object]] = {}
        for said in wave:
            record = said.record
            mark = marks.setdefault(record.partition, {"partition": record.partition})
            mark |= {"offset": record.offset, "appended_at": iso(record.appended_at)}
            if isinstance(said.event, ClockTick):
                mark["tick"] = {"offset": record.offset, "appended": record.appended_at}
            elif said.runs:
                self._touch(said)
        rows = b"\n".join(json.dumps(m).encode() for m in marks.values())
        self.writer.steadily("insert into watermarks", lambda: self.writer.tables.insert("watermarks", rows))

    def _touch(self, said: Said) -> None:
        record = said.record
        if isinstance(said.event, RunLabelled):
            self.schedule.hurry(said.run_id, own(said.event.data.labels).stalled_ms)
        self.schedule.touch(
            said.run_id,
            record.partition,
            record.offset,
            records=len(said.tasks) // _RECORD_BYTES,
            tasks_observed=said.observed if said.tasks else -1,
            ended=isinstance(said.event, RunCompleted),
        )

    def _refresh(self, run_ids: Sequence[str]) -> None:
        for group in self.schedule.groups(run_ids):
            offsets = {r: self.schedule.dirty[r].offset for r in group}
            began = time.monotonic()
            refresh(self.writer, offsets, self.price_version)
            now = time.monotonic()
            self.schedule.refreshed(offsets, now, now - began)
