"""The pages' routes, over the same answers as the JSON. They work without script; what is live is fetched again by it."""

from asyncio import gather
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from api.alerts.queries import page_of_alerts
from api.core import problems
from api.core.cursor import alert_place, letter_place, task_place
from api.core.db import Judgement, Reader, ahead
from api.core.models import RunList
from api.core.params import PAGE_SIZE, PageToken, RunFilter, TaskFilter, run_filter, run_sort, task_filter
from api.dead_letters.queries import LetterFilter, page_of_letters
from api.html.render import render
from api.logs.queries import run_log
from api.ops import delivery_check as books
from api.ops.count_cache import Counted
from api.runs import queries as runs
from api.runs.run_page import run_page
from api.tasks import queries as tasks
from api.tasks.pages import process_page, task_page, tasks_csv
from api.timeline.layout import Layouts
from api.timeline.queries import Window, timeline, window
from schemas.events import iso
from schemas.statuses import AlertState, RunStatus, TaskStatus
from stores.log.port import EventLog

#: Runs that the block above the list shows, and for how long a failure is news.
_ATTENTION_MAX = 8
_NEWS_MS = 24 * 3600 * 1000

#: Alerts and dead letters that the page of operations lists.
_LETTERS_MAX = 20

#: Rows of the timeline's and the curve's table twins.
_TABLE_BARS = 500
_TABLE_POINTS = 60

#: Of the favicons: readable on light and dark tab bars.
_ICON_COLOURS = {
    RunStatus.SUCCEEDED: "#22a650",
    RunStatus.FAILED: "#e5484d",
    RunStatus.RUNNING: "#3b82f6",
    RunStatus.CANCELLED: "#ea6a1f",
    RunStatus.DISCONNECTED: "#d99a06",
    RunStatus.STALLED: "#d99a06",
}


