"""A message of the log as bytes: the envelope as one line of JSON, then for task records their array as a second line."""

from collections.abc import Sequence

from pydantic import TypeAdapter

from schemas.events import EVENT, Event, TaskRecord

_RECORDS: TypeAdapter[Sequence[TaskRecord]] = TypeAdapter(Sequence[TaskRecord])


def encode(event: Event, tasks: Sequence[TaskRecord] = ()) -> bytes:
    """The message; the records must carry their `run_id`. Absent fields are left out: ClickHouse fills NULL in."""
    head = EVENT.dump_json(event)
    return head if not tasks else head + b"\n" + _RECORDS.dump_json(tasks, exclude_none=True, by_alias=False)


def decode(message: bytes) -> tuple[Event, bytes]:
    """The event, and its task records as JSON objects joined by commas (no brackets), unread. Raises ValueError."""
    head, _, rows = message.partition(b"\n")
    return EVENT.validate_json(head), rows[1:-1]
