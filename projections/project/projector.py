"""The projector writes messages of the log into the tables: it inserts rows, sweeps at rounds, and refreshes figures.

When `project` returns, all of its messages are written and may be acknowledged. Everything can be done again, in other
batches, by another worker, and gives the same tables; so the projector keeps no state that it cannot read back from them.
Only one thread may call it at a time.
"""

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from projections.hosts.sharing import HostShares
from projections.project.clock import Clock
from projections.project.event_rows import EventRows, event_rows, read
from projections.project.executions import Executions
from projections.project.known_runs import Judged, KnownRuns
from projections.project.letters import pieces
from projections.project.refresh import (
    Repricing,
    Schedule,
    list_runs,
    outdated,
    own_stalled_thresholds,
    refresh,
    stale,
)
from projections.project.retention import RetentionSchedule, expire
from projections.project.sweep import Publish, SweepResult, Thresholds, sweep, write_clocks, write_marks
from projections.project.writer import Writer
from projections.sql import sql
from schemas.events import ClockLeft, ClockTick, Event, RunCompleted, RunHeartbeat, TasksChangedEvent
from schemas.thresholds import own
from schemas.topics import DEAD_LETTERS
from schemas.values import iso
from stores.log.port import Record

log = structlog.get_logger()

#: The usual length of a task record; it serves only to tell large runs from others.
_RECORD_BYTES = 700


@dataclass(frozen=True, slots=True)
class PartitionState:
    """The next offset of a partition and its clock before that offset. `last_sweep` is what still holds of the last
    sweep, or None once a message came that may have changed how a run stands."""

    next: int
    clock: Clock
    last_sweep: SweepResult | None = None


@dataclass
class WriteBatch:
    """Messages that are read and not yet written, and the rounds that they complete.

    `byte_budget`: how many bytes of messages may still be added. `unchanged`: rounds whose sweep would give the same as the
    last, since only ticks came since. `rounds`: the rounds to sweep, each the last message of its partition in the batch.
    """

    byte_budget: int
    rows: list[EventRows] = field(default_factory=list)
    unchanged: list[tuple[int, Clock, SweepResult]] = field(default_factory=list)
    rounds: dict[int, Clock] = field(default_factory=dict)


