"""Turns one message of the log into rows of the tables. Pure: nothing is looked up, the tables merge repeated arrivals.

Rows are JSON objects as bytes, by table. Task records are passed on unread, as the bytes that ingest validated.
"""

import json
from base64 import b64encode
from dataclasses import dataclass
from typing import get_args

from projections.hosts.host_row import host_row
from projections.project.kept_texts import kept
from projections.project.known_runs import Judged
from projections.project.letters import dead_letter, dropped, set_aside, to_json
from projections.project.output_rows import output_rows
from projections.project.run_row import arrival, label_columns, run_row
from schemas.dead_letters import FOREIGN, Reread
from schemas.envelope import Envelope
from schemas.events import (
    AlertAcknowledged,
    AlertAssigned,
    AlertSilenced,
    ClockLeft,
    ClockTick,
    Event,
    Left,
    NoteWritten,
    RequestUnreadable,
    RunHidden,
    Tick,
)
from schemas.files.events import OutputsEvent
from schemas.hosts.events import HostSeen
from schemas.statuses import Outcome
from schemas.values import iso
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
    hosts: bytes = b""
    events: bytes = b""
    outcome: Outcome = Outcome.PROJECTED
    labels: tuple[str, ...] | None = None  # the run's labels after it, if it changes them


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
    record: Record,
    observed: int,
    event: Event | None,
    tasks: bytes,
    unreadable: str,
    judged: Judged = Judged(),  # noqa: B008 - immutable
) -> EventRows:
    """Make the rows of one message. `observed` is its observed time in ms; the next three arguments are the result of `read`, and
    `judged` says how it stands to its run."""
    if event is None:
        raw = b64encode(record.value[:1_000_000]).decode()
        letter = dead_letter(record, None, "", "undecodable", unreadable, "", raw)
        row = _event_row(record, "undecodable", "", "", "", Outcome.DEAD_LETTERED, 0)
        return EventRows(
            record, None, observed, dead_letters=letter, events=row, outcome=Outcome.DEAD_LETTERED
        )
    if judged.foreign:
        return _foreign_rows(record, observed, event)
    rows = EventRows(record, event, observed, run_id=event.run_id, tasks=tasks, labels=judged.labels)
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
            rows.runs = to_json({"run_id": event.run_id, **arrival(record, observed, event, event.data)})
    elif isinstance(event, AlertAcknowledged | AlertSilenced | AlertAssigned):
        rows.run_id = ""
        rows.alert_acts = _alert_act(record, event)
    elif isinstance(event, HostSeen):
        rows.hosts = to_json(host_row(record, event))
    elif isinstance(event, OutputsEvent):  # the collector and people say these, so they are no sign of life
        for table, added in output_rows(record, event).items():
            setattr(rows, table, b"\n".join(to_json(row) for row in added))
    elif isinstance(event, NoteWritten):  # people write notes, so they are no sign of life
        rows.notes = _note_row(record, event)
    else:
        data, cut = kept(record, event.data)
        rows.runs = to_json(run_row(record, observed, event, data) | label_columns(record, judged))
        if isinstance(event, RunHidden):
            rows.alert_acts = _alert_act(record, event)
        rows.dead_letters = set_aside(record, event, [*data.set_aside, *cut]) + dropped(record, event, judged)
        if event.reread is not None:
            rows.letter_replays = _replay_row(record, event, event.reread)
    rows.outcome = outcome
    rows.events = _event_row(record, event.type, event.id, event.run_id, source, outcome, interval)
    return rows


def _foreign_rows(record: Record, observed: int, event: Event) -> EventRows:
    """The rows of what somebody else than the run's owner sent: a dead letter alone. It is no sign of life either."""
    if isinstance(event, RequestUnreadable):
        request, raw = event.data.request, event.data.raw
    else:
        request, raw = "", b64encode(record.value[:1_000_000]).decode()
    letter = dead_letter(record, event, "", event.type, FOREIGN, request, raw)
    row = _event_row(
        record, event.type, event.id, event.run_id, event.source, Outcome.DEAD_LETTERED, interval_ms=0
    )
    outcome = Outcome.DEAD_LETTERED
    return EventRows(record, event, observed, dead_letters=letter, events=row, outcome=outcome)


def _event_row(
    record: Record, type: str, id: str, run_id: str, source: str, outcome: Outcome, interval_ms: int
) -> bytes:
    return to_json(
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


def _replay_row(record: Record, event: Envelope, letter: Reread) -> bytes:
    return to_json(
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
    return to_json(
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
    return to_json(note)


def _alert_act(record: Record, event: AlertAcknowledged | AlertSilenced | AlertAssigned | RunHidden) -> bytes:
    return to_json(
        {
            "partition": record.partition,
            "offset": record.offset,
            "alert_id": event.run_id if isinstance(event, RunHidden) else event.data.alert_id,
            "act": event.type,
            "by": event.data.by,
            "until": iso(event.data.until) if isinstance(event, AlertSilenced) else None,
            "assignee": event.data.to if isinstance(event, AlertAssigned) else "",
            "appended_at": iso(record.appended_at),
        }
    )
