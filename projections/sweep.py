"""A round of a partition: find the runs whose status changed, tell it, write it, move the clock on."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from projections.clock import Clock
from projections.queries import sql
from projections.writer import Writer
from schemas.events import iso
from schemas.topics import TRANSITIONS


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of status, named by (run_id, offset of the round). `appended_at`, `observed_ms`: ms at that round."""

    run_id: str
    offset: int
    partition: int
    appended_at: int
    observed_ms: int
    from_status: str
    to_status: str
    reason: str

    def as_json(self) -> bytes:
        """The row of `transitions`, and the message on the topic of transitions."""
        row = {name: getattr(self, name) for name in self.__slots__} | {"appended_at": iso(self.appended_at)}
        return json.dumps(row, separators=(",", ":")).encode()


#: Appends (key, message)s to a topic; returns when they are durable. Readers drop repeats: of transitions by (run_id, offset),
#: of dead letters by (partition, offset, part).
Publish = Callable[[str, Sequence[tuple[str, bytes]]], None]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How long is too long, in ms of observed time; `gone_ms` in append time."""

    disconnected_ms: int
    stalled_ms: int
    gone_ms: int


def sweep(
    writer: Writer, rounds: Mapping[int, Clock], thresholds: Thresholds, publish: Publish
) -> list[Transition]:
    """Sweep the partitions whose clocks have just completed a round; nothing later of them may have been inserted.

    In this order: select what changed; see that the round was not swept before; publish; insert; move the clock. So a sweep that
    is done again, by whomever, adds nothing. Raises Stopped.
    """
    changed = writer.steadily("sweep", lambda: _changed(writer, rounds, thresholds))
    if changed:
        publish(TRANSITIONS, [(t.run_id, t.as_json()) for t in changed])
        rows = b"\n".join(t.as_json() for t in changed)
        writer.steadily("insert into transitions", lambda: writer.tables.insert("transitions", rows))
    clocks = b"\n".join(_clock_row(p, c) for p, c in rounds.items())
    writer.steadily("insert into clocks", lambda: writer.tables.insert("clocks", clocks))
    marks = b"\n".join(json.dumps({"partition": p, "round": c.offset}).encode() for p, c in rounds.items())
    writer.steadily("insert into watermarks", lambda: writer.tables.insert("watermarks", marks))
    return changed


def _changed(writer: Writer, rounds: Mapping[int, Clock], thresholds: Thresholds) -> list[Transition]:
    rows: list[dict[str, Any]] = writer.tables.rows(
        sql("sweep"),
        partitions=list(rounds),
        clocks=[c.clock_ms for c in rounds.values()],
        disconnected_ms=thresholds.disconnected_ms,
        stalled_ms=thresholds.stalled_ms,
    )
    if not rows:
        return []
    # Asked after the tables were read, not before: while they were, another projector may have swept the round and gone on. As
    # long as nobody has swept it, nothing later than it is in the tables, and what was read is what the round says.
    asked = {"partitions": list(rounds), "offsets": [c.offset for c in rounds.values()]}
    swept = {r["partition"] for r in writer.tables.rows(sql("swept"), **asked)}
    return [
        Transition(offset=(c := rounds[r["partition"]]).offset, appended_at=c.appended_at or 0, **r)
        for r in rows
        if r["partition"] not in swept
    ]


def _clock_row(partition: int, clock: Clock) -> bytes:
    row = {
        "partition": partition,
        "offset": clock.offset,
        "appended_at": iso(clock.appended_at or 0),
        "clock_ms": clock.clock_ms,
        "interval_ms": clock.interval_ms,
        "processes": clock.processes,
    }
    return json.dumps(row, separators=(",", ":")).encode()
