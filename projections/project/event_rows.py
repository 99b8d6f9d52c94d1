"""Turns one message of the log into rows of the tables. Pure: nothing is looked up, the tables merge repeated arrivals.

Rows are JSON objects as bytes, by table. Task records are passed on unread, as the bytes that ingest validated.
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, get_args

from projections.project.letters import bounded
from projections.project.output_rows import output_rows
from schemas.dead_letters import Reread
from schemas.envelope import Envelope
from schemas.error_texts import error_summary, plain
from schemas.events import (
    AlertAcknowledged,
    AlertSilenced,
    Begun,
    ClockLeft,
    ClockTick,
    Completed,
    Created,
    Event,
    Heartbeat,
    Hiding,
    Labelled,
    Left,
    NoteWritten,
    Payload,
    ProcessTotals,
    Progress,
    RequestUnreadable,
    RunHidden,
    RunLabelled,
    RunShown,
    Stored,
    TasksChanged,
    Tick,
    Workflow,
)
from schemas.files.events import OutputsEvent
from schemas.statuses import Outcome
from schemas.thresholds import own
from schemas.values import INT64_MAX, iso
from schemas.wire import decode
from stores.log.port import Record


@dataclass(slots=True)
class EventRows:
    """The rows of one message by table, and the run whose figures change with it ('' for none)."""

    record: Record
    event: Event | None
    observed: int  # observed time, ms
    run_id: str = ""
    tasks: bytes = b""
    runs: bytes = b""
    dead_letters: bytes = b""
    notes: bytes = b""
    alert_acts: bytes = b""
    letter_replays: bytes = b""
    spools: bytes = b""
    executions: bytes = b""
    outputs: bytes = b""
    output_folders: bytes = b""
    output_deletions: bytes = b""
    output_reports: bytes = b""
    events: bytes = b""
    outcome: Outcome = Outcome.PROJECTED


class UnknownEventType(Exception):
    """A newer version wrote the event. To go on would lose it, so the projector stops and acknowledges nothing of it."""


#: The types of event that this version knows.
_TYPES = {model.model_fields["type"].default for model in get_args(get_args(Event)[0])}


def read(record: Record) -> tuple[Event | None, bytes, str]:
    """Decode a message: the event, its task rows, and '' or the reason why it cannot be read. Raises UnknownEventType."""
    try:
        event, tasks = decode(record.value)
    except ValueError as e:
        if unknown := _unknown_type(record.value):
            raise UnknownEventType(
                f"partition {record.partition}, offset {record.offset}: this version of the tracker does not know events of type "
                f"{unknown!r}, which a newer one has written. Nothing is lost: start that version again"
            ) from None
        return None, b"", f"not an event: {e}"[:2000]
    return event, tasks, ""


def _unknown_type(message: bytes) -> str:
    """The type of an envelope that this version does not know; '' for a known one, and for what is no envelope."""
    try:
        head = json.loads(message.partition(b"\n")[0])
    except (ValueError, RecursionError):
        return ""
    if not isinstance(head, dict) or not {"id", "source", "type", "data"} <= head.keys():
        return ""
    kind = head["type"]
    return kind[:100] if isinstance(kind, str) and kind not in _TYPES else ""


def event_rows(
    record: Record, observed: int, event: Event | None, tasks: bytes, unreadable: str
) -> EventRows:
    """Make the rows of one message. `observed` is its observed time in ms; the last three arguments are the result of `read`."""
    if event is None:
        raw = b64encode(record.value[:1_000_000]).decode()
        letter = dead_letter(record, None, "", "undecodable", unreadable, "", raw)
        row = _event_row(record, "undecodable", "", "", "", Outcome.DEAD_LETTERED, 0)
        return EventRows(
            record, None, observed, dead_letters=letter, events=row, outcome=Outcome.DEAD_LETTERED
        )
    rows = EventRows(record, event, observed, run_id=event.run_id, tasks=tasks)
    outcome, interval, source = Outcome.PROJECTED, 0, event.source
    if isinstance(event, ClockTick | ClockLeft):
        outcome, source = Outcome.CLOCK, event.data.process  # whoever wrote it, this is who ticks
        interval = event.data.interval_ms if isinstance(event, ClockTick) else 0
        rows.spools = _spool_row(record, event.data)
        rows.run_id = ""
    elif isinstance(event, RequestUnreadable):
        outcome = Outcome.DEAD_LETTERED
        rows.dead_letters = dead_letter(
            record, event, "", event.type, event.data.reason, event.data.request, event.data.raw
        )
        if event.run_id:  # not understood, and yet a sign of life
            rows.runs = _json({"run_id": event.run_id, **_arrival(record, observed, event, event.data)})
    elif isinstance(event, AlertAcknowledged | AlertSilenced):
        rows.run_id = ""
        rows.alert_acts = _alert_act(record, event)
    elif isinstance(event, OutputsEvent):  # the collector and people say these, so they are no sign of life
        for table, added in output_rows(record, event).items():
            setattr(rows, table, b"\n".join(_json(row) for row in added))
    elif isinstance(event, NoteWritten):  # people write notes, so they are no sign of life
        rows.notes = _note_row(record, event)
    else:
        rows.runs = _json(_run_row(record, observed, event, event.data))
        if isinstance(event, RunHidden):
            rows.alert_acts = _alert_act(record, event)
        rows.dead_letters = _set_aside(record, event, event.data)
        if event.reread is not None:
            rows.letter_replays = _replay_row(record, event, event.reread)
    rows.outcome = outcome
    rows.events = _event_row(record, event.type, event.id, event.run_id, source, outcome, interval)
    return rows


def _json(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _event_row(
    record: Record, type: str, id: str, run_id: str, source: str, outcome: Outcome, interval_ms: int
) -> bytes:
    return _json(
        {
            "partition": record.partition,
            "type": type,
            "offset": record.offset,
            "id": id,
            "run_id": run_id,
            "source": source,
            "outcome": outcome,
            "interval_ms": interval_ms,
            "appended_at": iso(record.appended_at),
        }
    )


def dead_letter(
    record: Record, event: Event | None, part: str, type: str, reason: str, request: str, raw: str
) -> bytes:
    """Make a row of `dead_letters` for a part of the message, or for all of it if `part` is empty. `raw` is text or base64."""
    data = event.data if event is not None and isinstance(event.data, Payload) else Payload()
    return _json(
        {
            "partition": record.partition,
            "offset": record.offset,
            "part": part,
            "run_id": event.run_id if event else "",
            "type": type,
            "reason": reason,
            "request": request,
            "dialect": data.dialect if event else "",
            "workspace": data.workspace,
            "owner": event.owner if event else "",
            "raw": raw,
            "appended_at": iso(record.appended_at),
        }
    )


def _set_aside(record: Record, event: Event, data: Payload) -> bytes:
    """Make the dead letters of a message's parts; one more counts those that are too many."""
    letters, left = bounded(
        dead_letter(record, event, s.part, event.type, s.reason, "", s.raw) for s in data.set_aside
    )
    if left:
        reason = f"{left} more parts of this message were set aside, too many to list"
        letters += dead_letter(record, event, "and more", event.type, reason, "", "")
    return letters


