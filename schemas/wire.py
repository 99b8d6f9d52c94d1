"""A message of the log as bytes: the envelope as one line of JSON, then for task records their array as a second line."""

from collections.abc import Sequence

import msgspec

from schemas.events import EVENT, TASK_RECORDS, Event, TaskRecord
from schemas.values import FROM_LOG


def encode(event: Event, tasks: Sequence[TaskRecord] = ()) -> bytes:
    """The message; the records must carry their `run_id`. Absent fields are left out: ClickHouse fills NULL in.

    The records are all models, or all structs of ingest's fast path with the same fields.
    """
    head = EVENT.dump_json(event)
    if not tasks:
        return head
    if isinstance(tasks[0], msgspec.Struct):
        return head + b"\n" + msgspec.json.encode(tasks)
    return head + b"\n" + TASK_RECORDS.dump_json(list(tasks), exclude_none=True)


def decode(message: bytes) -> tuple[Event, bytes]:
    """The event, and its task records as JSON objects joined by commas (no brackets), unread. Raises ValueError."""
    head, _, rows = message.partition(b"\n")
    return EVENT.validate_json(head, context=FROM_LOG), rows[1:-1]
