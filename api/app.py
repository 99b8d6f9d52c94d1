"""The query API, its pages and its probes as one application; `tracker up` puts ingest's before them."""

import secrets
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from api.alerts import forms as alert_forms
from api.alerts import routes as alert_routes
from api.auth import login
from api.auth.gate import Gate, Guarded
from api.auth.permissions import bind_runs
from api.auth.sessions import LoginSessions
from api.carbon.book import carbon_book
from api.compare import pages as compare_pages
from api.compare import routes as compare_routes
from api.core import probes, problems
from api.core.db import Reader
from api.core.headers import SafeAnswers
from api.core.probes import TableProbes
from api.core.run_refs import WholeNames, read_names
from api.costs import pages as cost_pages
from api.costs import routes as cost_routes
from api.costs import tabs as cost_tabs
from api.dashboard import pages as dashboard_pages
from api.dead_letters import routes as dead_letter_routes
from api.dead_letters.commands import ReadAgain, read_nothing
from api.diagnosis import routes as diagnosis_routes
from api.diagnosis.tabs import error_tab
from api.html import site
from api.html.page import answer_problem
from api.logs import pages as log_pages
from api.logs import routes as log_routes
from api.logs import tabs as log_tabs
from api.mcp import routes as mcp_routes
from api.notes import pages as note_pages
from api.notes import routes as note_routes
from api.notes import tabs as note_tabs
from api.ops import pages as ops_pages
from api.ops import routes as ops_routes
from api.ops.count_cache import CountCache
from api.ops.log_view import LogView
from api.outputs import forms as output_forms
from api.outputs import pages as output_pages
from api.outputs import routes as output_routes
from api.pipelines import pages as pipeline_pages
from api.pipelines import routes as pipeline_routes
from api.reports import routes as report_routes
from api.reports import tabs as report_tabs
from api.runs import forms as run_forms
from api.runs import pages as run_pages
from api.runs import queries as runs
from api.runs import routes as run_routes
from api.runs import tabs as run_tabs
from api.runs.models import Tab
from api.tasks import pages as task_pages
from api.tasks import routes as task_routes
from api.timeline import pages as timeline_pages
from api.timeline import tabs as timeline_tabs
from api.tokens import routes as token_routes
from api.usage import routes as usage_routes
from api.usage import tabs as usage_tabs
from schemas.settings import Settings
from stores.log.port import EventLog
from stores.objects.open import ObjectStores
from stores.tables.client import Tables
from stores.tokens.token_list import NoTokens

OPENAPI_URL = "/api/v1/openapi.json"


def create_app(
    tables: Tables,
    log: EventLog,
    settings: Settings,
    clock: Callable[[], int],
    extra_routes: Sequence[BaseRoute] = (),
    gate: Gate | None = None,
    read_again: ReadAgain = read_nothing,
    table_probes: TableProbes | None = None,
) -> FastAPI:
    """The application. `clock` gives the wall clock in ms; `extra_routes` are runners' and answered first: they guard themselves.

    `read_again` reads dead letters by today's code; `table_probes` may be shared with a port of their own. Without a `gate`
    everybody may do everything. It neither opens nor closes the tables and the log: who made them does. Raises BadCarbonBook.
    """
    read_names()
    carbon_book(settings.carbon_book)  # one that cannot be used is said now, not to each reader of a page
    reader = Reader(tables, settings, clock)
    gate = gate or Gate(
        NoTokens(), settings, clock, LoginSessions(secrets.token_hex(), settings.login_hours, False)
    )
    app = FastAPI(
        title="Run Tracker",
        summary="Runs of workflows: status, tasks, concurrency, cost.",
        version="1",
        openapi_url=OPENAPI_URL,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        redirect_slashes=False,
        strict_content_type=False,  # that no page of another site sent it, the gate has seen
    )
    table_probes = table_probes or TableProbes(reader, log)
    for router in _capabilities(reader, log, clock, gate, read_again, table_probes):
        app.include_router(router)
    app.mount("/static", _Static(directory=str(files("api") / "static")), name="static")
    app.router.routes[:0] = extra_routes  # for the answer to a wrong method
    problems.install(app, answer_problem)
    app.state.clock = clock
    bind_runs(app.state, lambda ref: runs.resolve(reader, ref), lambda run_id: runs.owner(reader, run_id))
    app.add_middleware(Guarded, gate=gate)
    app.add_middleware(_RunnersFirst, routes=extra_routes)
    app.add_middleware(SafeAnswers, respond=answer_problem)
    app.add_middleware(WholeNames)
    _describe_problems(app)
    return app


