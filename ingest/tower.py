"""The dialect of Nextflow's Tower client, 23.10 to 26.04: one request → one event, with its task records.

A tracker never fails a pipeline: what is wrong in part is set aside and the rest is kept; what cannot be
understood raises Unreadable. The usual `progress` goes through `fast_path.py`; only one that it does not take is read with
patience.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from ingest import fast_path, ids, nextflow, partial_parsing
from ingest.partial_parsing import SetAsideParts
from ingest.request import Read, Request, Unreadable
from schemas.events import (
    Begun,
    Created,
    Heartbeat,
    Payload,
    Progress,
    RunBegun,
    RunCompleted,
    RunCreated,
    RunHeartbeat,
    TaskRecord,
    TasksChanged,
    TasksChangedEvent,
)
from schemas.statuses import Dialect

#: Characters of free JSON in a usual request: each of its names and values is looked at by itself.
MOST_FREE = 16_384

CREATED = {
    "name": "runName",
    "session_id": "sessionId",
    "project_name": "projectName",
    "repository": "repository",
}


def read(request: Request) -> Read:
    """The event and its task records, not yet redacted. Raises Unreadable with the reason."""
    reader = _READERS.get(request.verb)
    if reader is None:
        raise Unreadable("an unknown verb")
    if request.verb != "create" and not ids.is_run_id(request.run_id):
        raise Unreadable("the run's id in the path is not well shaped")
    return reader(request)


def usual(request: Request) -> Read | None:
    """The same for a progress or heartbeat that the fast path takes, if what it holds is quickly redacted as well; else None."""
    if _READERS.get(request.verb) is not _changes or not ids.is_run_id(request.run_id):
        return None
    try:
        tasks, progress, instant = fast_path.read(request.body, request.run_id)
    except fast_path.NotUsual:
        return None
    free = sum(len(t.resource_allocation or "") + len(t.gpu_metrics or "") for t in tasks)
    return _changed(request, tasks, progress, instant, SetAsideParts()) if free <= MOST_FREE else None


def _create(request: Request) -> Read:
    body, aside = partial_parsing.parse(request.body), SetAsideParts()
    fields = {ours: body.get(theirs) for ours, theirs in CREATED.items()}
    data = partial_parsing.read(Created, fields, "", aside, CREATED)
    common = _common(body.get("instant"), request.workspace, aside)
    own = body.get("workflowId")
    if own is not None and not ids.is_run_id(own):
        aside.add("workflowId", "not a well-shaped id", own)
        own = None
    if not (data.session_id or data.name or own):
        raise Unreadable("neither sessionId nor runName says which run it is")
    run_id = own or ids.run_id(common["instant"], request.workspace, data.session_id, data.name)
    launched_as = request.launched_as_of(data.name)
    data = data.model_copy(update={**common, "launched_as": launched_as, "set_aside": aside.all()})
    return RunCreated(**request.envelope(run_id), data=data), []


def _begin(request: Request) -> Read:
    body, aside = partial_parsing.parse(request.body), SetAsideParts()
    workflow = partial_parsing.mapping(body, "workflow", aside)
    names = partial_parsing.items(body, "processNames", aside)
    data = Begun(
        **_common(body.get("instant"), request.workspace, aside),
        workflow=nextflow.workflow_of(workflow or {}, aside),
        process_names=None if names is None else partial_parsing.strings(names, "processNames", aside),
        set_aside=aside.all(),
    )
    return RunBegun(**request.envelope(), data=data), []


def _changes(request: Request) -> Read:
    """Progress and heartbeat."""
    aside, instant = SetAsideParts(), cast(object, None)
    try:
        tasks, progress, instant = fast_path.read(request.body, request.run_id)
    except fast_path.NotUsual:
        fields = partial_parsing.parse(request.body)
        tasks = _tasks(fields, request.run_id, aside)
        progress, instant = nextflow.progress_of(fields, aside), fields.get("instant")
    return _changed(request, tasks, progress, instant, aside)


def _changed(
    request: Request,
    tasks: list[TaskRecord],
    progress: Progress | None,
    instant: object,
    aside: SetAsideParts,
) -> Read:
    common = _common(instant, request.workspace, aside)
    totals: dict[str, Any] = {"progress": progress, "stored": nextflow.stored_of(progress)}
    # A heartbeat brings no tasks, but if one did they would count.
    if tasks or request.verb == "progress":
        changed = TasksChanged(**common, **totals, set_aside=aside.all())
        return TasksChangedEvent(**request.envelope(), data=changed), tasks
    # Its heart beats when it has had nothing to tell for a minute: what its totals count was told by now, or was lost.
    totals["processes"] = nextflow.processes_of({"progress": vars(progress)}, aside) if progress else None
    beat = Heartbeat(**common, **totals, set_aside=aside.all())
    return RunHeartbeat(**request.envelope(), data=beat), []


def _complete(request: Request) -> Read:
    body, aside = partial_parsing.parse(request.body), SetAsideParts()
    workflow = partial_parsing.mapping(body, "workflow", aside)
    if workflow is None:
        raise Unreadable("without `workflow` it does not say how the run ended")
    common = _common(body.get("instant"), request.workspace, aside)
    totals = {"progress": nextflow.progress_of(body, aside), "processes": nextflow.processes_of(body, aside)}
    data = nextflow.completed_of(workflow, aside, common | totals)
    return RunCompleted(**request.envelope(), data=data), []


_READERS: dict[str, Callable[[Request], Read]] = {
    "create": _create,
    "begin": _begin,
    "progress": _changes,
    "heartbeat": _changes,
    "complete": _complete,
}


def _common(instant: object, workspace: str, aside: SetAsideParts) -> dict[str, Any]:
    """The fields of every Payload. An instant that is no time and a workspace that is too long are set aside."""
    fields = {"instant": instant, "workspace": workspace}
    payload = partial_parsing.read(Payload, fields, "", aside, {"workspace": "?workspaceId"})
    return {"dialect": Dialect.TOWER, "workspace": payload.workspace, "instant": payload.instant}


def _tasks(body: Mapping[str, Any], run_id: str, aside: SetAsideParts) -> list[TaskRecord]:
    tasks: list[TaskRecord] = []
    for i, record in enumerate(partial_parsing.items(body, "tasks", aside) or ()):
        task = nextflow.task_of(record, f"tasks[{i}]", aside)
        if task is not None:
            task.run_id = run_id
            tasks.append(task)
    return tasks
