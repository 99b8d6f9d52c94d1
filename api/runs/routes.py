"""JSON under /api/v1. Routes only ask and answer; what they do stands in the other files.

Plain `def` routes run in threads, since reading the tables blocks. Metrics of requests are to come: defined
in `schemas/metrics.py`, counted in `api/core/headers.py`, which sees every answer.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from api.auth.gate import allow
from api.core.cursor import task_place
from api.core.db import Reader
from api.core.models import (
    Books,
    Concurrency,
    Costs,
    History,
    Labels,
    ProcessList,
    Run,
    RunList,
    TaskDetail,
    TaskList,
    TransitionList,
)
from api.core.params import (
    PAGE_SIZE,
    PageSize,
    PageToken,
    RunFilter,
    TaskFilter,
    run_filter,
    run_sort,
    task_filter,
)
from api.core.problems import bad_request, responses
from api.core.request_body import read_body
from api.costs import queries as costs
from api.ops import delivery_check as books
from api.ops.count_cache import Counted
from api.runs import queries as runs
from api.tasks import queries as tasks
from schemas.access import Act
from schemas.events import Labelled, RunLabelled
from schemas.topics import EVENTS
from schemas.wire import encode
from stores.log.port import EventLog

#: A list of labels is no longer than this.
_LABELS_BYTES_MAX = 65_536

Ref = Annotated[str, Path(description="The run's id, or its name, which means the newest run of that name")]


def router(reader: Reader, log: EventLog, clock: Callable[[], int], counted: Counted) -> APIRouter:
    """All routes. `clock` gives the wall clock in ms; `counted` is shared with the pages."""
    r = APIRouter(prefix="/api/v1", responses=responses(400))
    _add_runs(r, reader)
    _add_run(r, reader)
    _add_labels(r, reader, log, clock)
    _add_operations(r, reader, log, counted)
    return r


def _add_runs(r: APIRouter, reader: Reader) -> None:
    @r.get("/runs", tags=["runs"])
    def list_runs(
        wanted: Annotated[RunFilter, Depends(run_filter)],
        sort: Annotated[str, Depends(run_sort)],
        page_size: PageSize = PAGE_SIZE,
        page_token: PageToken = "",
    ) -> RunList:
        """Runs, latest first append first unless told. What is not known comes last in both directions."""
        return runs.page_of_runs(reader, wanted, sort, page_token, page_size)

    @r.get("/runs/{ref}", tags=["runs"], responses=responses(404))
    def get_run(ref: Ref) -> Run:
        """One run. A name means its newest run; an id goes before a name."""
        return runs.one_run(reader, ref)

    @r.get("/runs/{ref}/history", tags=["runs"], responses=responses(404))
    def get_history(ref: Ref) -> History:
        """The runs of the run's session, oldest first."""
        return History(cycles=runs.history(reader, ref))


def _add_run(r: APIRouter, reader: Reader) -> None:
    @r.get("/runs/{ref}/processes", tags=["tasks"], responses=responses(404))
    def list_processes(ref: Ref) -> ProcessList:
        """Processes in order of announcement, also those without a task yet; then the others by name."""
        return ProcessList(processes=tasks.processes(reader, runs.resolve(reader, ref)))

    @r.get("/runs/{ref}/tasks", tags=["tasks"], responses=responses(404))
    def list_tasks(
        ref: Ref,
        wanted: Annotated[TaskFilter, Depends(task_filter)],
        page_size: PageSize = PAGE_SIZE,
        page_token: PageToken = "",
    ) -> TaskList:
        """Tasks, by `submitted_at` unless told. What is not known comes last in both directions."""
        place = task_place(page_token, wanted.sort)
        return tasks.page_of_tasks(reader, runs.resolve(reader, ref), wanted, place, page_size)

    @r.get("/runs/{ref}/tasks/{task_id}", tags=["tasks"], responses=responses(404))
    def get_task(ref: Ref, task_id: int) -> TaskDetail:
        """One task with all that was told of it."""
        return tasks.one_task(reader, runs.resolve(reader, ref), task_id)

    @r.get("/runs/{ref}/concurrency", tags=["tasks"], responses=responses(404))
    def get_concurrency(
        ref: Ref, points: Annotated[int, Query(ge=3, le=5000, description="Most points of the curve")] = 500
    ) -> Concurrency:
        """Tasks at once over time; with more changes than points, the greatest number of each stretch."""
        return tasks.concurrency(reader, runs.resolve(reader, ref), points)

    @r.get("/runs/{ref}/transitions", tags=["runs"], responses=responses(404))
    def list_transitions(ref: Ref) -> TransitionList:
        """Changes of the run's status, oldest first."""
        return TransitionList(transitions=tasks.transitions(reader, runs.resolve(reader, ref)))

    @r.get("/runs/{ref}/costs", tags=["runs"], responses=responses(404))
    def get_costs(ref: Ref) -> Costs:
        """What the run cost, by process, and how that was worked out."""
        return costs.costs(reader, runs.resolve(reader, ref))


def _add_labels(r: APIRouter, reader: Reader, log: EventLog, clock: Callable[[], int]) -> None:
    body: dict[str, Any] = {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Labels"}}},
    }

    @r.put(
        "/runs/{ref}/labels",
        status_code=202,
        tags=["runs"],
        responses=responses(403, 404, 413),
        openapi_extra={"requestBody": body},
        dependencies=[allow(Act.CHANGE_RUN)],
    )
    async def put_labels(ref: Ref, request: Request) -> Labels:
        """Set the run's labels, all of them: an event on the log like any other. 202: it is durable there."""
        told = read_labels(await read_body(request, _LABELS_BYTES_MAX, "a list of labels"))
        run_id = await run_in_threadpool(runs.resolve, reader, ref)
        event = labelled(run_id, told, clock())
        await log.append(EVENTS, run_id, event.type, encode(event))
        return Labels(labels=told.labels)


def read_labels(body: bytes) -> Labelled:
    """Pure. The labels of `{"labels": […]}`, each once, in order. Raises Problem 400."""
    try:
        asked = Labels.model_validate_json(body, strict=True)
        return Labelled(labels=list(dict.fromkeys(asked.labels)))
    except ValidationError as e:
        wrong = e.errors(include_url=False)[0]
        where = ".".join(str(x) for x in wrong["loc"]) or "body"
        raise bad_request(f'{where}: {wrong["msg"]}; give {{"labels": [texts]}}') from e


def labelled(run_id: str, told: Labelled, now_ms: int) -> RunLabelled:
    """Pure. The event. The time is a part of its id: to set the same labels once more is no repeat."""
    digest = sha256("\0".join([run_id, "labels", str(now_ms), *told.labels]).encode()).hexdigest()
    return RunLabelled(id=digest[:32], source="api", run_id=run_id, received_at=now_ms, data=told)


def _add_operations(r: APIRouter, reader: Reader, log: EventLog, counted: Counted) -> None:
    @r.get("/books", tags=["operations"])
    async def get_books() -> Books:
        """What the log holds against what became of it."""
        return await books.books(reader, log, counted)