def tabs(stores: ObjectStores) -> Sequence[Tab]:
    """Of the page of a run, in their order."""
    return (
        run_tabs.OVERVIEW,
        error_tab(stores),
        timeline_tabs.TIMELINE,
        run_tabs.CONFIG,
        note_tabs.NOTES,
        log_tabs.LOGS,
        report_tabs.REPORTS,
        cost_tabs.COST,
        usage_tabs.USAGE,
        note_tabs.AI,
        run_tabs.HISTORY,
    )


def _capabilities(
    reader: Reader,
    log: EventLog,
    clock: Callable[[], int],
    gate: Gate,
    read_again: ReadAgain,
    table_probes: TableProbes,
) -> list[APIRouter]:
    """The routers of all capabilities; nothing else knows them all."""
    log_view, count_cache, stores = LogView(log, clock), CountCache(), ObjectStores(reader.settings)
    return [
        run_routes.router(reader, log, stores, clock),
        run_pages.router(reader, tabs(stores)),
        run_forms.router(reader, log, clock),
        task_routes.router(reader),
        task_pages.router(reader, stores),
        timeline_pages.router(reader),
        diagnosis_routes.router(reader, stores),
        usage_routes.router(reader),
        compare_routes.router(reader),
        compare_pages.router(reader),
        cost_routes.router(reader),
        cost_pages.router(reader),
        dashboard_pages.router(reader),
        pipeline_routes.router(reader),
        pipeline_pages.router(reader),
        output_routes.router(reader, log, stores, clock),
        output_pages.router(reader, stores),
        output_forms.router(reader, log, stores, clock),
        report_routes.router(reader),
        log_routes.router(reader, stores),
        log_pages.router(reader, stores),
        note_routes.router(reader, log, clock),
        note_pages.router(reader, log, clock),
        alert_routes.router(reader, log, clock),
        alert_forms.router(reader, log, clock),
        dead_letter_routes.router(reader, log, read_again, clock),
        ops_routes.router(reader, log_view, count_cache),
        ops_pages.router(reader, log_view, count_cache),
        token_routes.router(reader, gate),
        login.router(gate, reader.tables),
        mcp_routes.router(reader, stores),
        site.router(),
        probes.router(table_probes),
    ]


def _operation_id(route: APIRoute) -> str:
    return route.name


class _RunnersFirst:
    """ASGI middleware: what runners call is matched once, and passes none of what the api's own requests need."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self.app, self.routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            for route in self.routes:
                match, of_route = route.matches(scope)
                if match is Match.FULL:  # with another method the same path may be one of the api's own
                    scope.update(of_route)
                    await route.handle(scope, receive, send)
                    return
        await self.app(scope, receive, send)


class _Static(StaticFiles):
    """Vendored files have their version in the path, so browsers may keep them; not so the others."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        keep = path.startswith("vendor/") and response.status_code in (200, 304)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if keep else "no-cache"
        return response


def _describe_problems(app: FastAPI) -> None:
    """Tell OpenAPI of our one shape of errors, in place of the framework's own, which nobody is ever sent."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema:
            return app.openapi_schema
        schema = describe()
        schemas = schema["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas["ProblemDetails"] = problems.ProblemDetails.model_json_schema()
        for operations in schema["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