@dataclass
class Projector:
    """`price_version`: the price book in force (see projections/project/price_book.py). `write_batch_bytes`: most bytes
    of one write."""

    writer: Writer
    thresholds: Thresholds
    publish: Publish
    price_version: int
    schedule: Schedule = field(default_factory=Schedule)
    write_batch_bytes: int = 32 * 2**20
    retention: RetentionSchedule = field(default_factory=RetentionSchedule)
    _partitions: dict[int, PartitionState] = field(default_factory=dict)
    _repricing: Repricing = field(default_factory=Repricing)
    _executions: Executions = field(default_factory=Executions)
    _mine: list[int] = field(default_factory=list)
    _known: KnownRuns = field(init=False)
    _shares: HostShares = field(init=False)

    def __post_init__(self) -> None:
        self._shares = HostShares(self.writer.tables, self.writer.retrying)
        self._forget_runs()

    def assign(self, partitions: Iterable[int]) -> None:
        """Take over these partitions and no others. Call it at each assignment, also of the same partitions.

        It refreshes the figures that the worker before left behind; those that another price book priced wait for the slices of
        `refresh_due`, since with a new book they are all. Raises Stopped.
        """
        mine = self._mine = sorted(partitions)
        # The last sweep may be outdated: another worker may have had the partition meanwhile.
        self._partitions = {
            p: replace(state, last_sweep=None) for p, state in self._partitions.items() if p in mine
        }
        self._forget_runs()  # nor is what this worker knows of their runs the newest
        self._executions.forget()
        self.schedule.keep(set(mine))
        self.schedule.own_stalled_ms = self.writer.retrying(
            "own thresholds", lambda: own_stalled_thresholds(self.writer.tables, mine)
        )
        self._repricing = Repricing()
        self._shares.reassigned()
        behind = self.writer.retrying("stale figures", lambda: stale(self.writer.tables, mine))
        for run in behind:
            self.schedule.touch(run["run_id"], run["partition"], run["offset"], records=run["tasks"])
        if behind:
            log.info("figures to catch up", runs=len(behind), partitions=mine)
            self._refresh([run["run_id"] for run in behind])

    @property
    def positions(self) -> dict[int, int]:
        """Partition → the offset that is read next; it rises in the middle of a batch, with each part that is written."""
        return {p: state.next for p, state in self._partitions.copy().items()}

    def project(self, records: Sequence[Record]) -> None:
        """Write the records, of any partitions, each partition's in the order of the log. Raises Stopped.

        They are written in batches, which bound the memory. A round ends its partition's part of a batch: it is swept before
        anything later of the partition is inserted. Rounds whose sweeps would give the same as the last are not swept, and may
        follow each other in one batch while nothing but ticks comes.
        """
        self._executions.read_back(self.writer, records)
        waiting: dict[int, deque[Record]] = {}
        for record in records:
            waiting.setdefault(record.partition, deque()).append(record)
        self._known.expect(records)
        while any(waiting.values()):
            batch = WriteBatch(self.write_batch_bytes)
            for partition, queue in waiting.items():
                self._read_to_round(partition, queue, batch)
            self._write(batch.rows)
            self._known.written()
            self._list()
            write_clocks(self.writer, batch.unchanged)
            self._mark(batch)
            if batch.rounds:
                self._sweep(batch.rounds)
            if ended := [clock for _, clock, _ in batch.unchanged] + list(batch.rounds.values()):
                self._expire(max(clock.appended_at or 0 for clock in ended))
        self.refresh_due()

    def _list(self) -> None:
        """Say of runs whose end was written that they are over, once their figures count it: whoever reads that reads how their
        tasks ended. And list what else changed more than figures: what is projected stands in lists."""
        self._refresh(self.schedule.ended())
        if unlisted := self.schedule.unlisted():
            list_runs(self.writer, unlisted)
            self.schedule.listed(unlisted)

    def _sweep(self, rounds: dict[int, Clock]) -> None:
        clocks = {p: clock.clock_ms for p, clock in rounds.items()}
        self._refresh(self.schedule.needed_at(clocks, self.thresholds.stalled_ms))
        for partition, result in sweep(self.writer, rounds, self.thresholds, self.publish).items():
            self._partitions[partition] = replace(self._partitions[partition], last_sweep=result)

    def _expire(self, now_ms: int) -> None:
        """Delete the runs of this worker's partitions whose retention has passed."""
        before = self.retention.before(now_ms)
        if before is None:
            return
        # Before, not after: figures of a run that is gone would bring a row of it back.
        self._refresh(list(self.schedule.dirty))
        self._repricing = Repricing()
        mine = sorted(self._partitions)
        done = self.writer.retrying("expire runs", lambda: expire(self.writer.tables, before, mine))
        self.retention.looked(now_ms, done)
        self._forget_runs()

    def _forget_runs(self) -> None:
        def read(run_ids: Sequence[str]) -> list[dict[str, Any]]:
            statement = sql("project/known_runs")
            return self.writer.retrying(
                "known runs", lambda: self.writer.tables.rows(statement, run_ids=run_ids)
            )

        self._known = KnownRuns(read)

    def refresh_due(self) -> None:
        """Refresh the figures that are due, and one slice of what another price book priced.

        Call it also when no message comes.
        """
        self._refresh(self.schedule.due(time.monotonic()))
        if time.monotonic() >= self._repricing.not_before:
            self._reprice()

    def has_due(self) -> bool:
        """Whether `refresh_due` has something to do, for whoever would ask a thread in vain."""
        left = self._repricing
        is_repricing = bool(left.waiting) or not left.all_found or self._shares.has_marked()
        now = time.monotonic()
        return bool(self.schedule.due(now)) or (is_repricing and now >= left.not_before)

    def refresh_all(self) -> None:
        """Refresh every run whose figures are behind, or priced by another book, at once."""
        self._refresh(list(self.schedule.dirty))
        while self._reprice():
            pass

    def _reprice(self) -> bool:
        """Refresh one slice of the runs that another price book priced, or whose shares of hosts changed; False: none is left."""
        began, left = time.monotonic(), self._repricing
        if not left.waiting and not left.all_found:
            left.found(
                self.writer.retrying(
                    "outdated prices",
                    lambda: outdated(self.writer.tables, self._mine, self.price_version),
                )
            )
            if left.waiting:
                log.info("figures to price anew", runs=len(left.waiting), all=left.all_found)
        if not left.waiting and self._shares.has_marked():
            left.waiting.extend(self._shares.marked(self._mine))
        if not (offsets := left.slice()):
            return self._shares.has_marked()
        refresh(self.writer, offsets, self.price_version, self._shares)
        now = time.monotonic()
        left.refreshed(now, now - began)
        return True

    def _read_to_round(self, partition: int, queue: deque[Record], batch: WriteBatch) -> None:
        """Move messages from the queue to the batch, up to one that completes a round to sweep, or before one that needs
        unchanged rounds to be written first, or until the byte budget is used up. At least one message is moved."""
        unchanged = False
        while queue and batch.byte_budget > 0:
            record = queue[0]
            event, tasks, unreadable = read(record)
            state = self._state_before(record)
            is_tick = isinstance(event, ClockTick | ClockLeft)
            if unchanged and not is_tick:
                return
            # Before it is assigned: somebody else's request begins no execution of the run either.
            judged = self._known.judge(record, event) if event else Judged()
            execution = b""
            if not judged.foreign:
                tasks, execution = self._executions.assign(record, event, tasks)
            if not is_tick:
                state = replace(state, last_sweep=self._sweep_after(state, event, record))
            queue.popleft()
            batch.byte_budget -= len(record.value)
            clock, completed = self._tick(state.clock, event, record)
            observed = clock.observed(record.appended_at)
            rows = event_rows(record, observed, event, tasks, unreadable, judged)
            batch.rows.append(replace(rows, executions=execution) if execution else rows)
            self._partitions[partition] = PartitionState(record.offset + 1, clock, state.last_sweep)
            if not completed:
                continue
            if state.last_sweep is None or clock.clock_ms > state.last_sweep.same_until_ms:
                batch.rounds[partition] = clock
                return
            batch.unchanged.append((partition, clock, state.last_sweep))
            unchanged = True

    def _sweep_after(self, state: PartitionState, event: Event | None, record: Record) -> SweepResult | None:
        """What of the last sweep still holds after the record."""
        if event is None or state.last_sweep is None:
            return None
        stalled_ms = self.thresholds.stalled_ms
        own_ms = self.schedule.own_stalled_ms.get(event.run_id, stalled_ms)
        observed = state.clock.observed(record.appended_at)
        return state.last_sweep.after(event, observed, min(own_ms, stalled_ms))

    def _state_before(self, record: Record) -> PartitionState:
        """The partition's state before the record. After a rebalance a worker may get messages again, and with them an older
        clock, which is read back from the tables."""
        state = self._partitions.get(record.partition)
        if state and state.next == record.offset:
            return state
        return PartitionState(record.offset, self._resume(record.partition, record.offset))

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
        last = self.writer.retrying(
            "clock", lambda: tables.rows(sql("project/clock_before"), partition=partition, offset=offset)
        )
        clock = Clock(**last[0]) if last else Clock()
        ticks = self.writer.retrying(
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

    def _write(self, batch: Sequence[EventRows]) -> None:
        refused = self.writer.insert(batch)
        letters = [(str(s.record.offset), s.dead_letters) for s in batch if s.dead_letters]
        letters += [(str(s.record.offset), letter) for s, letter in refused]
        for key, rows_of_message in letters:
            self.publish(DEAD_LETTERS, [(key, piece) for piece in pieces(rows_of_message)])
        for rows in batch:
            if rows.runs:
                self._touch(rows)
            elif rows.hosts:
                self._shares.announced = True

    def _mark(self, batch: WriteBatch) -> None:
        """Write how far the partitions are projected, and which rounds were swept with the last ones."""
        marks: dict[int, dict[str, Any]] = {}
        for rows in batch.rows:
            record = rows.record
            mark = marks.setdefault(record.partition, {"partition": record.partition})
            mark |= {"offset": record.offset, "appended_at": iso(record.appended_at)}
            if isinstance(rows.event, ClockTick):
                mark["tick"] = {"offset": record.offset, "appended": record.appended_at}
        for partition, clock, _ in batch.unchanged:
            marks[partition]["round"] = clock.offset
        write_marks(self.writer, marks.values())

    def _touch(self, rows: EventRows) -> None:
        record = rows.record
        if rows.labels is not None:
            self.schedule.set_own_stalled(rows.run_id, own(rows.labels).stalled_ms)
        self.schedule.touch(
            rows.run_id,
            record.partition,
            record.offset,
            records=len(rows.tasks) // _RECORD_BYTES,
            tasks_observed=rows.observed if rows.tasks else -1,
            ended=isinstance(rows.event, RunCompleted),
            unlisted=not isinstance(rows.event, TasksChangedEvent | RunHeartbeat),
        )

    def _refresh(self, run_ids: Sequence[str]) -> None:
        for group in self.schedule.groups(run_ids):
            offsets = {r: self.schedule.dirty[r].offset for r in group}
            began = time.monotonic()
            ended = {r: self.schedule.dirty[r].partition for r in group if self.schedule.dirty[r].ended}
            refresh(self.writer, offsets, self.price_version, self._shares, ended)
            now = time.monotonic()
            self.schedule.refreshed(offsets, now, now - began)
