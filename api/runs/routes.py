"""JSON under /api/v1. Routes only ask and answer; what they do stands in the other files.

Plain `def` routes run in threads, since reading the tables blocks. Metrics of requests are to come: defined
in `schemas/metrics.py`, counted in `api/core/headers.py`, which sees every answer.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.auth.permissions import Authorized, allow_on_run
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
    Ref,
    RunFilter,
    TaskFilter,
    run_filter,
    run_sort,
    task_filter,
)
from api.core.problems import responses
from api.costs import queries as costs
from api.ops import delivery_check as books
from api.ops.count_cache import Counted
from api.runs import commands
from api.runs import queries as runs
from api.runs.commands import Hidden, HiddenAccepted
from api.tasks import queries as tasks
from schemas.access import Act
from stores.log.port import EventLog

Changer = Annotated[Authorized, allow_on_run(Act.CHANGE_RUN)]


def router(reader: Reader, log: EventLog, clock: Callable[[], int], counted: Counted) -> APIRouter:
    """All routes. `clock` gives the wall clock in ms; `counted` is shared with the pages."""
    r = APIRouter(prefix="/api/v1", responses=responses(400))
    _add_runs(r, reader)
    _add_run(r, reader)
    _add_changes(r, log, clock)
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


def _add_changes(r: APIRouter, log: EventLog, clock: Callable[[], int]) -> None:
    @r.put("/runs/{ref}/labels", status_code=202, tags=["runs"], responses=responses(403, 404, 413))
    async def put_labels(labels: Labels, who: Changer) -> Labels:
        """Set the run's labels, all of them: an event on the log like any other. 202: it is durable there."""
        return Labels(labels=await commands.set_labels(log, who, labels.labels, clock()))

    @r.put("/runs/{ref}/hidden", status_code=202, tags=["runs"], responses=responses(403, 404, 413))
    async def put_hidden(hidden: Hidden, who: Changer) -> HiddenAccepted:
        """Hide the run, or show it again: an event on the log. Alerts about a run that is hidden end."""
        await commands.set_hidden(log, who, hidden, clock())
        return HiddenAccepted(id=who.run_id, hidden=hidden.hidden)


def _add_operations(r: APIRouter, reader: Reader, log: EventLog, counted: Counted) -> None:
    @r.get("/books", tags=["operations"])
    async def get_books() -> Books:
        """What the log holds against what became of it."""
        return await books.books(reader, log, counted)
