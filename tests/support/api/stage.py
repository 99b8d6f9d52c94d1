"""The api on tables filled by hand: a stage a test. No test stands here."""

import json
import threading
from collections.abc import Iterator
from itertools import count
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from projections.costs.in_force import price_version
from projections.hosts.sharing import HostShares
from projections.project.refresh import refresh
from projections.project.writer import Writer
from schemas.settings import Settings
from schemas.sql import sql
from schemas.thresholds import own
from schemas.values import iso
from stores.tables.client import Tables
from tests.support.log import MemoryLog

Row = dict[str, Any]

#: 2023-11-14T22:13:20Z, in ms.
T0 = 1_700_000_000_000
_NAMES = (f"api_{n}" for n in count())


class Stage:
    """Tables, a log, a clock that stands at `now`, and the app over them."""

    def __init__(self, tables: Tables, **settings: Any) -> None:
        self.tables = tables
        self.log = MemoryLog(1, lambda: T0)
        self.now = T0 + 1000
        self._app = create_app(tables, self.log, Settings(**settings), lambda: self.now)
        self._unlisted = False

    @property
    def app(self) -> FastAPI:
        """It, once the list of runs shows what was inserted."""
        if self._unlisted:
            self._unlisted = False
            self.tables.command("TRUNCATE TABLE run_list")
            self.tables.command(sql("projections/project/list_all"))
        return self._app

    @app.setter
    def app(self, app: FastAPI) -> None:
        self._app = app

    def request(self, method: str, path: str, app: FastAPI | None = None, **options: Any) -> httpx.Response:
        return request(app or self.app, method, path, **options)

    def get(self, path: str, /, **params: Any) -> Any:
        """The JSON of an answer that must be 200; `path` under /api/v1."""
        response = self.request("GET", "/api/v1" + path, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def refused(self, status: int, path: str, /, **params: Any) -> Row:
        """The problem of an answer that must have this status."""
        return problem(self.request("GET", "/api/v1" + path, params=params), status)

    def insert(self, table: str, *rows: Row) -> None:
        self.tables.insert(table, "\n".join(json.dumps(r) for r in rows).encode())
        self._unlisted |= table in ("runs", "run_figures")

    def tick(self, at_ms: int | None = T0, clock_ms: int = 0, partition: int = 0, offset: int = 0) -> None:
        """The partition is projected up to `offset`; its newest tick, a round, is of `at_ms`."""
        mark = {"partition": partition, "offset": offset, "appended_at": iso(at_ms or T0)}
        self.insert(
            "watermarks",
            mark
            | ({} if at_ms is None else {"tick": {"offset": offset, "appended": at_ms}, "round": offset}),
        )
        if at_ms is not None:
            clock = {"partition": partition, "offset": offset, "appended_at": iso(at_ms)}
            self.insert("clocks", clock | {"clock_ms": clock_ms, "interval_ms": 5000, "processes": {}})

    def run(self, run_id: str, **known: Any) -> None:
        """Say something of a run. See `run_row`."""
        self.insert("runs", run_row(run_id, **known))

    def figures(self, run_id: str, **figures: Any) -> None:
        self.insert("run_figures", {"run_id": run_id, "version": 1} | figures)

    def project_figures(self, *run_ids: str) -> None:
        """Make the figures of these runs from their tasks, as the projection does."""
        writer = Writer(self.tables, threading.Event())
        shares = HostShares(self.tables, writer.retrying)
        refresh(writer, dict.fromkeys(run_ids, 1), price_version(self.tables), shares)

    def task(self, run_id: str, task_id: int, status: str = "succeeded", **known: Any) -> None:
        """Say something of a task; times are ms after T0."""
        times = {k: iso(T0 + known.pop(k)) for k in list(known) if k.endswith("_at")}
        base = {"run_id": run_id, "task_id": task_id, "status": status, "process": "P", "attempt": 1}
        self.insert("tasks", base | times | known)

    def pages(self, path: str, items: str, /, **params: Any) -> Iterator[list[Any]]:
        """All pages of a list."""
        token = ""
        while True:
            answer = self.get(path, **params, page_token=token)
            yield answer[items]
            token = answer["next_page_token"]
            if token is None:
                return


def request(app: FastAPI, method: str, path: str, **options: Any) -> httpx.Response:
    """One request to the app; what it raises is a 500."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://tracker") as client:
            return await client.request(method, path, **options)

    return anyio.run(ask)


def run_row(run_id: str, **known: Any) -> Row:
    """A row of `runs`. Groups: `at` (first append, ms), `created`, `facts`, `completed` and `labels` as given; the rest as is."""
    at = known.pop("at", T0)
    row: Row = {
        "run_id": run_id,
        "partition": 0,
        "offset": 1,
        "first_dialect": {"earliness": 1, "name": known.pop("dialect", "tower")},
        "first_appended_at": iso(at),
        "seen": {"observed": 0, "appended": at},
    }
    for group in (
        "created",
        "facts",
        "fact_texts",
        "completed",
        "completed_texts",
        "progress",
        "process_names",
    ):
        if group in known:
            row[group] = {"instant": at, "hash": 1} | known.pop(group)
    if "labels" in known:
        labels = known.pop("labels")
        thresholds = dict(zip(("disconnected_ms", "stalled_ms"), own(labels)[:2], strict=True))
        row |= {"labels": {"offset": 1, "labels": labels}, "own": {"offset": 1} | thresholds}
    return row | known


def problem(response: httpx.Response, status: int) -> Row:
    """The body of an answer that must be a problem of this status."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: Row = response.json()
    assert body["status"] == status and body["title"] and body["type"] == "about:blank"
    return body


@pytest.fixture
def stage(tables: Tables) -> Stage:
    return Stage(tables)
