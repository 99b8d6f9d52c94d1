"""What the tables must show, worked out in plain Python from the messages alone: the oracle of the projections' tests.

It follows the words of the architecture, knows the contracts (`schemas`), and nothing of `projections/` or of any SQL. It is
slow and simple on purpose: one pass over the log, everything in dicts.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from schemas.events import (
    MOST_LABELS,
    Begun,
    ClockLeft,
    ClockTick,
    Completed,
    Created,
    Event,
    Heartbeat,
    NoteWritten,
    Payload,
    RequestUnreadable,
    RunHidden,
    RunLabelled,
    RunLabelsChanged,
    RunShown,
    TaskRecord,
    TasksChanged,
)
from schemas.thresholds import own
from tests.support.reference.clock import ObservedClock
from tests.support.reference.figures import (
    PRICED_MS_MAX,
    TERMINAL_RANK,
    Rate,
    Task,
    cost,
    ms,
    order,
    rank,
    rate_of,
    would_cost,
)


@dataclass(frozen=True)
class Message:
    """One message of the log; `event` is None for bytes that are none."""

    partition: int
    offset: int
    appended_at: int
    event: Event | None
    tasks: tuple[TaskRecord, ...] = ()


class Limits(NamedTuple):
    """Thresholds in ms, of runs that bring none of their own."""

    disconnected_ms: int
    stalled_ms: int
    gone_ms: int


class Transition(NamedTuple):
    """A change of status at the round that the tick at `offset` completed."""

    run_id: str
    offset: int
    partition: int
    appended_at: int
    observed_ms: int
    from_status: str
    to_status: str
    reason: str


class Round(NamedTuple):
    appended_at: int
    clock_ms: int
    interval_ms: int
    processes: dict[str, int]
    live: int
    fallen: int
    suspects: int


class Told(NamedTuple):
    """Of several events that tell the same thing the one with the greatest (instant, hash) counts, whole."""

    instant: int
    hash: int
    data: Any


class Verdict(NamedTuple):
    reported: str
    liveness: str
    status: str
    reason: str


#: Orders records that tie in (rank, event time): any total order over their content will do, so a test says which.
Tie = Callable[[TaskRecord], int]


#: An instant so far ahead of the log's own time, in ms, is believed only where nothing else is told.
BELIEVED_AHEAD = 86_400_000
PEOPLE = (RunLabelled, RunLabelsChanged, RunHidden, RunShown)


@dataclass
class Run:
    """All that was told of a run so far."""

    run_id: str
    partition: int
    offset: int
    first_dialect: tuple[int, str] | None = None  # of the run's first message: offset, dialect
    workspace: str = ""
    begun: int = 0
    owner: tuple[int, str] | None = None  # of the run's first message: offset, whose token
    first_appended_at: int | None = None
    last_instant: int | None = None
    seen: tuple[int, int] = (0, 0)
    tasks_seen: tuple[int, int] = (0, 0)
    created: Told | None = None
    facts: Told | None = None
    names: Told | None = None
    completed: Told | None = None
    progress: Told | None = None
    processes: Told | None = None
    stored: Told | None = None
    labels: tuple[int, list[str]] = (0, [])
    hiding: tuple[int, int, str] = (0, 0, "")
    records: dict[int, TaskRecord] = field(default_factory=dict)
    last_status: str = ""

    def hear(self, message: Message, observed: int, tie: Tie) -> None:
        event = message.event
        assert event is not None
        data: Any = event.data
        self.offset = max(self.offset, message.offset)
        if not isinstance(event, PEOPLE):
            self.first_dialect = self.first_dialect or (message.offset, str(data.dialect))
            self.first_appended_at = min(self.first_appended_at or message.appended_at, message.appended_at)
        # What a person did or had read again is no sign of life.
        if not isinstance(event, PEOPLE) and event.reread is None:
            arrival = (observed, message.appended_at)
            self.seen = max(self.seen, arrival)
            if isinstance(event.data, TasksChanged):
                self.tasks_seen = max(self.tasks_seen, arrival)
        labels_of_runner = isinstance(event, RunLabelled | RunLabelsChanged) and event.owner
        if event.reread is None and (
            not isinstance(event, PEOPLE) or (labels_of_runner and not event.on_any_run)
        ):
            self.owner = self.owner or (message.offset, event.owner)
        if isinstance(event, RequestUnreadable):
            return
        self.workspace = max(self.workspace, data.workspace)
        believed = data.instant is None or data.instant <= message.appended_at + BELIEVED_AHEAD
        if data.instant is not None and believed:
            self.last_instant = max(self.last_instant or 0, data.instant)
        self._tell(event, data, None if believed else message.offset)
        if isinstance(event, RunLabelled):
            self.labels = (message.offset + 1, event.data.labels)
        if isinstance(event, RunLabelsChanged):
            labels = [label for label in self.labels[1] if label not in event.data.remove]
            for label in event.data.add:
                if label not in labels:
                    labels.append(label)
            assert len(labels) <= MOST_LABELS, "histories have too few labels for that"
            self.labels = (message.offset + 1, labels)
        if isinstance(event, RunHidden | RunShown):
            self.hiding = max(
                self.hiding, (message.offset + 1, int(isinstance(event, RunHidden)), event.data.by)
            )
        for record in message.tasks:
            self._record(record, tie)

    def _tell(self, event: Any, data: Any, unbelieved: int | None) -> None:
        """`unbelieved`: the offset, where the instant cannot be believed: it loses to all but older ones of its kind."""
        number = max(1, int.from_bytes(blake2b(event.id.encode(), digest_size=8).digest()))
        version = (data.instant or 0, number) if unbelieved is None else (0, unbelieved + 1)
        if isinstance(data, Created):
            self.created = _newest(self.created, Told(*version, data))
        if isinstance(data, Begun):
            self.begun = 1
            if data.process_names is not None:
                self.names = _newest(self.names, Told(*version, data.process_names))
        if isinstance(data, Completed):
            self.completed = _newest(self.completed, Told(*version, data))
        of_processes = getattr(data, "processes", None)
        if of_processes is not None:
            self.processes = _newest(self.processes, Told(*version, of_processes))
        for totals in (getattr(data, "stored", None), of_processes):
            if stored := [s for s in totals or () if s.stored]:
                self.stored = _newest(self.stored, Told(*version, stored))
        if isinstance(data, Begun | Completed) and data.workflow is not None:
            self.facts = _newest(self.facts, Told(*version, data.workflow))
        if isinstance(data, TasksChanged | Heartbeat | Completed) and data.progress is not None:
            self.progress = _newest(self.progress, Told(*version, data.progress))

    def _record(self, record: TaskRecord, tie: Tie) -> None:
        known = self.records.get(record.task_id)
        if known is None or (order(known), tie(known)) < (order(record), tie(record)):
            self.records[record.task_id] = record

    @property
    def ended_at(self) -> int | None:
        """When the run was over, by the runner's clock; None also where nobody can say."""
        if self.completed is None:
            return None
        told: int | None = self.completed.data.completed_at
        return told if told is not None else (self.completed.instant or self.last_instant)

    def tasks(self, rates: Sequence[Rate] = ()) -> dict[int, Task]:
        return {task_id: self._task(r, rates) for task_id, r in sorted(self.records.items())}

    def _task(self, record: TaskRecord, rates: Sequence[Rate]) -> Task:
        shown = str(record.status)
        inferred = self.completed is not None and shown in ("submitted", "running")
        if self.completed is not None and self.completed.data.state == "succeeded":
            inferred |= shown == "pending"
        if inferred and self.completed is not None:
            shown = "succeeded" if self.completed.data.state == "succeeded" else "aborted"
        start, ended = ms(record.started_at), ms(record.completed_at)
        ended = self.ended_at if ended is None else ended
        until = self.last_instant if ended is None else ended
        lasted = 0 if start is None or until is None else min(PRICED_MS_MAX, max(0, until - start))
        amount, uncached = cost(record, lasted, rates), would_cost(record, lasted, rates)
        return Task(record, shown, inferred, ended, lasted, amount, uncached, rate_of(record, rates))

    def judge(self, clock: int, limits: Limits) -> Verdict:
        """Its status when the partition's observed clock says `clock`."""
        mine = own(self.labels[1])
        disconnected_ms = mine.disconnected_ms or limits.disconnected_ms
        stalled_ms = mine.stalled_ms or limits.stalled_ms
        if self.completed is not None:
            state = str(self.completed.data.state)
            by = f"the runner ended it: {self.completed.data.error_message}"
            return Verdict(state, "", state, by if state == "cancelled" else "the runner said so")
        heard = self.begun or self.tasks_seen[1] or self.progress
        reported = "submitted" if self.created and not heard else "running"
        if self.first_dialect and self.first_dialect[1] == "weblog":
            return Verdict(reported, "unknown", reported, "no telling")
        if not self.seen[1]:  # people labelled a run that never said a word
            return Verdict(reported, "unknown", "unknown", "no telling")
        if clock - self.seen[0] > disconnected_ms:
            if reported == "submitted":
                where = self.first_dialect and self.first_dialect[1] == "tower"
                why = "it never began" + (": see .nextflow.log where it was started" if where else "")
                return Verdict(reported, "disconnected", "disconnected", why)
            why = f"no sign of life for more than {disconnected_ms / 1000:g} s"
            return Verdict(reported, "disconnected", "disconnected", why)
        idle = self._idle()
        if clock - self.tasks_seen[0] > stalled_ms and idle:
            why = f"heard, but no task for more than {stalled_ms / 1000:g} s: {idle}"
            return Verdict(reported, "stalled", "stalled", why)
        return Verdict(reported, "live", reported, "signs of life")

    def stands(self, clock: int, limits: Limits) -> str:
        """How it counts in a census: live one threshold of silence ago, and since then fallen or about to; or not at all."""
        if self.judge(clock, limits).liveness in ("", "unknown"):
            return ""
        silent, after = clock - self.seen[0], own(self.labels[1]).disconnected_ms or limits.disconnected_ms
        if silent > after:
            return "fallen" if silent - after <= limits.disconnected_ms else ""
        half_way = silent > after / 2 and after - silent < limits.disconnected_ms / 2
        return "suspect" if half_way else "live"

    def _idle(self) -> str:
        """Why no task is left to wait for, or ''."""
        if not self.records:
            return ""
        if all(rank(r) == TERMINAL_RANK for r in self.records.values()):
            return "every known task is over"
        p = self.progress
        told_all_over = p is not None and p.data.pending == p.data.submitted == p.data.running == 0
        return "by the runner's totals no task is left" if told_all_over else ""


