"""Query parameters of lists of tasks, checked. Pure; raises Problem 400 that says what would be right."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

from api.core.params import Search, Statuses, check_sort, statuses_of
from api.tasks.models import Task
from schemas.statuses import TaskStatus

#: A task may be sorted by every field that lists show.
SORTS = frozenset(Task.model_fields)


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks of a run, and in which order: `sort` is a field, with `-` before it for descending."""

    statuses: list[str]
    process: str = ""
    search: str = ""
    sort: str = "submitted_at"

    @property
    def column(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def descending(self) -> bool:
        return self.sort.startswith("-")


def task_filter(
    status: Statuses = "",
    process: Annotated[str, Query(max_length=10_000, description="Full name")] = "",
    search: Search = "",
    sort: Annotated[
        str, Query(max_length=100, description="A field of Task, with `-` before it for descending")
    ] = "",
) -> TaskFilter:
    """The filter and order of a list of tasks, from its query parameters."""
    check_sort(sort, SORTS)
    return TaskFilter(statuses_of(status, TaskStatus), process, search, sort or "submitted_at")
