"""The pages of a run's tasks, of one task and of one process, and the tasks as CSV."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse

from api.core.cursor import offset_cursor
from api.core.db import Reader, Row, ahead
from api.core.figures import time_of
from api.core.params import PAGE_SIZE, PageToken
from api.core.problems import not_found
from api.html.formats import number, percent
from api.html.links import s3_link
from api.html.page import Page, form_values, next_page, query_without, with_form
from api.html.render import render
from api.logs.queries import task_files
from api.runs import queries as runs
from api.runs.models import Run
from api.tasks import queries as tasks
from api.tasks.models import Task
from api.tasks.params import TaskFilter, task_filter
from schemas.statuses import TaskStatus
from schemas.texts.units import DASH, duration, size
from stores.objects.open import ObjectStores

#: What spreadsheets take for a formula at the start of a cell.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def router(reader: Reader, stores: ObjectStores) -> APIRouter:
    """The routes."""
    r = APIRouter(route_class=Page, include_in_schema=False, default_response_class=HTMLResponse)

    def tasks_page(
        request: Request,
        ref: str,
        filter: Annotated[TaskFilter, Depends(task_filter)],
        page_token: PageToken = "",
    ) -> Response:
        place, run_id = offset_cursor(page_token, filter.sort), runs.resolve(reader, ref)
        listed = ahead(lambda: tasks.page_of_tasks(reader, run_id, filter, place, PAGE_SIZE))
        run, page = runs.known_run(reader, run_id, runs.UNSEEN), listed.result()
        return render(
            "tasks/tasks.html",
            run=run,
            page=page,
            params=form_values(request),
            sort=filter.sort,
            query=query_without(request, "sort", "page_token"),
            next_page=next_page(request, page.next_page_token),
            paged=bool(page_token),
            statuses=list(TaskStatus),
            now_ms=reader.clock(),
        )

    route_class = with_form("tasks/filters.html", TaskStatus)
    r.add_api_route("/runs/{ref}/tasks", tasks_page, route_class_override=route_class)

    @r.get("/runs/{ref}/tasks.csv")
    def csv_of_tasks(ref: str, filter: Annotated[TaskFilter, Depends(task_filter)]) -> Response:
        return tasks_csv(reader, ref, filter)

    @r.get("/runs/{ref}/tasks/{task_id}")
    def show_task(ref: str, task_id: int) -> Response:
        return task_page(reader, stores, ref, task_id)

    @r.get("/runs/{ref}/tasks/{task_id}/text/{text_name}")
    def show_text(ref: str, task_id: int, text_name: str) -> Response:
        """A long text of the task, whole: `script` or `env`."""
        task = tasks.one_task(reader, runs.resolve(reader, ref), task_id)
        text = {"script": task.script, "env": task.env}.get(text_name)
        if text is None:
            raise not_found("text", text_name)
        return PlainTextResponse(text)

    @r.get("/runs/{ref}/process")
    def show_process(ref: str, name: Annotated[str, Query(max_length=10_000)] = "") -> Response:
        return process_page(reader, ref, name)

    return r


def task_page(reader: Reader, stores: ObjectStores, ref: str, task_id: int) -> HTMLResponse:
    """The page of a task. Raises Problem 404."""
    run_id = runs.resolve(reader, ref)
    it = ahead(lambda: runs.known_run(reader, run_id, runs.UNSEEN))
    task, run = tasks.one_task(reader, run_id, task_id), it.result()
    attempts: list[Row] = []
    if task.name:
        rows = reader.rows("tasks/attempts", run_id=run_id, name=task.name, process=task.process or "")
        attempts = [
            {**r, "submitted_at": time_of(r["submitted_ms"])} for r in tasks.attempts_of(rows, task_id)
        ]
    return render(
        "tasks/task.html",
        run=run,
        task=task,
        attempts=attempts,
        uses=uses(task),
        objects=[
            ("GPU", leaves(task.gpu_metrics)),
            ("Allocated by the scheduler", leaves(task.resource_allocation)),
        ],
        workdir_link=s3_link(task.workdir, reader.settings.s3_browser),
        files=task_files(task.workdir, stores),
        now_ms=reader.clock(),
    )


def uses(task: Any) -> list[tuple[str, str, str, float | None]]:
    """Pure. What was requested against what was used: (name, requested, used, share in per cent or None)."""

    def share(used: float | None, requested: float | None) -> float | None:
        return None if used is None or not requested else 100 * used / requested

    cores = None if task.cpu_percent is None else task.cpu_percent / 100
    return [
        ("CPUs", number(task.cpus), DASH if cores is None else f"{cores:,.2f}", share(cores, task.cpus)),
        (
            "Memory",
            size(task.memory_bytes),
            size(task.peak_rss_bytes),
            share(task.peak_rss_bytes, task.memory_bytes),
        ),
        (
            "Time",
            duration(task.time_limit_ms),
            duration(task.realtime_ms),
            share(task.realtime_ms, task.time_limit_ms),
        ),
    ]


def leaves(value: Any, name: str = "", most: int = 200) -> list[tuple[str, str]]:
    """Pure. What stands in an object of the runner's own fields: (way to it, value as text), at most so many."""
    if not isinstance(value, dict | list) or not value:
        return (
            [(name, "" if value is None else value if isinstance(value, str) else json.dumps(value))]
            if name
            else []
        )
    inside = value.items() if isinstance(value, dict) else enumerate(value, 1)
    rows: list[tuple[str, str]] = []
    for key, part in inside:
        rows += leaves(part, f"{name} {key}" if name else str(key), most - len(rows))
        if len(rows) >= most:
            break
    return rows


