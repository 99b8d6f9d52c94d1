"""For the tests of the projections: a log in memory in its own time, faults, and the tables beside the reference reducer."""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, TypeVar

from projections.project.projector import Projector
from projections.project.sweep import Thresholds
from projections.project.writer import Writer
from projections.replay.replay import PROJECTED
from schemas import events as e
from schemas.dead_letters import Reread
from schemas.files import events as o
from schemas.statuses import TaskStatus
from schemas.topics import TRANSITIONS
from schemas.values import to_ms
from schemas.wire import encode
from stores.log.port import Record
from stores.tables.client import Tables
from tests.support.reference import reducer
from tests.support.reference.figures import Rate, ms, order
from tests.support.reference.reducer import Expected, Limits, Message, Transition

T = TypeVar("T")

#: 2023-11-14T22:13:20Z in ms.
T0 = 1_700_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TYPES: dict[type[Any], type[Any]] = {
    e.Created: e.RunCreated,
    e.Begun: e.RunBegun,
    e.TasksChanged: e.TasksChangedEvent,
    e.Heartbeat: e.RunHeartbeat,
    e.Completed: e.RunCompleted,
    e.Labelled: e.RunLabelled,
    e.LabelsChanged: e.RunLabelsChanged,
    e.Hiding: e.RunHidden,
    e.Unreadable: e.RequestUnreadable,
    e.Note: e.NoteWritten,
    o.Requested: o.OutputsRequested,
}


def moment(at: int | None) -> datetime | None:
    return None if at is None else EPOCH + timedelta(milliseconds=at)


def task(run_id: str, task_id: int, status: TaskStatus | str, **known: Any) -> e.TaskRecord:
    """A record; times (`…_at`) in ms."""
    times = {k: moment(v) for k, v in known.items() if k.endswith("_at")}
    return e.TaskRecord(run_id=run_id, task_id=task_id, status=TaskStatus(status), **{**known, **times})


def event(
    run_id: str,
    data: Any,
    tasks: Sequence[e.TaskRecord] = (),
    source: str = "ingest-0",
    owner: str = "ann",
    on_any_run: bool = False,
) -> e.Event:
    """The event of a request; its id says what it says, as that of ingest does."""
    said = [run_id, type(data).__name__, data.model_dump_json(), *(t.model_dump_json() for t in tasks)]
    name = blake2b("\n".join(said).encode(), digest_size=16).hexdigest()
    envelope = {"source": source, "run_id": run_id, "received_at": T0, "owner": owner}
    made: e.Event = _TYPES[type(data)](id=name, **envelope, on_any_run=on_any_run, data=data)
    return made


