"""The tables beside the reference reducer: every figure, fact, status, clock and transition."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from schemas.thresholds import own
from stores.tables.client import Tables
from tests.support.projection import transitions, utc_ms
from tests.support.reference.figures import COUNTS, Rate, of_run
from tests.support.reference.reducer import Expected, Limits, Run, Told
from tests.support.sql import expand

#: Fields of the run's tuples as the events name them, where the names are the same.
_FACTS = (
    *("name", "session_id", "project_name", "script_name", "repository", "revision", "commit_id", "work_dir"),
    *("launch_dir", "output_dir", "profile", "user_name", "container_engine", "resume", "started_at"),
)
_COMPLETED = ["state", "completed_at", "duration_ms", "exit_status", "error_message"]
_PLAIN = ["partition", "offset", "first_appended_at", "last_instant", "workspace", "begun"]

Rows = dict[Any, Any]


def differences(
    tables: Tables, expected: Expected, limits: Limits, rates: Sequence[Rate] = (), price_version: int = 0
) -> list[str]:
    """Where the tables are not what the reducer says, in words."""
    versions = {r.run_id: (r.offset << 64) + price_version for r in expected.runs.values()}
    pairs = {
        "run": _runs(tables, expected),
        "task": _tasks(tables, expected, rates),
        "figures": _figures(tables, expected, rates, versions),
        "process": _processes(tables, expected, rates, versions),
        "status": _statuses(tables, expected, limits),
        "event": _events(tables, expected),
        "dead letter": _letters(tables, expected),
        "note": _notes(tables, expected),
        "spool": _spools(tables, expected),
        "clock": _clocks(tables, expected),
        "watermark": _watermarks(tables, expected),
        "transition": _transitions(tables, expected),
    }
    return [
        f"{what} {key}: is {shown.get(key)}, should be {wanted.get(key)}"
        for what, (shown, wanted) in pairs.items()
        for key in sorted(shown.keys() | wanted.keys(), key=str)
        if shown.get(key) != wanted.get(key)
    ]


def _runs(tables: Tables, expected: Expected) -> tuple[Rows, Rows]:
    wanted = {run_id: _run(run) for run_id, run in expected.runs.items()}
    shown = {
        r["run_id"]: _only(r, wanted.get(r["run_id"], r)) for r in tables.rows("SELECT * FROM runs FINAL")
    }
    return shown, wanted


def _run(run: Run) -> Rows:
    row: Rows = {name: getattr(run, name) for name in _PLAIN}
    row["seen"] = dict(zip(("observed", "appended"), run.seen, strict=True))
    row["tasks_seen"] = dict(zip(("observed", "appended"), run.tasks_seen, strict=True))
    row["created"] = _told(run.created, ("name", "session_id", "project_name", "repository"))
    row["facts"] = _told(run.facts, _FACTS)
    row["fact_texts"] = _told(run.facts, ("command_line", "config_text"))
    if run.facts:
        runner = run.facts.data.runner
        row["facts"] |= {"runner_name": runner.name, "runner_version": runner.version}
    row["modes"] = _told(run.facts, ("stub", "preview"))
    row["process_names"] = _told(run.names, ())
    if run.names:
        row["process_names"] |= {"names": run.names.data}
    row["completed"] = _told(run.completed, _COMPLETED)
    row["process_totals"] = _told(run.processes, ())
    row["over"] = int(run.completed is not None)
    row["stored_totals"] = _told(run.stored, ())
    row["completed_texts"] = _told(run.completed, ("error_report",))
    row["progress"] = _told(run.progress, type(run.progress.data).model_fields if run.progress else ())
    version, labels = run.labels
    row["labels"] = {"offset": version, "labels": labels}
    disconnected_ms, stalled_ms, _ = own(labels)
    row["own"] = {"offset": version, "disconnected_ms": disconnected_ms, "stalled_ms": stalled_ms}
    if run.first_dialect:
        first, dialect = run.first_dialect
        row["first_dialect"] = {"earliness": 2**63 - 1 - first, "name": dialect}
    if run.owner:
        first, whose = run.owner
        row["owner"] = {"earliness": 2**63 - 1 - first, "name": whose}
    row["hiding"] = dict(zip(("offset", "hidden", "by"), run.hiding, strict=True))
    return row


def _told(told: Told | None, names: Sequence[str] | Mapping[str, Any]) -> Rows:
    if told is None:
        return {"instant": 0, "hash": 0}
    return {"instant": told.instant, "hash": told.hash} | {name: getattr(told.data, name) for name in names}


def _only(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> Rows:
    """The fields of the row that are wanted, times in ms."""
    return {
        k: _only(v, wanted[k]) if isinstance(v, dict) else _value(v) for k, v in row.items() if k in wanted
    }


def _value(value: Any) -> Any:
    return utc_ms(value) if isinstance(value, datetime) else value


def _tasks(tables: Tables, expected: Expected, rates: Sequence[Rate]) -> tuple[Rows, Rows]:
    rows = tables.rows(
        expand(
            "SELECT run_id, task_id, shown, inferred, status, name, process, attempt, error_action, submitted_at, started_at, "
            'completed_at, cpus, memory_bytes, machine_type, cost FROM {{ task_facts("{ids:Array(String)}") }}'
        ),
        ids=list(expected.runs),
    )
    shown = {(r.pop("run_id"), r.pop("task_id")): {k: _value(v) for k, v in r.items()} for r in rows}
    wanted = {}
    for run in expected.runs.values():
        for task_id, t in run.tasks(rates).items():
            facts = {"shown": t.shown, "inferred": t.inferred, "cost": t.cost}
            told = t.record.model_dump(exclude={"run_id", "task_id"})
            row = {k: _value(v) for k, v in told.items()} | facts
            wanted[run.run_id, task_id] = {k: row[k] for k in rows[0]} if rows else row
    return shown, wanted


def _of_run(run: Run, rates: Sequence[Rate]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    totals = run.progress.data if run.progress else None
    processes = run.processes.data if run.processes else ()
    stored = run.stored.data if run.stored else ()
    return of_run(list(run.tasks(rates).values()), run.completed is not None, totals, processes, stored)


def _figures(
    tables: Tables, expected: Expected, rates: Sequence[Rate], versions: Mapping[str, int]
) -> tuple[Rows, Rows]:
    rows = tables.rows("SELECT * FROM run_figures FINAL")
    wanted = {}
    for run_id, run in expected.runs.items():
        figures, _ = _of_run(run, rates)
        names = (
            *COUNTS,
            "tasks",
            "open_tasks",
            "cost",
            "cost_spot",
            "cost_on_demand",
            "cost_flat",
            "cost_hosts",
            "assumed",
            "saved",
            "wasted",
            "unpriced",
            "cpu_ms",
            "peak",
            "total",
            "missing",
            "stored",
            "never_run",
        )
        wanted[run_id] = {k: figures[k] for k in names} | {"version": versions[run_id]}
    return {r.pop("run_id"): r for r in rows}, wanted


def _processes(
    tables: Tables, expected: Expected, rates: Sequence[Rate], versions: Mapping[str, int]
) -> tuple[Rows, Rows]:
    newest = "(SELECT run_id, max(version) FROM run_processes GROUP BY run_id)"
    rows = tables.rows(f"SELECT * FROM run_processes FINAL WHERE (run_id, version) IN {newest}")
    wanted = {}
    for run_id, run in expected.runs.items():
        _, processes = _of_run(run, rates)
        for process, figures in processes.items():
            wanted[run_id, process] = figures | {"version": versions[run_id]}
    shown = {(r.pop("run_id"), r.pop("process")): {k: _value(v) for k, v in r.items()} for r in rows}
    return shown, wanted


def _statuses(tables: Tables, expected: Expected, limits: Limits) -> tuple[Rows, Rows]:
    """Judged at the clock of each partition's last round, as readers do."""
    clocks: dict[int, int] = {}
    for (partition, _), at in sorted(expected.rounds.items()):
        clocks[partition] = at.clock_ms
    rows = tables.rows(
        expand("SELECT run_id, reported_state, liveness, status, reason FROM {{ run_statuses() }}"),
        clock_partitions=list(clocks),
        clock_times=list(clocks.values()),
        behind=[],
        disconnected_ms=limits.disconnected_ms,
        stalled_ms=limits.stalled_ms,
    )
    wanted = {r.run_id: tuple(r.judge(clocks.get(r.partition, 0), limits)) for r in expected.runs.values()}
    return {r.pop("run_id"): tuple(r.values()) for r in rows}, wanted


