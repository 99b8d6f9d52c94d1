"""Tells apart the executions of a weblog run.

A weblog request names its run by session and name alone. Nextflow may run again under both, in a fresh folder or after a kill,
and begins to number its tasks anew. So the id that ingest derives of the two, the base, is that of the first execution, and the
later ones have ids of their own (`schemas/run_ids.py`). Which one a request is about follows from the requests of the base before
it on the log: what they said of the executions' starts and ends. So whoever projects them again finds the same.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from projections.project.writer import Writer
from projections.sql import sql
from schemas.events import Event, Payload, RunBegun, RunCompleted
from schemas.run_ids import execution_id, is_base
from schemas.statuses import Dialect
from schemas.values import to_ms
from stores.log.port import Record

#: Most bases of which is kept in memory what is known; of others it is read back.
MOST_BASES = 10_000


@dataclass(frozen=True, slots=True)
class Execution:
    """What is known of one, by its runner's clock (ms): its start as it was told, and since and until when requests are about it.
    `announced`: its `started` came."""

    number: int
    start_ms: int | None = None
    began_ms: int | None = None
    ended_ms: int | None = None
    announced: bool = False

    def row(self, base: str, offset: int) -> dict[str, object]:
        """The row of the table `executions` that says so."""
        return {
            "base": base,
            "offset": offset,
            "number": self.number,
            "run_id": execution_id(base, self.number),
            "start_ms": self.start_ms,
            "began_ms": self.began_ms,
            "ended_ms": self.ended_ms,
            "announced": int(self.announced),
        }


def execution_of(known: Sequence[Execution], event: Event, submitted_ms: int | None) -> Execution:
    """The execution that the request is about, with what it adds to it. `known`: the others of its base so far, in any order.

    `submitted_ms`: when the task of the request was submitted, None where it has none.
    """
    known = known or [Execution(1)]
    instant: int | None = getattr(event.data, "instant", None)
    if isinstance(event, RunBegun):
        return _started(known, event.data.workflow.started_at, instant)
    if isinstance(event, RunCompleted):
        workflow = event.data.workflow
        times = [t for t in (instant, event.data.completed_at) if t is not None]
        return _ended(known, workflow.started_at if workflow else None, max(times, default=None))
    found = _at(known, instant)
    if found.ended_ms is not None and submitted_ms is not None and submitted_ms > found.ended_ms:
        # Its `started` was lost.
        return Execution(_next(known), began_ms=submitted_ms)
    if found.announced or submitted_ms is None:
        return found
    return replace(found, began_ms=min(found.began_ms or submitted_ms, submitted_ms))


def _started(known: Sequence[Execution], start: int | None, instant: int | None) -> Execution:
    at = instant if start is None else start
    for execution in known:
        told = execution.began_ms if start is None else execution.start_ms
        if told is not None and told == at:
            return replace(execution, began_ms=at, announced=True)
    newest = _newest(known)
    earlier = at is not None and newest.began_ms is not None and newest.began_ms < at
    if newest.announced or newest.ended_ms is not None or earlier:
        return Execution(_next(known), start, at, announced=True)
    return replace(newest, start_ms=start, began_ms=at, announced=True)


def _ended(known: Sequence[Execution], start: int | None, ended: int | None) -> Execution:
    found = next((x for x in known if start is not None and x.start_ms == start), None)
    if found is None:
        found = _at(known, ended)
        if found.ended_ms is not None and ended is not None and ended > found.ended_ms:
            return Execution(_next(known), start, ended if start is None else start, ended)
    return replace(
        found,
        start_ms=start if found.start_ms is None else found.start_ms,
        ended_ms=max(found.ended_ms or 0, ended or 0),
    )


def _at(known: Sequence[Execution], instant: int | None) -> Execution:
    """The one to which a request of this instant belongs. Weblog's instants are whole seconds, cut."""
    if instant is None:
        return _newest(known)
    begun = [x for x in known if (x.began_ms or 0) // 1000 * 1000 <= instant]
    return _newest(begun) if begun else min(known, key=_place)


def _newest(known: Sequence[Execution]) -> Execution:
    return max(known, key=_place)


def _place(execution: Execution) -> tuple[int, int]:
    return execution.began_ms or 0, execution.number


def _next(known: Sequence[Execution]) -> int:
    return max(x.number for x in known) + 1


@dataclass(slots=True)
class Known:
    """What is known of a base's executions, by number, after the messages up to the offset `last`."""

    last: int
    executions: dict[int, Execution] = field(default_factory=dict)


@dataclass(slots=True)
class Executions:
    """What is known of the executions of the bases that came lately. It holds nothing that the tables do not give back."""

    _known: dict[str, Known] = field(default_factory=dict)

    def forget(self) -> None:
        """Call it when another worker may have had the partitions."""
        self._known.clear()

    def read_back(self, writer: Writer, records: Iterable[Record]) -> None:
        """Read what the tables know of the records' bases before them, as far as it is not at hand. Raises Stopped."""
        first: dict[str, int] = {}
        for record in records:
            if is_base(record.key):
                first[record.key] = min(record.offset, first.get(record.key, record.offset))
        if len(self._known) > MOST_BASES:
            self._known = {base: known for base, known in self._known.items() if base in first}
        missing = {b: at for b, at in first.items() if b not in self._known or self._known[b].last >= at}
        if not missing:
            return
        parameters = {"bases": list(missing), "offsets": list(missing.values())}
        rows = writer.retrying(
            "executions", lambda: writer.tables.rows(sql("project/executions"), **parameters)
        )
        self._known |= {base: Known(at - 1) for base, at in missing.items()}
        for row in rows:
            start_ms, began_ms, ended_ms, announced = row["known"]
            execution = Execution(row["number"], start_ms, began_ms, ended_ms, bool(announced))
            self._known[row["base"]].executions[execution.number] = execution

    def assign(self, record: Record, event: Event | None, tasks: bytes) -> tuple[bytes, bytes]:
        """Give a weblog event the id of its execution. Returns its task rows with that id, and the row of `executions` for what
        it adds, if anything.

        `read_back` must have been called for the record.
        """
        if event is None or not isinstance(event.data, Payload) or event.data.dialect != Dialect.WEBLOG:
            return tasks, b""
        base = event.run_id
        known = self._known.get(base)
        if known is None or not is_base(base):
            return tasks, b""
        found = execution_of(list(known.executions.values()), event, _submitted(tasks))
        changed = known.executions.get(found.number) != found
        known.executions[found.number] = found
        known.last = record.offset
        if found.number > 1:
            event.run_id = execution_id(base, found.number)
            tasks = _of_run(tasks, event.run_id)
        return tasks, json.dumps(found.row(base, record.offset)).encode() if changed else b""


def _submitted(tasks: bytes) -> int | None:
    """When the tasks were submitted (ms), the first of them; None where that is not told."""
    told = [t.get("submitted_at") for t in json.loads(b"[%b]" % tasks)]
    times = [ms for at in told if isinstance(ms := to_ms(at), int)]
    return min(times, default=None)


def _of_run(tasks: bytes, run_id: str) -> bytes:
    rows = [row | {"run_id": run_id} for row in json.loads(b"[%b]" % tasks)]
    return json.dumps(rows, ensure_ascii=False).encode("utf-8", "replace")[1:-1]
