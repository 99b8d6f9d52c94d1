"""The dialect of nf-weblog 1.1.2 and of the weblog in Nextflow 22.10: one event a request, no heartbeats.

Its `runId` is the session, so a run is known by that and its name; no request tells when the run was created.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from ingest import ids, nextflow, partial_parsing
from ingest.partial_parsing import SetAsideParts
from ingest.request import Read, Request, Unreadable
from schemas.events import (
    Begun,
    Heartbeat,
    RunBegun,
    RunCompleted,
    RunHeartbeat,
    TaskRecord,
    TasksChanged,
    TasksChangedEvent,
)
from schemas.statuses import Dialect
from schemas.values import MOST_NAME, MS_MAX, to_ms

EVENTS = frozenset(
    {"started", "process_submitted", "process_started", "process_completed", "error", "completed"}
)

#: A trace's raw names that differ from Tower's. All others are Tower's in snake_case.
_RAW = {"%cpu": "pcpu", "%mem": "pmem", "cpu_percentage": "pcpu", "mem_percentage": "pmem"}
_TIMES = ("submit", "start", "complete")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(request: Request) -> Read:
    """The event and its task record, not yet redacted. The path names no run: the body does.

    Raises Unreadable with the reason.
    """
    body, aside = partial_parsing.parse(request.body), SetAsideParts()
    run_id = run_id_of(body)
    kind = body.get("event")
    if not isinstance(kind, str) or kind not in EVENTS:
        raise Unreadable(f"an unknown event; known are {', '.join(sorted(EVENTS))}")
    common = {"dialect": Dialect.WEBLOG, "instant": _instant(body, aside)}
    if kind == "started":
        data = _begun(body, common, aside)
        data.launched_as = request.launched_as_of(data.workflow.name)
        return RunBegun(**request.envelope(run_id), data=data), []
    if kind == "completed":
        workflow = _workflow(body, aside)
        if workflow is None:
            raise Unreadable("without `metadata.workflow` it does not say how the run ended")
        end = nextflow.completed_of(workflow, aside, common)
        return RunCompleted(**request.envelope(run_id), data=end), []
    if body.get("trace") is None and kind == "error":
        return RunHeartbeat(**request.envelope(run_id), data=Heartbeat(**common, set_aside=aside.all())), []
    tasks = _tasks(body.get("trace"), aside)
    for task in tasks:
        task.run_id = run_id
    return TasksChangedEvent(
        **request.envelope(run_id), data=TasksChanged(**common, set_aside=aside.all())
    ), tasks


def run_id_of(body: Mapping[str, Any]) -> str:
    """The id that (runId, runName) give. Raises Unreadable without them."""
    session, name = body.get("runId"), body.get("runName")
    if not (isinstance(session, str) and isinstance(name, str) and (session or name)):
        raise Unreadable("runId and runName do not say which run it is")
    return ids.run_id(None, "", session, name)


def _begun(body: Mapping[str, Any], common: Mapping[str, Any], aside: SetAsideParts) -> Begun:
    workflow = nextflow.workflow_of(_workflow(body, aside) or {}, aside)
    # Each event names the run, so it has its name even where the metadata are missing.
    workflow.name = workflow.name or body["runName"][:MOST_NAME]
    workflow.session_id = workflow.session_id or body["runId"][:MOST_NAME]
    return Begun(**common, workflow=workflow, set_aside=aside.all())


def _workflow(body: Mapping[str, Any], aside: SetAsideParts) -> dict[str, Any] | None:
    """`metadata.workflow` as Tower writes it: params within, times in ms."""
    metadata = partial_parsing.mapping(body, "metadata", aside) or {}
    workflow = partial_parsing.mapping(metadata, "workflow", aside)
    if workflow is None:
        return None
    fields = dict(workflow)
    fields.setdefault("params", metadata.get("parameters"))
    for name in ("start", "complete"):
        fields[name] = _exploded(fields.get(name))
    return fields


def _exploded(value: object) -> object:
    """A date that was written out as an object of its parts → ms since 1970; anything else as it is."""
    if not isinstance(value, dict):
        return value
    offset = value.get("offset")
    seconds = offset.get("totalSeconds", 0) if isinstance(offset, dict) else 0
    try:
        moment = datetime(
            value["year"],
            value["monthValue"],
            value["dayOfMonth"],
            value["hour"],
            value["minute"],
            value.get("second", 0),
            value.get("nano", 0) // 1000,
            tzinfo=timezone(timedelta(seconds=seconds)),
        )
        return to_ms(moment)
    except (KeyError, TypeError, ValueError, OverflowError):
        return value  # which is no time, so the field is set aside with its raw text


def _instant(body: Mapping[str, Any], aside: SetAsideParts) -> int | None:
    """`utcTime`, which has whole seconds, in ms."""
    utc_time = body.get("utcTime")
    if utc_time is None:
        return None
    try:
        ms = to_ms(utc_time) if isinstance(utc_time, str) else None
    except ValueError:
        ms = None
    if isinstance(ms, int) and 0 <= ms <= MS_MAX:
        return ms
    aside.add("utcTime", "not a time between 1970 and 2299", utc_time)
    return None


def _tasks(trace: object, aside: SetAsideParts) -> list[TaskRecord]:
    if not isinstance(trace, dict):
        aside.add("trace", "not an object", trace)
        return []
    fields, names = {}, {}
    for raw, value in trace.items():
        name = _RAW.get(raw) or re.sub("_([a-z])", lambda m: m[1].upper(), raw)
        fields[name] = _time(value) if name in _TIMES else value
        names[name] = raw
    task = nextflow.task_of(fields, "trace", aside, names)
    return [task] if task else []


def _time(value: object) -> object:
    """ms since 1970 → datetime, 0 → None: not yet. Anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    if value == 0:
        return None
    return _EPOCH + timedelta(milliseconds=value) if 0 < value <= MS_MAX else "out of range"
