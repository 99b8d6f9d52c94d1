"""The fast path: Nextflow's `progress` and `heartbeat` when all is well with them, decoded by msgspec in a quarter of the time.

The structs are made from the model `NextflowTask`, so each field, its name and its limits are written once. What they do not take
(numbers as strings, null for a text, a value out of range) raises NotUsual, and the caller reads the request with patience, which
knows what to keep and what to set aside. What both take they make the same of.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta
from pydantic import TypeAdapter

from ingest.nextflow import EXIT_UNKNOWN, STATUSES, NextflowProgress, NextflowTask
from schemas.events import Progress, TaskRecord
from schemas.values import INT64_MAX, MOST_OBJECT, MS_MAX, NEVER, object_text


class NotUsual(Exception):
    """The request needs the patient path."""


_TOO_LATE = datetime(2300, 1, 1, tzinfo=UTC)
_TYPES = {"string": str, "integer": int, "number": float}
_LIMITS = {"minimum": "ge", "maximum": "le", "maxLength": "max_length"}
#: Fields that are more than a type and limits: what a runner may write there.
_OWN_TYPES: dict[str, Any] = {
    "status": Literal[tuple(STATUSES)],
    "native_id": Annotated[str, Meta(max_length=2**20)] | Annotated[int, Meta(ge=-INT64_MAX, le=INT64_MAX)],
    "scratch": Annotated[str, Meta(max_length=2**20)] | bool,
    "resource_allocation": dict[str, Any],
    "gpu_metrics": dict[str, Any],
}


def _type_of(schema: Mapping[str, Any]) -> Any:
    """The type that msgspec checks, for the JSON Schema of a field."""
    if schema.get("format") == "date-time":
        return Annotated[datetime, Meta(tz=True)]
    if schema["type"] == "array":
        return list[_type_of(schema["items"])]  # type: ignore[misc]  # made at run time
    limits = {ours: schema[theirs] for theirs, ours in _LIMITS.items() if theirs in schema}
    return Annotated[_TYPES[schema["type"]], Meta(**limits)]


def _structs() -> tuple[type[msgspec.Struct], type[msgspec.Struct]]:
    """A task as Nextflow writes it and as it stands on the log: the same fields in the same order under two names each."""
    schemas = NextflowTask.model_json_schema()["properties"]
    read: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    write: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    names = {}
    for name, field in NextflowTask.model_fields.items():
        names[name] = theirs = str(field.validation_alias or name)
        schema = schemas[theirs]
        type_ = _OWN_TYPES.get(name) or _type_of(schema.get("anyOf", [schema])[0])
        if field.is_required():
            read.append((name, type_))
            write.append((name, Any))
        elif field.default is None:
            read.append((name, type_ | None, None))
            write.append((name, Any, None))
        else:
            read.append((name, type_, field.default))
            write.append((name, Any))  # without a default, since the log has these fields always
    task = msgspec.defstruct("Task", read, rename=names, kw_only=True, gc=False)
    return task, msgspec.defstruct("TaskRow", write, omit_defaults=True, kw_only=True, gc=False)


_Task, _TaskRow = _structs()


class Body(msgspec.Struct, gc=False):
    """The body of a request. Its totals are a few figures, which the model reads."""

    tasks: list[_Task] | None = None  # type: ignore[valid-type]  # made at run time
    progress: msgspec.Raw = msgspec.Raw(b"null")
    instant: Annotated[int, Meta(ge=0, le=MS_MAX)] | None = None


_BODY = msgspec.json.Decoder(Body)
_PROGRESS: TypeAdapter[NextflowProgress | None] = TypeAdapter(NextflowProgress | None)


def read(body: bytes, run_id: str) -> tuple[list[TaskRecord], Progress | None, int | None]:
    """The task records, not yet redacted, the totals and the instant. Raises NotUsual.

    The records are structs with the fields of `TaskRecord`; `schemas/wire.py` encodes them.
    """
    try:
        usual = _BODY.decode(body)
        progress = _PROGRESS.validate_json(bytes(usual.progress))
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise NotUsual(str(error)[:200]) from error
    tasks = usual.tasks or []
    for task in tasks:
        _finish(task, run_id)
    return cast(list[TaskRecord], tasks), progress, usual.instant


def _finish(task: Any, run_id: str) -> None:
    """Give the values and names of the log to a task, in place. Raises NotUsual."""
    task.run_id = run_id
    task.status = STATUSES[task.status].value
    if task.exit == EXIT_UNKNOWN:
        task.exit = None
    task.submitted_at = _moment(task.submitted_at)
    task.started_at = _moment(task.started_at)
    task.completed_at = _moment(task.completed_at)
    if task.native_id is not None:
        task.native_id = str(task.native_id)
    if isinstance(task.scratch, bool):
        task.scratch = str(task.scratch).lower()
    if task.resource_allocation is not None:
        task.resource_allocation = _object(task.resource_allocation)
    if task.gpu_metrics is not None:
        task.gpu_metrics = _object(task.gpu_metrics)
    # The two structs have the same layout, so this renames all fields at once; Python refuses it if ever they differ.
    task.__class__ = _TaskRow


def _moment(value: datetime | None) -> datetime | None:
    """A time in whole ms, as Nextflow writes them; None for "not yet". Raises NotUsual.

    Of digits below a microsecond pydantic cuts what msgspec rounds. So finer times take the patient path; all that is left of the
    difference is a time which is less than 0.5 µs short of a whole ms, and is here that ms.
    """
    if value is None:
        return None
    if value.microsecond % 1000 or not NEVER <= value < _TOO_LATE:
        raise NotUsual("a time that is finer than ms, or out of range")
    return None if value == NEVER else value


def _object(value: dict[str, Any]) -> str:
    try:
        text = object_text(value)
    except ValueError as error:
        raise NotUsual(str(error)) from error
    if len(text) > MOST_OBJECT:
        raise NotUsual("an object that is too large")
    return text
