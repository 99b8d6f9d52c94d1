"""Plain pages over the same answers as the JSON: presentation only. No script; texts are always escaped."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from api import problems, runs, tasks
from api.asking import PAGE_SIZE, PageToken, RunFilter, TaskFilter, run_filter, task_filter
from api.models import Run
from api.paging import run_place, task_place
from api.reader import Reader
from schemas.statuses import RunStatus, TaskStatus

DASH = "\N{EN DASH}"
_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))


def duration(ms: int | None) -> str:
    """As people read it: the two greatest units."""
    if ms is None:
        return DASH
    if ms < 1000:
        return f"{ms} ms"
    parts: list[str] = []
    for size, unit in _UNITS:
        count, ms = divmod(ms, size)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def size(count: int | None) -> str:
    """Bytes as people read them, in powers of 1024."""
    if count is None:
        return DASH
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while abs(value) >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"


def moment(time: str | None) -> str:
    """An RFC 3339 time to the second, in UTC."""
    return DASH if time is None else f"{time[:10]} {time[11:19]} UTC"


def or_dash(value: object) -> object:
    """What is not known is shown as a dash."""
    return DASH if value is None or value == "" else value


def pipeline(run: Run) -> str:
    """What is run, in a few words."""
    return run.workflow.project_name or run.workflow.repository or DASH


def _environment() -> Environment:
    env = Environment(
        loader=PackageLoader("api"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for show in (duration, size, moment, or_dash, pipeline):
        env.filters[show.__name__] = show
    return env


_ENVIRONMENT = _environment()


def _render(name: str, status: int = 200, **values: Any) -> HTMLResponse:
    return HTMLResponse(_ENVIRONMENT.get_template(name).render(**values), status)


class _Page(APIRoute):
    """Errors of pages are pages too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_as_page(request: Request) -> Response:
            try:
                return await handle(request)
            except problems.KINDS as e:
                details, headers = problems.explain(e)
                page = _render("error.html", details.status, problem=details)
                page.headers.update(headers)
                return page

        return handle_as_page


def router(reader: Reader) -> APIRouter:
    """All pages."""
    r = APIRouter(route_class=_Page, include_in_schema=False, default_response_class=HTMLResponse)

    @r.get("/")
    def list_page(
        request: Request, wanted: Annotated[RunFilter, Depends(run_filter)], page_token: PageToken = ""
    ) -> Response:
        found = runs.page_of_runs(reader, wanted, run_place(page_token), PAGE_SIZE)
        return _render(
            "runs.html",
            found=found,
            asked=_asked(request),
            filtered=bool(request.query_params),
            next_page=_next_page(request, found.next_page_token),
            statuses=list(RunStatus),
            base_url=reader.settings.base_url,
        )

    @r.get("/runs/{ref}")
    def run_page(ref: str) -> Response:
        run = runs.one_run(reader, ref)
        return _render("run.html", run=run, processes=tasks.processes(reader, run.id))

    @r.get("/runs/{ref}/tasks")
    def tasks_page(
        request: Request,
        ref: str,
        wanted: Annotated[TaskFilter, Depends(task_filter)],
        page_token: PageToken = "",
    ) -> Response:
        run = runs.one_run(reader, ref)
        found = tasks.page_of_tasks(reader, run.id, wanted, task_place(page_token, wanted.sort), PAGE_SIZE)
        return _render(
            "tasks.html",
            run=run,
            found=found,
            asked=_asked(request),
            next_page=_next_page(request, found.next_page_token),
            statuses=list(TaskStatus),
        )

    @r.get("/docs")
    def docs_page() -> Response:
        return _render("docs.html")

    return r


def _asked(request: Request) -> dict[str, str]:
    """The query as it stands in the address, to fill the form with."""
    return {k: request.query_params.get(k, "") for k in ("status", "search", "label", "process", "sort")}


def _next_page(request: Request, token: str | None) -> str | None:
    """The query of the next page: this one's, with its token."""
    if token is None:
        return None
    return "?" + urlencode(
        [*((k, v) for k, v in request.query_params.multi_items() if k != "page_token"), ("page_token", token)]
    )