@dataclass
class Expected:
    """What the tables must show."""

    runs: dict[str, Run] = field(default_factory=dict)
    events: dict[tuple[int, int], tuple[str, str, str, str]] = field(default_factory=dict)
    letters: set[tuple[int, int, str]] = field(default_factory=set)
    notes: dict[tuple[str, str, str, int, int], tuple[str, str]] = field(default_factory=dict)
    rounds: dict[tuple[int, int], Round] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    spools: dict[str, tuple[int, str, int]] = field(default_factory=dict)  # offset, process, requests
    #: Partition → offset, and (offset, append time) of the newest tick.
    watermarks: dict[int, tuple[int, tuple[int, int]]] = field(default_factory=dict)


def reduce(messages: Iterable[Message], limits: Limits, tie: Tie) -> Expected:
    """The whole log, each partition's messages in the order of their offsets."""
    expected = Expected()
    clocks: dict[int, ObservedClock] = {}
    for m in messages:
        clock = clocks.setdefault(m.partition, ObservedClock(limits.gone_ms))
        outcome = _hear(expected, clock, m, limits, tie)
        e = m.event
        run_id = "" if e is None or outcome == "clock" else e.run_id
        expected.events[m.partition, m.offset] = (
            "undecodable" if e is None else e.type,
            "" if e is None else e.id,
            run_id,
            outcome,
        )
        _, tick = expected.watermarks.get(m.partition, (0, (0, 0)))
        if isinstance(e, ClockTick):
            tick = (m.offset, m.appended_at)
        expected.watermarks[m.partition] = (m.offset, tick)
    expected.transitions.sort()
    return expected