def _events(tables: Tables, expected: Expected) -> tuple[Rows, Rows]:
    rows = tables.rows("SELECT partition, offset, type, id, run_id, outcome FROM events FINAL")
    return {(r.pop("partition"), r.pop("offset")): tuple(r.values()) for r in rows}, expected.events


def _letters(tables: Tables, expected: Expected) -> tuple[Rows, Rows]:
    rows = tables.rows("SELECT partition, offset, part FROM dead_letters FINAL")
    return {tuple(r.values()): 1 for r in rows}, dict.fromkeys(expected.letters, 1)


def _notes(tables: Tables, expected: Expected) -> tuple[Rows, Rows]:
    rows = tables.rows("SELECT run_id, kind, note_id, partition, offset, author, text FROM notes FINAL")
    found = [tuple(r.values()) for r in rows]
    return {r[:5]: r[5:] for r in found}, expected.notes


def _spools(tables: Tables, expected: Expected) -> tuple[Rows, Rows]:
    rows = tables.rows("SELECT spool, offset, process, requests FROM spools FINAL")
    return {r.pop("spool"): tuple(r.values()) for r in rows}, expected.spools


def _clocks(tables: Tables, expected: Expected) -> tuple[Rows, Rows]:
    rows = tables.rows(
        "SELECT partition, offset, appended_at, clock_ms, interval_ms, processes, live, fallen, suspects FROM clocks FINAL"
    )
    shown = {(r.pop("partition"), r.pop("offset")): tuple(map(_value, r.values())) for r in rows}
    return shown, {k: tuple(at) for k, at in expected.rounds.items()}


def _watermarks(tables: Tables, expected: Expected) -> tuple[Rows, Rows]:
    rounds = dict(sorted(expected.rounds))  # by partition: the offset of its last round
    wanted = {p: (*mark, rounds.get(p, 0)) for p, mark in expected.watermarks.items()}
    rows = tables.rows("SELECT partition, offset, tick, round FROM watermarks FINAL")
    return {r["partition"]: (r["offset"], tuple(r["tick"].values()), r["round"]) for r in rows}, wanted


def _transitions(tables: Tables, expected: Expected) -> tuple[Rows, Rows]:
    shown, wanted = transitions(tables), expected.transitions
    return {(t.run_id, t.offset): t for t in shown}, {(t.run_id, t.offset): t for t in wanted}
