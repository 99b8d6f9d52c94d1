"""Our own dialect, `POST /v1/events`, for any runner: the event types of the log, one event or a batch.

Unlike the dialects of foreign runners this one refuses what is wrong, so that whoever writes a client learns
of it: all of a batch is accepted, or nothing. docs/events.md shows it with examples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pydantic_core
from pydantic import Field, ValidationError, field_validator

from ingest import ids
from ingest.partial_parsing import without_surrogates
from ingest.request import RunnerEvent
from schemas.envelope import Model
from schemas.events import (
    Begun,
    Completed,
    Created,
    Heartbeat,
    Labelled,
    LabelsChanged,
    Launched,
    RunBegun,
    RunCompleted,
    RunCreated,
    RunHeartbeat,
    RunLabelled,
    RunLabelsChanged,
    TaskRecord,
    TasksChanged,
    TasksChangedEvent,
)
from schemas.hosts.events import Host, HostSeen
from schemas.statuses import Dialect
from schemas.values import Ms

NativeEvent = RunnerEvent | RunLabelled | RunLabelsChanged | HostSeen

MOST_EVENTS = 1000
MOST_TASKS = 10_000
MOST_ERRORS = 100


class Refused(Exception):
    """A bad request. `errors` say where (`loc`, as in the body) and what (`msg`)."""

    def __init__(self, status: int, title: str, detail: str, errors: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail, self.errors = status, title, detail, list(errors)


class Tasks(TasksChanged):
    tasks: list[TaskRecord] = Field(min_length=1, max_length=MOST_TASKS)


class Item(Model):
    """What an event needs besides its data: the run, by id or by what an id is derived from."""

    run_id: str | None = None
    start: Ms | None = Field(
        None, description="When the run started; with session_id and name it gives the id"
    )
    session_id: Annotated[str, Field(max_length=1000)] = ""
    name: Annotated[str, Field(max_length=1000)] = ""
    workspace: Annotated[str, Field(max_length=1000)] = ""

    @field_validator("run_id")
    @classmethod
    def _well_shaped(cls, value: str | None) -> str | None:
        if value is not None and not ids.is_run_id(value):
            raise ValueError("1 to 64 letters, digits, - and _, and neither null nor undefined")
        return value


class CreatedItem(Item):
    type: Literal["run.created"]
    data: Created = Created()


class BegunItem(Item):
    type: Literal["run.begun"]
    data: Begun = Begun()


class TasksItem(Item):
    type: Literal["tasks.changed"]
    data: Tasks


class HeartbeatItem(Item):
    type: Literal["run.heartbeat"]
    data: Heartbeat = Heartbeat()


class CompletedItem(Item):
    type: Literal["run.completed"]
    data: Completed


class LabelledItem(Item):
    type: Literal["run.labelled"]
    data: Labelled


class LabelsItem(Item):
    type: Literal["labels.changed"]
    data: LabelsChanged


class HostItem(Model):
    """Of no run: what is said of a host holds for the tasks of all."""

    type: Literal["host.seen"]
    data: Host


RunItem = CreatedItem | BegunItem | TasksItem | HeartbeatItem | CompletedItem | LabelledItem | LabelsItem
AnyItem = RunItem | HostItem

_ITEMS: dict[str, type[AnyItem]] = {
    "run.created": CreatedItem,
    "run.begun": BegunItem,
    "tasks.changed": TasksItem,
    "run.heartbeat": HeartbeatItem,
    "run.completed": CompletedItem,
    "run.labelled": LabelledItem,
    "labels.changed": LabelsItem,
    "host.seen": HostItem,
}


_EVENTS: dict[str, type[NativeEvent]] = {
    "run.created": RunCreated,
    "run.begun": RunBegun,
    "run.heartbeat": RunHeartbeat,
    "run.completed": RunCompleted,
    "run.labelled": RunLabelled,
    "labels.changed": RunLabelsChanged,
}


@dataclass(frozen=True, slots=True)
class Sender:
    """Through which process a request came, when (epoch ms), whose token it had, and whether that may change every run."""

    process: str
    now: int
    owner: str = ""
    on_any_run: bool = False


def read(body: bytes, sender: Sender) -> list[tuple[NativeEvent, list[TaskRecord]]]:
    """The events of the body with their task records, not yet redacted.

    Raises Refused for the whole.
    """
    items, where = _events(body)
    events: list[tuple[NativeEvent, list[TaskRecord]]] = []
    errors: list[dict[str, Any]] = []
    for i, raw in enumerate(items):
        loc = [*where, i] if where is not None else []
        try:
            events.append(_event(raw, sender))
        except ValidationError as error:
            errors += _explained(error, loc)
        except ValueError as error:
            errors.append({"loc": loc, "msg": str(error)})
    if errors:
        detail = f"{len(errors)} error{'s' if len(errors) > 1 else ''}; nothing was accepted."
        raise Refused(422, "The events are not valid", detail, errors[:MOST_ERRORS])
    return events


def _events(body: bytes) -> tuple[list[Any], list[Any] | None]:
    """The events as they stand, and where their list is in the body (None: one event). Raises Refused."""
    try:
        parsed = pydantic_core.from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Refused(400, "The body is not JSON", str(error)) from error
    where: list[Any] | None = None
    if isinstance(parsed, dict) and "events" in parsed:
        parsed, where = parsed["events"], ["events"]
    elif isinstance(parsed, list):
        where = []
    if where is None:
        return [parsed], None
    if not isinstance(parsed, list) or not 1 <= len(parsed) <= MOST_EVENTS:
        detail = f"A batch is a list of 1 to {MOST_EVENTS} events; nothing was accepted."
        raise Refused(422, "The batch is not valid", detail, [{"loc": where, "msg": detail}])
    return parsed, where


def _event(raw: Any, sender: Sender) -> tuple[NativeEvent, list[TaskRecord]]:
    """Raises ValidationError or ValueError."""
    if not isinstance(raw, dict):
        raise ValueError("an event is a JSON object")
    kind = raw.get("type")
    if not isinstance(kind, str) or kind not in _ITEMS:
        raise ValueError(f"type must be one of {', '.join(_ITEMS)}")
    item = _ITEMS[kind].model_validate(raw)
    run_id = "" if isinstance(item, HostItem) else _run_id(item)
    envelope = {
        "id": ids.event_id(run_id, kind, pydantic_core.to_json(raw)),
        "source": sender.process,
        "run_id": run_id,
        "received_at": sender.now,
        "owner": sender.owner,
        "on_any_run": sender.on_any_run,
    }
    if isinstance(item, HostItem):
        return HostSeen(**envelope, data=item.data), []
    return _named(item, envelope)


def _run_id(item: RunItem) -> str:
    """The run that the event is about. Raises ValueError if it does not say."""
    if item.run_id is not None:
        return item.run_id
    if item.start is None or not item.session_id or not item.name:
        raise ValueError("give run_id, or start, session_id and name, from which the id is derived")
    return ids.run_id(item.start, item.workspace or item.data.workspace, item.session_id, item.name)


def _named(item: RunItem, envelope: dict[str, Any]) -> tuple[NativeEvent, list[TaskRecord]]:
    """The event. Ingest alone sets dialect, set_aside and launched_as, whatever the client sent."""
    ours = {"dialect": Dialect.NATIVE, "set_aside": [], "workspace": item.workspace or item.data.workspace}
    if isinstance(item, TasksItem):
        for task in item.data.tasks:
            task.run_id = envelope["run_id"]
        changed = TasksChanged(**ours, instant=item.data.instant, progress=item.data.progress)
        return TasksChangedEvent(**envelope, data=changed), item.data.tasks
    data = item.data.model_copy(update=ours)
    if isinstance(data, Launched):
        data.launched_as = ""
    if isinstance(data, Created):
        data.name, data.session_id = data.name or item.name, data.session_id or item.session_id
    if isinstance(data, Begun):
        w = data.workflow
        names = {"name": w.name or item.name, "session_id": w.session_id or item.session_id}
        started = item.start if w.started_at is None else w.started_at
        data.workflow = w.model_copy(update={**names, "started_at": started})
    return _EVENTS[item.type](**envelope, data=data), []


def _explained(error: ValidationError, loc: list[Any]) -> list[dict[str, Any]]:
    return [
        {"loc": [*loc, *e["loc"]], "msg": without_surrogates(e["msg"].removeprefix("Value error, "))}
        for e in error.errors(include_url=False, include_context=False, include_input=False)
    ]