def _replay_row(record: Record, event: Envelope, letter: Reread) -> bytes:
    return _json(
        {
            **letter.model_dump(),
            "log_partition": record.partition,
            "log_offset": record.offset,
            "run_id": event.run_id,
            "appended_at": iso(record.appended_at),
        }
    )


def _spool_row(record: Record, data: Tick | Left) -> bytes:
    """Make a row of `spools` from partition 0 alone: a process sends the same tick to every partition."""
    if data.spooled is None or record.partition != 0:
        return b""
    return _json(
        {
            "spool": data.spooled.spool,
            "offset": record.offset,
            "process": data.process,
            "requests": data.spooled.requests,
            "told_at": iso(record.appended_at),
        }
    )


def _note_row(record: Record, event: NoteWritten) -> bytes:
    note = {
        "run_id": event.run_id,
        "kind": event.data.kind,
        "note_id": event.data.note_id,
        "partition": record.partition,
        "offset": record.offset,
        "author": event.data.author,
        "text": event.data.text,
        "written_at": iso(record.appended_at),
    }
    return _json(note)


def _alert_act(record: Record, event: AlertAcknowledged | AlertSilenced | RunHidden) -> bytes:
    return _json(
        {
            "partition": record.partition,
            "offset": record.offset,
            "alert_id": event.run_id if isinstance(event, RunHidden) else event.data.alert_id,
            "act": event.type,
            "by": event.data.by,
            "until": iso(event.data.until) if isinstance(event, AlertSilenced) else None,
            "appended_at": iso(record.appended_at),
        }
    )