@dataclass(frozen=True, slots=True)
class Box:
    """One box plot: five numbers as text, and as places in per cent on a line from 0 to the maximum, or to what was requested
    where that is more; `known` of how many. `requested`: the most that was requested and its place, where something was."""

    name: str
    known: int
    texts: list[str]
    places: list[float]
    requested: tuple[str, float] | None = None


def process_page(reader: Reader, ref: str, process: str) -> HTMLResponse:
    """The page of a process. Raises Problem 404 where the run has none of this name."""
    run_id, filter = runs.resolve(reader, ref), TaskFilter([], process=process)
    mine = next((p for p in tasks.processes(reader, run_id) if p.process == process), None)
    if mine is None:
        raise not_found("process", process)
    used = ahead(lambda: reader.rows("tasks/process_figures", run_id=run_id, process=process))
    it = ahead(lambda: runs.known_run(reader, run_id, runs.UNSEEN))
    page = tasks.page_of_tasks(reader, run_id, filter, offset_cursor("", filter.sort), PAGE_SIZE)
    [figures], run = used.result(), it.result()
    return render(
        "tasks/process.html",
        run=run,
        process=mine,
        figures=figures,
        boxes=boxes(figures),
        page=page,
        now_ms=reader.clock(),
    )


def _ms(value: float) -> str:
    return duration(round(value))


_RESOURCES = (
    ("cpu", "CPU", percent),
    ("peak_rss", "Peak RSS", size),
    ("read_disk", "Read from disk", size),
    ("write_disk", "Written to disk", size),
    ("read_logical", "Read (cache included)", size),
    ("write_logical", "Written (cache included)", size),
    ("queued", "Queue", _ms),
    ("executed", "Execution", _ms),
    ("overheads", "Overhead", _ms),
)


#: What was requested of what a column measures: a column of `process_figures.sql`, and what one of it is in the measure's unit.
_REQUESTED = {
    "cpu": ("requested_cpus", 100.0),
    "peak_rss": ("requested_memory", 1.0),
    "executed": ("requested_time", 1.0),
}


def boxes(figures: Row) -> list[Box]:
    """Pure. The box plots of which at least one value is known."""
    plots = []
    for (column, name, text), known in zip(_RESOURCES, figures["known"], strict=True):
        if not known:
            continue
        values = [float(v) for v in figures[column]]
        requested = _requested(figures, column)
        greatest = max(values[-1], requested or 0.0, 1e-9)
        places = [round(max(0.0, 100 * v / greatest), 2) for v in values]
        line = (text(requested), round(100 * requested / greatest, 2)) if requested else None
        plots.append(Box(name, known, [text(v) for v in values], places, line))
    return plots


def _requested(figures: Row, column: str) -> float | None:
    """The most that was requested of what the column measures, in its unit; None where nothing was."""
    column, factor = _REQUESTED.get(column, ("", 0.0))
    requested = figures[column] if column else []
    return factor * max(requested) if requested else None


def tasks_csv(reader: Reader, ref: str, filter: TaskFilter) -> StreamingResponse:
    """All tasks that the filter finds, as CSV in the order of their ids, sent as they are read. Raises Problem 404."""
    run = runs.known_run(reader, runs.resolve(reader, ref), runs.UNSEEN)
    name = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in run.name)[:100]
    headers = {"Content-Disposition": f'attachment; filename="{name}-tasks.csv"'}
    return StreamingResponse(
        _lines(reader, run, filter), media_type="text/csv; charset=utf-8", headers=headers
    )


def _lines(reader: Reader, run: Run, filter: TaskFilter) -> Iterator[str]:
    columns = list(Task.model_fields)
    yield _csv_line(columns)
    for task in tasks.all_tasks(reader, run.id, filter):
        yield _csv_line([getattr(task, c) for c in columns])


def _csv_line(values: list[Any]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([_cell(v) for v in values])
    return out.getvalue()


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would run is marked as text."""
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