class Page(APIRoute):
    """Errors of pages are pages too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_as_page(request: Request) -> Response:
            try:
                return await handle(request)
            except problems.KINDS as e:
                details, headers = problems.explain(e)
                return render("html/error.html", details.status, headers, problem=details)

        return handle_as_page


def router(reader: Reader, log: EventLog, counted: Counted) -> APIRouter:
    """All pages. `counted` is shared with the JSON, so that nothing is counted twice."""
    layouts = Layouts()
    r = APIRouter(route_class=Page, include_in_schema=False, default_response_class=HTMLResponse)

    @r.get("/")
    def list_page(
        request: Request,
        wanted: Annotated[RunFilter, Depends(run_filter)],
        sort: Annotated[str, Depends(run_sort)],
        page_token: PageToken = "",
    ) -> Response:
        filtered = any(v for k, v in request.query_params.items() if k not in ("page_token", "sort"))
        judgement = reader.judgement()
        # Who filters or pages looks for something else; the block would stand in the way.
        needing = None if filtered or page_token else ahead(lambda: _needing(reader, judgement))
        ids, token = runs.page_of_ids(reader, judgement, wanted, sort, page_token, PAGE_SIZE)
        urgent = needing.result() if needing else []
        all_ids = list(dict.fromkeys([*ids, *urgent]))
        known = {r.id: r for r in runs.runs_of(reader, all_ids, judgement, runs.UNSEEN)}
        found = RunList(
            runs=[known[i] for i in ids if i in known], next_page_token=token, as_of=iso(judgement.as_of_ms)
        )
        return render(
            "runs/runs.html",
            found=found,
            attention=[known[i] for i in urgent if i in known],
            asked=_asked(request),
            filtered=filtered,
            sort=sort,
            query=_query_without(request, "sort", "page_token"),
            paged=bool(page_token),
            next_page=_next_page(request, found.next_page_token),
            statuses=list(RunStatus),
            base_url=reader.settings.base_url,
            now_ms=reader.clock(),
        )

    @r.get("/runs/{ref}")
    def show_run(ref: str, sort: Annotated[str, Query(max_length=100)] = "") -> Response:
        return run_page(reader, ref, sort)

    @r.get("/runs/{ref}/tasks")
    def tasks_page(
        request: Request,
        ref: str,
        wanted: Annotated[TaskFilter, Depends(task_filter)],
        page_token: PageToken = "",
    ) -> Response:
        place, run_id = task_place(page_token, wanted.sort), runs.resolve(reader, ref)
        listed = ahead(lambda: tasks.page_of_tasks(reader, run_id, wanted, place, PAGE_SIZE))
        run, found = runs.known_run(reader, run_id, runs.UNSEEN), listed.result()
        return render(
            "tasks/tasks.html",
            run=run,
            found=found,
            asked=_asked(request),
            sort=wanted.sort,
            query=_query_without(request, "sort", "page_token"),
            next_page=_next_page(request, found.next_page_token),
            paged=bool(page_token),
            statuses=list(TaskStatus),
            now_ms=reader.clock(),
        )

    @r.get("/runs/{ref}/log")
    def log_page(ref: str) -> Response:
        run = runs.one_run(reader, ref)
        return render("logs/log.html", run=run, told=run_log(run, reader.settings.roots))

    @r.get("/ops")
    async def ops_page() -> Response:
        told, known = await gather(books.books(reader, log, counted), run_in_threadpool(_ops, reader))
        return await run_in_threadpool(render, "ops/ops.html", books=told, **known)

    @r.get("/runs/{ref}/tasks.csv")
    def csv_of_tasks(ref: str, wanted: Annotated[TaskFilter, Depends(task_filter)]) -> Response:
        return tasks_csv(reader, ref, wanted)

    @r.get("/runs/{ref}/tasks/{task_id}")
    def show_task(ref: str, task_id: int) -> Response:
        return task_page(reader, ref, task_id)

    @r.get("/runs/{ref}/process")
    def show_process(ref: str, name: Annotated[str, Query(max_length=10_000)] = "") -> Response:
        return process_page(reader, ref, name)

    @r.get("/runs/{ref}/timeline.json")
    def timeline_data(ref: str, wanted: Annotated[Window, Depends(window)]) -> Response:
        found = timeline(reader, layouts, runs.resolve(reader, ref), wanted)
        return Response(found.model_dump_json(), media_type="application/json")

    @r.get("/runs/{ref}/timeline")
    def timeline_page(request: Request, ref: str, wanted: Annotated[Window, Depends(window)]) -> Response:
        run_id = runs.resolve(reader, ref)
        curve = ahead(lambda: tasks.concurrency(reader, run_id, _TABLE_POINTS))
        wanted = replace(wanted, bars=min(wanted.bars, _TABLE_BARS))
        found, run = timeline(reader, layouts, run_id, wanted), runs.known_run(reader, run_id, runs.UNSEEN)
        return render(
            "timeline/timeline.html",
            run=run,
            found=found,
            curve=curve.result(),
            asked=_asked(request),
            statuses=list(TaskStatus),
        )

    @r.get("/icon/{status}.svg")
    def icon(status: RunStatus) -> Response:
        page = render("html/icon.svg", shape=status.value, colour=_ICON_COLOURS.get(status, "#7b8696"))
        return Response(page.body, media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})

    @r.get("/docs")
    def docs_page() -> Response:
        return render("html/docs.html")

    return r


def _ops(reader: Reader) -> dict[str, Any]:
    """What the page of operations shows beside the books."""
    judgement, now_ms = reader.judgement(), reader.clock()
    counts = ahead(
        lambda: reader.rows("runs/status_counts", **judgement.parameters(), since_ms=now_ms - _NEWS_MS)
    )
    alerts = ahead(lambda: page_of_alerts(reader, [AlertState.FIRING], "", "", alert_place(""), _LETTERS_MAX))
    letters = ahead(
        lambda: page_of_letters(reader, LetterFilter(replayed=False), letter_place(""), _LETTERS_MAX)
    )
    return {
        "behind": judgement.behind,
        "as_of": iso(judgement.as_of_ms),
        "attention": runs.runs_of(reader, _needing(reader, judgement), judgement, runs.UNSEEN),
        "counts": counts.result(),
        "alerts": alerts.result().alerts,
        "letters": letters.result().dead_letters,
        "now_ms": now_ms,
    }


def _needing(reader: Reader, judgement: Judgement) -> list[str]:
    """Ids of the runs that need somebody."""
    rows = reader.rows(
        "runs/attention",
        **judgement.parameters(),
        since_ms=reader.clock() - _NEWS_MS,
        limit=_ATTENTION_MAX,
    )
    return [r["run_id"] for r in rows]


_ASKED = (
    "status",
    "search",
    "label",
    "user",
    "hidden",
    "process",
    "sort",
    "group",
    "started_after",
    "started_before",
)


def _asked(request: Request) -> dict[str, str]:
    """The query as it stands in the address, to fill the form with."""
    return {k: request.query_params.get(k, "") for k in _ASKED}


def _query_without(request: Request, *names: str) -> str:
    """The query but for these parameters; ends with & where anything is left."""
    kept = [(k, v) for k, v in request.query_params.multi_items() if k not in names]
    return urlencode(kept) + "&" if kept else ""


def _next_page(request: Request, token: str | None) -> str | None:
    """The query of the next page: this one's, with its token."""
    if token is None:
        return None
    return "?" + _query_without(request, "page_token") + urlencode({"page_token": token})