def _hear(expected: Expected, clock: ObservedClock, m: Message, limits: Limits, tie: Tie) -> str:
    """Take a message in; its outcome."""
    e = m.event
    if isinstance(e, ClockLeft | ClockTick) and e.data.spooled and m.partition == 0:
        expected.spools[e.data.spooled.spool] = (m.offset, e.data.process, e.data.spooled.requests)
    if isinstance(e, ClockLeft):
        clock.left(e.data.process)
        return "clock"
    if isinstance(e, ClockTick):
        if clock.tick(e.data.process, e.data.interval_ms, m.appended_at):
            _round(expected, clock, m, limits)
        return "clock"
    if e is None:
        expected.letters.add((m.partition, m.offset, ""))
        return "dead_lettered"
    if isinstance(e, NoteWritten):
        note = (e.run_id, str(e.data.kind), e.data.note_id, m.partition, m.offset)
        expected.notes[note] = (e.data.author, e.data.text)
    known = expected.runs.get(e.run_id)
    if known and isinstance(e.data, Payload) and _is_foreign(known, e):
        expected.letters.add((m.partition, m.offset, ""))
        return "dead_lettered"
    if e.run_id and isinstance(e.data, Payload):
        run = expected.runs.setdefault(e.run_id, Run(e.run_id, m.partition, m.offset))
        run.hear(m, clock.observed(m.appended_at), tie)
    if isinstance(e, RequestUnreadable):
        expected.letters.add((m.partition, m.offset, ""))
        return "dead_lettered"
    if isinstance(e.data, Payload):
        expected.letters |= {(m.partition, m.offset, s.part) for s in e.data.set_aside}
    return "projected"


def _is_foreign(run: Run, e: Any) -> bool:
    """A run belongs to the owner of its first message; what is nobody's, or an operator's, anybody may go on with."""
    if run.owner is None or e.on_any_run or e.reread is not None:
        return False
    return bool(run.owner[1] and e.owner) and e.owner != run.owner[1]


def _round(expected: Expected, clock: ObservedClock, m: Message, limits: Limits) -> None:
    runs = [run for run in expected.runs.values() if run.partition == m.partition]
    stands = [run.stands(clock.now, limits) for run in runs]
    suspects = stands.count("suspect")
    fallen = stands.count("fallen")
    live = stands.count("live") + suspects + fallen
    at = Round(m.appended_at, clock.now, clock.interval, dict(clock.last_tick), live, fallen, suspects)
    expected.rounds[m.partition, m.offset] = at
    for run in runs:
        verdict = run.judge(clock.now, limits)
        if verdict.status != run.last_status:
            place = (run.run_id, m.offset, m.partition, m.appended_at, clock.now)
            expected.transitions.append(Transition(*place, run.last_status, verdict.status, verdict.reason))
            run.last_status = verdict.status


def _newest(known: Told | None, told: Told) -> Told:
    return told if known is None or known[:2] < told[:2] else known