def _first(record: Record, name: str) -> dict[str, Any]:
    """What the first message on the log says stays, whatever comes later: the earliest is the greatest."""
    return {"earliness": INT64_MAX - record.offset, "name": name}


def _arrival(record: Record, observed: int, event: Envelope, data: Payload) -> dict[str, Any]:
    """The columns that the arrival of any request of a runner sets."""
    return {
        "partition": record.partition,
        "offset": record.offset,
        "first_appended_at": iso(record.appended_at),
        "seen": {"observed": observed, "appended": record.appended_at},
        "owner": _first(record, event.owner),
        "first_dialect": _first(record, data.dialect),
    }


def _run_row(record: Record, observed: int, event: Envelope, data: Payload) -> dict[str, Any]:
    row: dict[str, Any]
    if isinstance(event, RunLabelled | RunHidden | RunShown):  # people do these, so they are no sign of life
        row = {"partition": record.partition, "offset": record.offset}
    elif event.reread is not None:  # nor is what a person has read again
        row = {
            "partition": record.partition,
            "offset": record.offset,
            "first_appended_at": iso(record.appended_at),
            "first_dialect": _first(record, data.dialect),
        }
    else:
        row = _arrival(record, observed, event, data)
    row |= {"run_id": event.run_id, "workspace": data.workspace}
    if data.instant is not None:
        row["last_instant"] = iso(data.instant)
    version = {"instant": data.instant or 0, "hash": _hash(event.id)}
    state = {"offset": record.offset + 1}  # + 1: above the default tuple at offset 0
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
        case Heartbeat():
            row |= _progress(version, data.progress) | _stored(version, data.stored)
        case Completed():
            row["over"] = 0  # until its figures are made
            row |= _completed(version, data) | _progress(version, data.progress)
            if data.workflow is not None:
                row |= _facts(version, data.workflow)
            if data.processes is not None:
                totals = [p.model_dump(exclude={"stored"}) for p in data.processes]
                row["process_totals"] = version | {"processes": totals}
                row |= _stored(version, data.processes)
        case Labelled():
            row["labels"] = state | {"labels": data.labels}
            thresholds = own(data.labels)
            row["own"] = state | {
                "disconnected_ms": thresholds.disconnected_ms,
                "stalled_ms": thresholds.stalled_ms,
            }
        case Hiding():
            row["hiding"] = state | {
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
    texts = version | {
        "command_line": w.command_line,
        "config_text": w.config_text,
        "params": json.dumps(w.params, ensure_ascii=False),
        "manifest": json.dumps(w.manifest, ensure_ascii=False),
    }
    modes = version | {"stub": int(w.stub), "preview": int(w.preview)}
    return {"facts": facts, "fact_texts": texts, "modes": modes}


def _progress(version: dict[str, int], progress: Progress | None) -> dict[str, Any]:
    return {} if progress is None else {"progress": version | progress.model_dump()}


def _stored(version: dict[str, int], totals: Sequence[Stored | ProcessTotals] | None) -> dict[str, Any]:
    rows = [{"process": p.process, "stored": p.stored} for p in totals or () if p.stored]
    return {"stored_totals": version | {"processes": rows}} if rows else {}


def _completed(version: dict[str, int], data: Completed) -> dict[str, Any]:
    ended = version | {
        "state": data.state,
        "completed_at": None if data.completed_at is None else iso(data.completed_at),
        "duration_ms": data.duration_ms,
        "exit_status": data.exit_status,
        "error_message": plain(data.error_message),
    }
    return {
        "completed": ended,
        "completed_texts": version | {"error_report": plain(data.error_report)},
        "error_summary": version | {"line": error_summary(data.error_message, data.error_report)},
    }
