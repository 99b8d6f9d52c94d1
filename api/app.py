"""The query API, its pages and its probes as one application; `tracker up` puts ingest's before them."""

import secrets
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.alerts import routes as alerts
from api.auth import login
from api.auth.gate import Gate, Guarded
from api.auth.permissions import bind_runs
from api.auth.sessions import LoginSessions
from api.core import problems
from api.core.db import Reader
from api.core.headers import SafeAnswers
from api.core.metrics import measure
from api.dead_letters import routes as letter_routes
from api.dead_letters.commands import ReadAgain, read_nothing
from api.notes import pages as note_pages
from api.notes import routes as note_routes
from api.ops.count_cache import Counted
from api.runs import forms as run_forms
from api.runs import pages, routes
from api.runs import queries as runs
from api.tokens import routes as token_routes
from schemas.settings import Settings
from stores.log.port import EventLog
from stores.tables.client import Tables, TablesUnavailable
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
) -> FastAPI:
    """The application. `clock` gives the wall clock in ms; `extra_routes` are matched first, and guard themselves.

    `read_again` reads dead letters by today's code. Without a `gate` everybody may do everything. It neither opens nor closes the
    tables and the log: who made them does.
    """
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
    counted = Counted()
    app.include_router(routes.router(reader, log, clock, counted))
    app.include_router(alerts.router(reader, log, clock))
    app.include_router(note_routes.router(reader, log, clock))
    app.include_router(letter_routes.router(reader, log, read_again, clock))
    app.include_router(pages.router(reader, log, counted))
    app.include_router(note_pages.router(reader, log, clock))
    app.include_router(run_forms.router(reader, log, clock))
    app.include_router(token_routes.router(reader, gate))
    app.include_router(login.router(gate))
    _add_probes(app, reader, log)
    app.mount("/static", _Static(directory=str(files("api") / "static")), name="static")
    app.router.routes[:0] = extra_routes
    problems.install(app)
    bind_runs(app.state, lambda ref: runs.resolve(reader, ref), lambda run_id: runs.owner(reader, run_id))
    app.add_middleware(Guarded, gate=gate, reported=extra_routes)
    app.add_middleware(SafeAnswers)
    _describe_problems(app)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def _add_probes(app: FastAPI, reader: Reader, log: EventLog) -> None:
    @app.get("/livez", include_in_schema=False)
    async def livez() -> Response:
        return PlainTextResponse("ok\n")

    @app.get("/readyz", include_in_schema=False)
    def readyz() -> Response:
        if not reader.tables.ping():
            raise TablesUnavailable("no answer to a ping")
        return PlainTextResponse("ok\n")

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        await measure(reader, log)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


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
