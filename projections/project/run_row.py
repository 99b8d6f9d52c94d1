"""What one message says of its run: a row of `runs`, each part of it a lattice. Pure."""

import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from projections.project.known_runs import Judged, makes_owner
from schemas.envelope import Envelope
from schemas.events import (
    Begun,
    Completed,
    Created,
    Heartbeat,
    Hiding,
    Launched,
    Payload,
    ProcessTotals,
    Progress,
    RunHidden,
    RunLabelled,
    RunLabelsChanged,
    RunShown,
    Stored,
    TasksChanged,
    Workflow,
)
from schemas.texts.error_texts import error_summary, plain
from schemas.thresholds import own
from schemas.values import INT64_MAX, iso
from stores.log.port import Record

#: A runner's instant may be so far ahead of the log's own time.
MOST_AHEAD_MS = 24 * 3600 * 1000
#: Texts up to so many bytes stand in lists of runs; schemas/tables/0070_runs_short_texts.sql says it of older rows.
SHORT_BYTES = 4096


def _first(record: Record, name: str) -> dict[str, Any]:
    """What the first message on the log says stays, whatever comes later: the earliest is the greatest."""
    return {"earliness": INT64_MAX - record.offset, "name": name}


def arrival(record: Record, observed: int, event: Envelope, data: Payload) -> dict[str, Any]:
    """The columns that the arrival of any request of a runner sets."""
    return {
        "partition": record.partition,
        "offset": record.offset,
        "first_appended_at": iso(record.appended_at),
        "seen": {"observed": observed, "appended": record.appended_at},
        "owner": _first(record, event.owner),
        "first_dialect": _first(record, data.dialect),
    }


def run_row(record: Record, observed: int, event: Envelope, data: Payload) -> dict[str, Any]:
    row: dict[str, Any]
    if isinstance(event, RunLabelled | RunLabelsChanged | RunHidden | RunShown):
        row = {"partition": record.partition, "offset": record.offset}  # people do these: no sign of life
        if makes_owner(event):
            row["owner"] = _first(record, event.owner)
    elif event.reread is not None:  # nor is what a person has read again
        row = {
            "partition": record.partition,
            "offset": record.offset,
            "first_appended_at": iso(record.appended_at),
            "first_dialect": _first(record, data.dialect),
        }
    else:
        row = arrival(record, observed, event, data)
    row |= {"run_id": event.run_id, "workspace": data.workspace}
    version = {"instant": data.instant or 0, "hash": _hash(event.id)}
    if data.instant is not None and data.instant > record.appended_at + MOST_AHEAD_MS:
        # What it says would stay for ever: so it counts only where nothing else does, the newest first.
        version = {"instant": 0, "hash": record.offset + 1}
    elif data.instant is not None:
        row["last_instant"] = iso(data.instant)
    if isinstance(data, Launched) and data.launched_as:
        row["launched_as"] = data.launched_as
    match data:
        case Created():
            row["created"] = version | {
                "name": data.name,
                "session_id": data.session_id,
                "project_name": data.project_name,
                "repository": data.repository,
            }
        case Begun():
            row |= {"begun": 1} | _facts(version, data.workflow)
            if data.process_names is not None:
                row["process_names"] = version | {"names": data.process_names}
        case TasksChanged():
            if "seen" in row:
                row["tasks_seen"] = row["seen"]
            row |= _progress(version, data.progress) | _stored(version, data.stored)
            row |= _process_totals(version, data.processes)
        case Heartbeat():
            row |= _progress(version, data.progress) | _stored(version, data.stored)
            row |= _process_totals(version, data.processes)
        case Completed():
            row["over"] = 0  # until its figures are made
            row |= _completed(version, data) | _progress(version, data.progress)
            if data.workflow is not None:
                row |= _facts(version, data.workflow)
            row |= _process_totals(version, data.processes)
        case Hiding():
            row["hiding"] = {
                "offset": record.offset + 1,  # above the default tuple at offset 0
                "hidden": int(isinstance(event, RunHidden)),
                "by": data.by,
            }
    return row


def _hash(event_id: str) -> int:
    """64 bits of an event's id, at least 1, so that the default tuple (0, 0, …) is below every event."""
    return max(1, int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest()))


def _facts(version: dict[str, int], w: Workflow) -> dict[str, Any]:
    facts = version | {
        "name": w.name,
        "session_id": w.session_id,
        "project_name": w.project_name,
        "script_name": w.script_name,
        "repository": w.repository,
        "revision": w.revision,
        "commit_id": w.commit_id,
        "work_dir": w.work_dir,
        "launch_dir": w.launch_dir,
        "output_dir": w.output_dir,
        "profile": w.profile,
        "user_name": w.user_name,
        "runner_name": w.runner.name,
        "runner_version": w.runner.version,
        "container_engine": w.container_engine,
        "resume": int(w.resume),
        "started_at": None if w.started_at is None else iso(w.started_at),
    }
    texts = {
        "command_line": w.command_line,
        "config_text": w.config_text,
        "params": json.dumps(w.params, ensure_ascii=False),
        "manifest": json.dumps(w.manifest, ensure_ascii=False),
    }
    name = w.manifest.get("name")
    short = {text: _short(whole) for text, whole in texts.items()}
    short_texts = version | {"manifest_name": name[:200] if isinstance(name, str) else ""} | short
    modes = version | {"stub": int(w.stub), "preview": int(w.preview)}
    return {"facts": facts, "fact_texts": version | texts, "short_texts": short_texts, "modes": modes}


def _short(text: str) -> str:
    return text if len(text.encode("utf-8", "replace")) <= SHORT_BYTES else ""


def _progress(version: dict[str, int], progress: Progress | None) -> dict[str, Any]:
    return {} if progress is None else {"progress": version | progress.model_dump()}


def _completed(version: dict[str, int], data: Completed) -> dict[str, Any]:
    ended = version | {
        "state": data.state,
        "completed_at": None if data.completed_at is None else iso(data.completed_at),
        "duration_ms": data.duration_ms,
        "exit_status": data.exit_status,
        "error_message": plain(data.error_message),
    }
    report = plain(data.error_report)
    return {
        "completed": ended,
        "completed_texts": version | {"error_report": report},
        "short_report": version | {"error_report": _short(report)},
        "error_summary": version | {"line": error_summary(data.error_message, data.error_report)},
    }


def label_columns(record: Record, judged: Judged) -> dict[str, Any]:
    if judged.labels is None:
        return {}
    version, thresholds = {"offset": record.offset + 1}, own(judged.labels)  # above the default at offset 0
    silences = {"disconnected_ms": thresholds.disconnected_ms, "stalled_ms": thresholds.stalled_ms}
    return {"labels": version | {"labels": judged.labels}, "own": version | silences}


def _process_totals(version: dict[str, int], processes: Sequence[ProcessTotals] | None) -> dict[str, Any]:
    if processes is None:
        return {}
    totals = [p.model_dump(exclude={"stored"}) for p in processes]
    return {"process_totals": version | {"processes": totals}} | _stored(version, processes)


def _stored(version: dict[str, int], totals: Sequence[Stored | ProcessTotals] | None) -> dict[str, Any]:
    rows = [{"process": p.process, "stored": p.stored} for p in totals or () if p.stored]
    return {"stored_totals": version | {"processes": rows}} if rows else {}