@dataclass
class History:
    """A log in its own time: what is said lands at `now`."""

    partitions: int = 1
    now: int = T0
    messages: list[Message] = field(default_factory=list)
    _ends: dict[int, int] = field(default_factory=dict)

    def append(self, partition: int, event: e.Event | None, tasks: Sequence[e.TaskRecord] = ()) -> Message:
        offset = self._ends.get(partition, 0)
        self._ends[partition] = offset + 1
        self.messages.append(Message(partition, offset, self.now, event, tuple(tasks)))
        return self.messages[-1]

    def say(self, run_id: str, data: Any, *tasks: e.TaskRecord, partition: int = 0, **sender: Any) -> Message:
        """`sender`: owner and on_any_run of the envelope."""
        return self.append(partition, event(run_id, data, tasks, **sender), tasks)

    def reread(
        self, run_id: str, data: Any, *tasks: e.TaskRecord, partition: int = 0, **sender: Any
    ) -> Message:
        """What was said in a dead letter, read again by a person."""
        letter = Reread(partition=partition, offset=0, by="ada")
        made = event(run_id, data, tasks, **sender).model_copy(update={"reread": letter})
        return self.append(partition, made, tasks)

    def show(self, run_id: str, partition: int = 0) -> Message:
        hidden = event(run_id, e.Hiding(by="ada"))
        values = dict(hidden) | {"type": "run.shown", "id": f"{hidden.id} shown"}
        return self.append(partition, e.RunShown(**values))

    def tick(self, process: str = "ingest-0", interval_ms: int = 5000) -> None:
        """On every partition. What it says of its spool changes with time."""
        for p in range(self.partitions):
            spooled = e.Spooled(spool=f"spool of {process}", requests=self.now // 1000 % 3)
            data = e.Tick(process=process, interval_ms=interval_ms, spooled=spooled)
            self.append(p, e.ClockTick(id=f"{process} {self.now}", source="host", received_at=T0, data=data))

    def leave(self, process: str) -> None:
        for p in range(self.partitions):
            data = e.Left(process=process)
            self.append(p, e.ClockLeft(id=f"{process} left", source="host", received_at=T0, data=data))

    def wait(self, milliseconds: int, *processes: str, interval_ms: int = 5000) -> None:
        """Time passes, with ticks of the processes (of one, if none is named) every interval from now on."""
        end = self.now + milliseconds
        while self.now + interval_ms <= end:
            self.now += interval_ms
            for process in processes or ("ingest-0",):
                self.tick(process, interval_ms)
        self.now = end

    @property
    def records(self) -> list[Record]:
        return [record(m) for m in self.messages]


def record(m: Message) -> Record:
    """The message as the log gives it."""
    value = b"\xffno event" if m.event is None else encode(m.event, m.tasks)
    kind, key = ("?", "") if m.event is None else (m.event.type, m.event.run_id)
    return Record(m.partition, m.offset, m.appended_at, key, kind, value)


class Crash(Exception):
    """The process dies here."""


class Faulty(Tables):
    """Other tables, and what is published: a process that dies at its `dies_at`-th step from now, before or after it.

    With `meanwhile` it does not die, but sleeps there while that is done.
    """

    def __init__(self, tables: Tables) -> None:
        self.__dict__.update(tables.__dict__)  # the same clients
        self.inner = tables
        self.published: list[Transition] = []
        self.meanwhile: Callable[[], None] | None = None
        self.steps = 0
        self.dies_at: int | None = None
        self.dies_after = False

    def arm(self, dies_at: int | None, dies_after: bool = False) -> None:
        self.steps, self.dies_at, self.dies_after = 0, dies_at, dies_after

    def rows(self, sql: str, /, **parameters: Any) -> list[dict[str, Any]]:
        return self._step(lambda: super(Faulty, self).rows(sql, **parameters))

    def command(self, sql: str, /, **parameters: Any) -> None:
        self._step(lambda: super(Faulty, self).command(sql, **parameters))

    def insert(self, table: str, rows: bytes) -> None:
        self._step(lambda: super(Faulty, self).insert(table, rows))

    def publish(self, topic: str, messages: Sequence[tuple[str, bytes]]) -> None:
        told = self.transitions_of(messages) if topic == TRANSITIONS else []
        self._step(lambda: self.published.extend(told))

    @staticmethod
    def transitions_of(messages: Sequence[tuple[str, bytes]]) -> list[Transition]:
        return [_transition(json.loads(value)) for _, value in messages]

    def _step(self, call: Callable[[], T]) -> T:
        self.steps += 1
        now = self.steps == self.dies_at
        if now and not self.dies_after:
            self._fail()
        result = call()
        if now and self.dies_after:
            self._fail()
        return result

    def _fail(self) -> None:
        if self.meanwhile is None:
            raise Crash(f"at step {self.steps}")
        self.meanwhile()


def projector(tables: Faulty, limits: Limits, price_version: int = 0) -> Projector:
    """A new process that projects into these tables."""
    return Projector(Writer(tables, threading.Event()), Thresholds(*limits), tables.publish, price_version)


def empty(tables: Tables) -> None:
    """As after `migrate`. Quicker than another database, and nothing of one example is seen by the next."""
    for table in (*PROJECTED, "prices"):
        tables.command(f"TRUNCATE TABLE {table}")


def merges(tables: Tables, allowed: bool) -> None:
    """Stop or start the background merges."""
    for table in PROJECTED:
        tables.command(f"SYSTEM {'START' if allowed else 'STOP'} MERGES {tables.database}.{table}")


def merge(tables: Tables) -> None:
    """Merge all parts of all tables, now."""
    for table in PROJECTED:
        tables.command(f"OPTIMIZE TABLE {table} FINAL")


def put_rates(tables: Tables, rates: Sequence[Rate], version: int = 1) -> None:
    rows = [
        {k: v if v is None or isinstance(v, str) else str(v) for k, v in r._asdict().items()}
        | {"version": version, "currency": "USD"}
        for r in rates
    ]
    if rows:
        tables.insert("prices", "\n".join(json.dumps(r) for r in rows).encode())


def expect(tables: Tables, messages: Sequence[Message], limits: Limits) -> Expected:
    """What the reducer makes of the messages. The order among records that tie in rank and time is asked of the tables, which
    must be empty: any order will do, as long as it is one order for all."""
    content: dict[tuple[str, int, tuple[int, int]], dict[str, e.TaskRecord]] = {}
    for m in messages:
        for t in m.tasks:
            content.setdefault((t.run_id, t.task_id, order(t)), {})[t.model_dump_json()] = t
    tied = [(text, t) for found in content.values() if len(found) > 1 for text, t in found.items()]
    hashes: dict[str, int] = {}
    if tied:
        probes = [t.model_copy(update={"run_id": "probe", "task_id": n}) for n, (_, t) in enumerate(tied)]
        rows = "\n".join(p.model_dump_json(exclude_none=True) for p in probes)
        tables.insert("tasks", rows.encode())
        found = tables.rows(
            "SELECT task_id, toUInt64(version % toUInt128(18446744073709551616)) AS hash FROM tasks"
        )
        hashes = {tied[r["task_id"]][0]: r["hash"] for r in found}
        tables.command("TRUNCATE TABLE tasks")
    return reducer.reduce(messages, limits, lambda t: hashes.get(t.model_dump_json(), 0))


def _transition(row: dict[str, Any]) -> Transition:
    at = row["appended_at"]
    return Transition(**row | {"appended_at": to_ms(at) if isinstance(at, str) else utc_ms(at)})


def utc_ms(naive: datetime | None) -> int | None:
    return ms(None if naive is None else naive.replace(tzinfo=UTC))


def transitions(tables: Tables) -> list[Transition]:
    return [_transition(r) for r in tables.rows("SELECT * FROM transitions FINAL ORDER BY run_id, offset")]


class Stage:
    """A history, projected as it goes by one projector after another."""

    def __init__(self, tables: Tables, limits: Limits, partitions: int = 1) -> None:
        self.limits = limits
        self.tables = Faulty(tables)
        self.history = History(partitions)
        self.projected = 0
        self.projector = self.worker()

    def worker(self) -> Projector:
        """A new process."""
        made = projector(self.tables, self.limits)
        made.assign(range(self.history.partitions))
        return made

    def project(self, most: int = 1_000_000) -> None:
        """What the history has and is not yet projected, in batches of at most so many."""
        records = self.history.records
        while self.projected < len(records):
            self.projector.project(records[self.projected : self.projected + most])
            self.projected = min(self.projected + most, len(records))
        self.projector.refresh_all()

    def path(self, run_id: str) -> list[str]:
        """The statuses that the run went through."""
        return [t.to_status for t in transitions(self.tables) if t.run_id == run_id]

    def paths(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for t in transitions(self.tables):
            found.setdefault(t.run_id, []).append(t.to_status)
        return found
