"""Reads and writes rows of `alerts`, and reads what the notifier needs from other tables. It blocks: call it from a thread."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydantic import TypeAdapter

from projections.alerts.episodes import Alert
from projections.alerts.rules import Facts
from projections.project.outage_counts import NO_RUNS, OutageCounts
from projections.sql import sql
from schemas.diagnosis.causes import Certainty
from schemas.diagnosis.facts import of_run
from schemas.diagnosis.table import known_cause
from schemas.values import iso
from stores.tables.client import Tables

_ALERT: TypeAdapter[Alert] = TypeAdapter(Alert)

#: Alerts that ended are read at a start if they changed within this (ms): they hold the next episode back.
_RECENT_MS = 24 * 3_600_000
_RUNS_AT_ONCE = 1000
_ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a partition of the log is projected: append times (ms) of its newest tick and newest round, the round's offset
    and outage counts; 0 for none."""

    tick_ms: int = 0
    round: int = 0
    round_ms: int = 0
    outage_counts: OutageCounts = NO_RUNS


@dataclass(frozen=True, slots=True)
class Cycle:
    """A run of a session, its place in it, and when the log first had a later one (append time, ms; 0 for never)."""

    run_id: str
    name: str
    session: tuple[str, ...]
    place: tuple[int, int, str]
    resumed_ms: int


@dataclass(frozen=True, slots=True)
class Act:
    """What a person did about an alert, named by (partition, offset). For the act `run.hidden`, `alert_id` is the run's id."""

    partition: int
    offset: int
    alert_id: str
    act: str
    by: str
    until_ms: int | None
    at_ms: int


def row(alert: Alert, now: int) -> bytes:
    """Make the row of an alert."""
    return json.dumps(
        {
            "id": alert.id,
            "version": alert.version,
            "kind": alert.kind,
            "run_id": alert.run_id,
            "state": alert.state,
            "since": iso(alert.since),
            "fired_at": _iso(alert.fired_at),
            "resolved_at": _iso(alert.resolved_at),
            "summary": alert.summary,
            "group_id": alert.group,
            "acknowledged_at": _iso(alert.acknowledged_at),
            "acknowledged_by": alert.acknowledged_by,
            "silenced_until": _iso(alert.silenced_until),
            "deliveries": [
                {"receiver": r, "firing_at": _iso(n.delivered), "resolved_at": _iso(n.resolved_delivered)}
                for r, n in alert.notices.items()
            ],
            "finished": alert.finished,
            "changed_at": iso(now),
            "memory": _ALERT.dump_json(alert, by_alias=True).decode(),
        }
    ).encode()


@dataclass(frozen=True, slots=True)
class Storage:
    """Raises TablesUnavailable and ClickHouseError, as `Tables` does."""

    tables: Tables

    def load(self, now: int) -> list[Alert]:
        """Load the alerts that may still change, or that hold the next episode back."""
        rows = self.tables.rows(sql("alerts/alerts_open"), recent=now - _RECENT_MS, now=now)
        return [_ALERT.validate_json(r["memory"]) for r in rows]

    def save(self, alerts: Iterable[Alert], now: int) -> None:
        """Write the alerts as they are."""
        every = iter(alerts)
        while rows := b"\n".join(row(a, now) for a in islice(every, _ROWS_AT_ONCE)):
            self.tables.insert("alerts", rows)

    def facts(self, run_ids: Sequence[str]) -> dict[str, Facts]:
        """Facts of the runs, by run id, for the rules."""
        facts: dict[str, Facts] = {}
        for start in range(0, len(run_ids), _RUNS_AT_ONCE):
            rows = self.tables.rows(
                sql("alerts/alert_facts"), run_ids=list(run_ids[start : start + _RUNS_AT_ONCE])
            )
            facts |= {
                r["run_id"]: Facts(
                    r["name"],
                    r["repository"],
                    tuple(r["labels"]),
                    r["line"] or r["message"],
                    cause=_cause(r["message"] or r["line"], r["report"]) if r["failed"] else "",
                    hidden=bool(r["hidden"]),
                )
                for r in rows
            }
        return facts

    def cycles(self, run_ids: Sequence[str]) -> dict[str, Cycle]:
        """The places of these runs in their sessions, by run id."""
        cycles: dict[str, Cycle] = {}
        for start in range(0, len(run_ids), _RUNS_AT_ONCE):
            ids = list(run_ids[start : start + _RUNS_AT_ONCE])
            for r in self.tables.rows(sql("alerts/alert_cycles"), run_ids=ids):
                session, place = tuple(r["session"]), tuple(r["place"])
                cycles[r["run_id"]] = Cycle(r["run_id"], r["name"], session, place, r["resumed_ms"])
        return cycles

    def outage_counts(
        self, rounds: Collection[tuple[int, int]], within: int, marks: Mapping[int, Mark]
    ) -> dict[tuple[int, int], OutageCounts]:
        """Sum the outage counts of all partitions at each of the rounds, given as (append time in ms, partition).

        The other partitions count with their first round that is not earlier by more than `within` ms, or with their last
        round where they stood still before.
        """
        if not rounds:
            return {}
        rows = self.tables.rows(
            sql("alerts/outage_counts"), times=sorted({t for t, _ in rounds}), within=within
        )
        counted = {
            (r["time"], r["partition"]): (OutageCounts(*r["near"]), OutageCounts(*r["at"])) for r in rows
        }
        sums = dict.fromkeys(rounds, NO_RUNS)
        for time, own in rounds:
            for p, mark in marks.items():
                near, at = counted.get((time, p), (mark.outage_counts, mark.outage_counts))
                sums[time, own] += at if p == own else near
        return sums

    def marks(self) -> dict[int, Mark]:
        """How far each partition is projected, by partition."""
        rows: list[dict[str, Any]] = self.tables.rows(sql("alerts/alert_marks"))
        return {
            r["partition"]: Mark(r["tick_ms"], r["round"], r["round_ms"], OutageCounts(*r["outage_counts"]))
            for r in rows
        }

    def missing(self, partition: int, round: int) -> list[str]:
        """Ingest processes that the next round of the partition waits for."""
        rows = self.tables.rows(sql("alerts/alert_missing"), partition=partition, round=round)
        return [r["process"] for r in rows]

    def acts(self, since: int) -> list[Act]:
        """What people did since `since` (ms), in order."""
        return [Act(**r) for r in self.tables.rows(sql("alerts/alert_acts_since"), since=since)]


def _cause(message: str, report: str) -> str:
    """The cause by what the runner said, and how sure it is; '' where no rule of the diagnosis fits."""
    cause = known_cause(of_run(message, report)) if message or report else None
    if cause is None:
        return ""
    return f"{'Cause' if cause.certainty == Certainty.CERTAIN else 'Likely cause'}: {cause.cause}"


def _iso(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)
