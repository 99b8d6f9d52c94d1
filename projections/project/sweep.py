"""Sweeps a partition at a round: it selects runs whose status changed, publishes and writes the transitions, then the clock."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from projections.project.clock import Clock
from projections.project.letters import to_json
from projections.project.outage_counts import NO_RUNS, OutageCounts
from projections.project.writer import Writer
from projections.sql import sql
from schemas.events import Event, Heartbeat, RunHeartbeat, TasksChangedEvent
from schemas.topics import TRANSITIONS
from schemas.values import iso


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


@dataclass(frozen=True, slots=True)
class SweepResult:
    """The outage counts of a round. `same_until_ms`: up to this observed clock, if no message but ticks comes, a sweep would give
    the same counts and no transition. `calm`: some runs that ran and were heard lately, so that one more such message of them
    does not change that."""

    outage_counts: OutageCounts = NO_RUNS
    same_until_ms: int = 2**63 - 1
    calm: frozenset[str] = frozenset()

    def after(self, event: Event | None, observed_ms: int, stalled_ms: int) -> "SweepResult | None":
        """What still holds after a message, taken at this observed time; None if a sweep must look again.

        A calm run that is heard again goes on running: its thresholds only move away, but for that of its tasks, `stalled_ms`
        after this message. A heartbeat with totals that leave no task to do may be reason enough to call it stalled.
        """
        match event:
            case TasksChangedEvent(reread=None) if event.run_id in self.calm:
                pass
            case RunHeartbeat(reread=None, data=Heartbeat(progress=progress)) if event.run_id in self.calm:
                if progress and progress.pending + progress.submitted + progress.running == 0:
                    return None
            case _:
                return None
        return replace(self, same_until_ms=min(self.same_until_ms, observed_ms + stalled_ms))


def sweep(
    writer: Writer, rounds: Mapping[int, Clock], thresholds: Thresholds, publish: Publish
) -> dict[int, SweepResult]:
    """Sweep the partitions whose clocks have just completed a round; nothing later of them may have been inserted.

    The order is: select the changes, check that the round was not swept before, publish, insert, write the clock. So a repeated
    sweep, by any worker, adds nothing. Returns the result by partition, without those swept before. Raises Stopped.
    """
    changed, results = writer.retrying("sweep", lambda: _select_changes(writer, rounds, thresholds))
    if changed:
        publish(TRANSITIONS, [(t.run_id, t.as_json()) for t in changed])
        rows = b"\n".join(t.as_json() for t in changed)
        writer.retrying("insert into transitions", lambda: writer.tables.insert("transitions", rows))
    write_clocks(writer, [(p, clock, results[p]) for p, clock in rounds.items() if p in results])
    write_marks(writer, ({"partition": p, "round": clock.offset} for p, clock in rounds.items()))
    return results


def write_clocks(writer: Writer, rounds: Sequence[tuple[int, Clock, SweepResult]]) -> None:
    """Write the clocks of finished rounds, before their marks, which name them. Raises Stopped."""
    if clocks := b"\n".join(_clock_row(p, clock, result) for p, clock, result in rounds):
        writer.retrying("insert into clocks", lambda: writer.tables.insert("clocks", clocks))


def write_marks(writer: Writer, marks: Iterable[dict[str, Any]]) -> None:
    """Write how far partitions are projected and swept: a row each, of the columns of `watermarks`. Raises Stopped."""
    rows = b"\n".join(to_json(mark) for mark in marks)
    writer.retrying("insert into watermarks", lambda: writer.tables.insert("watermarks", rows))


def _select_changes(
    writer: Writer, rounds: Mapping[int, Clock], thresholds: Thresholds
) -> tuple[list[Transition], dict[int, SweepResult]]:
    rows: list[dict[str, Any]] = writer.tables.rows(
        sql("project/sweep"),
        partitions=list(rounds),
        clocks=[c.clock_ms for c in rounds.values()],
        since=[c.round_before_ms for c in rounds.values()],
        rounds_before=[c.round_before for c in rounds.values()],
        disconnected_ms=thresholds.disconnected_ms,
        stalled_ms=thresholds.stalled_ms,
    )
    # Asked after the tables were read, not before: while they were, another projector may have swept the round and gone on. As
    # long as nobody has swept it, nothing later than it is in the tables, and what was read is what the round says.
    parameters = {"partitions": list(rounds), "offsets": [c.offset for c in rounds.values()]}
    swept = {r["partition"] for r in writer.tables.rows(sql("project/swept"), **parameters)}
    results = {p: SweepResult() for p in rounds if p not in swept}
    changed: list[Transition] = []
    for row in rows:
        partition = row["partition"]
        if partition in results:
            results[partition] = SweepResult(
                OutageCounts(*row["outage_counts"]), row["same_until_ms"], frozenset(row["calm"])
            )
            changed += [_transition(partition, rounds[partition], *change) for change in row["changes"]]
    return changed, results


def _transition(
    partition: int, clock: Clock, run_id: str, from_status: str, to_status: str, reason: str
) -> Transition:
    at = clock.appended_at or 0
    return Transition(run_id, clock.offset, partition, at, clock.clock_ms, from_status, to_status, reason)


def _clock_row(partition: int, clock: Clock, result: SweepResult) -> bytes:
    counts = result.outage_counts
    return to_json(
        {
            "partition": partition,
            "offset": clock.offset,
            "appended_at": iso(clock.appended_at or 0),
            "clock_ms": clock.clock_ms,
            "interval_ms": clock.interval_ms,
            "processes": clock.processes,
            "live": counts.live,
            "fallen": counts.fallen,
            "suspects": counts.suspects,
        }
    )
