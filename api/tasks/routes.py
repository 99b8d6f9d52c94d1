"""Tasks and processes under /api/v1."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.core.cursor import offset_cursor
from api.core.db import Reader
from api.core.params import PAGE_SIZE, PageSize, PageToken, Ref
from api.core.problems import responses
from api.runs.queries import resolve
from api.tasks import queries as tasks
from api.tasks.models import Concurrency, ProcessList, TaskDetail, TaskList
from api.tasks.params import TaskFilter, task_filter


def router(reader: Reader) -> APIRouter:
    """All routes. They are plain `def`, so they run in threads: reading the tables blocks."""
    r = APIRouter(prefix="/api/v1", tags=["tasks"], responses=responses(400, 404))

    @r.get("/runs/{ref}/processes")
    def list_processes(ref: Ref) -> ProcessList:
        """Processes in order of announcement, also those without a task yet; then the others by name."""
        return ProcessList(processes=tasks.processes(reader, resolve(reader, ref)))

    @r.get("/runs/{ref}/tasks")
    def list_tasks(
        ref: Ref,
        filter: Annotated[TaskFilter, Depends(task_filter)],
        page_size: PageSize = PAGE_SIZE,
        page_token: PageToken = "",
    ) -> TaskList:
        """Tasks, by `submitted_at` unless told. What is not known comes last in both directions."""
        place = offset_cursor(page_token, filter.sort)
        return tasks.page_of_tasks(reader, resolve(reader, ref), filter, place, page_size)

    @r.get("/runs/{ref}/tasks/{task_id}")
    def get_task(ref: Ref, task_id: int) -> TaskDetail:
        """One task with all that was told of it."""
        return tasks.one_task(reader, resolve(reader, ref), task_id)

    @r.get("/runs/{ref}/concurrency")
    def get_concurrency(
        ref: Ref, points: Annotated[int, Query(ge=3, le=5000, description="Most points of the curve")] = 500
    ) -> Concurrency:
        """Tasks at once over time; with more changes than points, the greatest number of each stretch."""
        return tasks.concurrency(reader, resolve(reader, ref), points)

    return r
