"""Every query file on a real ClickHouse server, over what the projector made of real traces: it answers as chDB does.

All other tests of pages, of the API and of single queries run on chDB alone.
"""

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from importlib.resources import files
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI

from api.app import create_app
from api.core import db
from api.runs.queries import owner
from api.tasks.queries import process_trend
from projections import sql as projections
from projections.alerts.storage import Storage
from projections.project.refresh import list_all_runs
from projections.project.retention import expire_all
from projections.replay import compare
from schemas import events as e
from schemas.files import events as o
from schemas.hosts.events import Host, HostSeen
from schemas.settings import Settings
from schemas.statuses import Dialect
from stores.tables.client import Tables
from tests.support.alerts.notifier import without_waits
from tests.support.alerts.theatre import MINUTE, Theatre
from tests.support.api.routes import routes
from tests.support.api.stage import request
from tests.support.log import MemoryLog
from tests.support.projection import put_rates, task
from tests.support.reference.figures import Rate

TRACES = ("resume", "failed", "killed")
#: Routes that read no table, or whose answer is of the process.
ELSEWHERE = {"/metrics", "/login", "/docs", "/api/v1/openapi.json", "/api/v1/tokens", "/livez"}
#: Of a route what it is asked with beside nothing.
QUERIES: dict[str, list[dict[str, Any]]] = {
    "/api/v1/runs": [
        {"sort": sort, "include_hidden": True, "page_size": 3}
        for sort in ("name", "-cost", "duration_ms", "status")
    ]
    + [{"status": "failed"}, {"status": "failed", "sort": "status"}, {"search": "a"}, {"pipeline": "a"}],
    "/": [{"sort": "-cost"}, {"status": "disconnected"}, {"search": "a"}],
    "/dashboard": [{"time": "all", "sort": "largest"}, {"names": "grumpy_turing"}],
    "/api/v1/output-folders": [{"uri": "/"}],
    "/api/v1/outputs": [{"search": "a"}],
    "/api/v1/runs/{ref}/outputs": [{"sort": "-bytes", "search": "a"}],
    "/api/v1/costs": [{"by": way} for way in ("user", "label", "capacity", "day")] + [{"status": "failed"}],
    "/api/v1/pipelines": [{"status": "failed"}],
    "/api/v1/compare": [{"b": "grumpy_turing"}, {"a": "grumpy_turing", "b": "fixed_turing"}],
    "/compare": [{"a": "grumpy_turing", "b": "fixed_turing"}],
    "/runs/{ref}": [{"tab": "all"}],
    "/api/v1/runs/{ref}/tasks": [{"sort": "-duration_ms"}, {"status": "failed"}, {"search": "a"}],
}


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The statements that the server has answered."""
    found: set[str] = set()

    def recorded(ask: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(tables: Tables, sql: str, /, **parameters: Any) -> Any:
            answer = ask(tables, sql, **parameters)
            if not tables.embedded:
                found.add(sql)
            return answer

        return wrapper

    for name in ("rows", "columns", "command"):
        monkeypatch.setattr(Tables, name, recorded(getattr(Tables, name)))
    return found


def test_each_answer_is_that_of_chdb_and_each_query_file_is_run(
    both_tables: tuple[Tables, Tables], executed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_waits(monkeypatch)
    chdb, server = (played(tables) for tables in both_tables)
    assert chdb.run_ids == server.run_ids
    expected = dict(asked(chdb))
    refused = {what: status for what, (status, _) in expected.items() if status not in (200, 202)}
    assert set(refused.values()) <= {307, 400, 404} and len(expected) - len(refused) > 40
    for what, answer in asked(server):
        assert answer == expected[what], what
    for ask in (alerting, collecting, tidying):
        assert ask(server) == ask(chdb)
    unasked = {n for n, texts in query_files() if not any(text in sql for sql in executed for text in texts)}
    assert unasked == set(), "what reads these is not asked here"


def query_files() -> Iterator[tuple[str, set[str]]]:
    """Each query file's name, and the texts as which it is run: of the api also the one that judges no run."""
    for package in ("api", "projections"):
        for folder in files(package).iterdir():
            if folder.is_dir():
                for file in folder.iterdir():
                    if file.name.endswith(".sql"):
                        name = f"{folder.name}/{file.name[:-4]}"
                        texts = (
                            {db.sql(name), db.sql(name, any_status=True)}
                            if package == "api"
                            else {projections.sql(name)}
                        )
                        yield f"{package}/{folder.name}/{file.name}", texts


class Played(Theatre):
    """A theatre whose piece is over, and the api over its tables."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.run_ids: list[str] = []
        self.event_log = MemoryLog()

    @property
    def app(self) -> FastAPI:
        return create_app(self.stage.tables, self.event_log, Settings(), lambda: self.history.now)


def played(tables: Tables) -> Played:
    """Some traces, among them a run that is resumed, one that failed and one that fell silent, and what people said of them."""
    theatre = Played(tables)
    flat = Rate("", "", "", None, Decimal("0.04"), Decimal("0.004"))
    put_rates(tables, [flat, Rate("node", "", "", Decimal("0.4"), None, None)])
    for name in TRACES:
        theatre.play(name)
        theatre.run_ids.append(theatre.run_id)
        theatre.turn()
        theatre.stage.project(7)
    run = theatre.run_ids[0]
    for data in (
        e.Labelled(labels=["team=a", "stalled=1h"]),
        e.Note(note_id="n1", text="why?", author="ada"),
        e.Unreadable(reason="no JSON", request="PUT /", raw="eA=="),
        o.Requested(by="ada"),
    ):
        theatre.history.say(run, data)
    theatre.history.say("w0123456789abcde", e.Begun(dialect=Dialect.WEBLOG))
    theatre.history.say("w0123456789abcde", e.Hiding(by="ada"))
    theatre.stage.projector = theatre.stage.worker()  # another takes over, where the first one stopped
    theatre.go_to(theatre.history.now + 20 * MINUTE)
    on_host(theatre)
    live = e.Workflow(name="live", project_name="lab/variants")  # as the traces' is called
    theatre.history.say("l0123456789abcde", e.Begun(workflow=live))
    theatre.run_ids.append("l0123456789abcde")
    theatre.stage.project()
    assert theatre.told()
    return theatre


def on_host(theatre: Played) -> None:
    """Two runs at work on a host that announced itself, the second after the first was projected."""
    host = Host(hostname="node-1", machine_type="node")
    sender = {"source": "ingest-0", "received_at": theatre.history.now, "on_any_run": True}
    theatre.history.append(0, HostSeen(id="node-1", data=host, **sender))
    at = theatre.history.now
    for run in ("h0123456789abcde", "h1123456789abcde"):
        record = task(run, 1, "succeeded", hostname="node-1", started_at=at - MINUTE, completed_at=at)
        theatre.history.say(run, e.TasksChanged(instant=at), record)
        theatre.stage.project()


def asked(theatre: Played) -> Iterator[tuple[str, tuple[int, Any]]]:
    """What every route that reads answers of every run, and the acts that read before they write."""
    app, tables = theatre.app, theatre.stage.tables
    [letter] = tables.rows("SELECT partition, offset FROM dead_letters FINAL LIMIT 1")
    alert = tables.value("SELECT min(id) FROM alerts FINAL WHERE run_id != ''")
    process = tables.value(
        "SELECT min(process) FROM run_processes FINAL WHERE run_id = {r:String}", r=theatre.run_id
    )
    pipeline = quote(request(app, "GET", "/api/v1/pipelines").json()["pipelines"][0]["name"], safe="")
    values = {
        "job_id": "j1",
        "letter_id": f"{letter['partition']}-{letter['offset']}",
        "alert_id": alert,
        "status": "failed",
    }
    reading = [path for method, path in routes(app.routes) if method == "GET" and path not in ELSEWHERE]
    for run in theatre.run_ids:
        values |= {
            "name": pipeline,
            "ref": run,
            "task_id": "1",
            "note_id": "n1",
            "part": "tasks",
            "text_name": "script",
        }
        for path in reading:
            if "{ref}" not in path and run != theatre.run_ids[0]:
                continue
            process_name = {"name": process} if path.endswith("/process") else {}
            for query in [process_name, *QUERIES.get(path, [])]:
                yield answer(app, "GET", path.format(**values), params=query)
    name = tables.value("SELECT min(created.name) FROM runs FINAL WHERE created.name != ''")
    yield answer(app, "GET", f"/api/v1/runs/{name}")
    reader = db.Reader(tables, Settings(), lambda: 0)

    yield answer(app, "GET", "/metrics")
    yield answer(app, "POST", f"/api/v1/alerts/{alert}/acknowledge", json={"by": "ada"})
    note = {"text": "so", "author": "ada"}
    yield answer(app, "PUT", f"/api/v1/runs/{theatre.run_ids[0]}/notes/n1", json=note)
    yield "means", (200, reader.rows("compare/process_means", run_ids=theatre.run_ids))
    yield "trend", (200, process_trend(reader, theatre.run_ids, process))
    yield "owners", (200, [owner(reader, run) for run in theatre.run_ids])


def answer(app: FastAPI, method: str, path: str, **options: Any) -> tuple[str, tuple[int, Any]]:
    response = request(app, method, path, **options)
    text = re.sub(r"\b[0-9a-f]{64}\b", "form token", response.text)
    if path == "/metrics":  # of the process, but for what is read from the tables
        text = "\n".join(line for line in text.split("\n") if re.match(r"tracker_(runs|live)", line))
    if response.headers.get("content-type") == "application/json":
        text = json.dumps(json.loads(text), indent=1)
    return f"{method} {path} {options}", (response.status_code, text)


def alerting(theatre: Played) -> list[Any]:
    """What a notifier that starts reads."""
    storage = Storage(theatre.stage.tables)
    marks = storage.marks()
    [mark] = marks.values()
    rounds = [(mark.round_ms, 0)]
    return [
        storage.load(theatre.history.now),
        storage.facts(theatre.run_ids),
        storage.cycles(theatre.run_ids),
        marks,
        storage.outage_counts(rounds, MINUTE, marks),
        storage.missing(0, mark.round),
        storage.acts(0),
    ]


def collecting(theatre: Played) -> list[Any]:
    """What a collector of outputs reads."""
    tables, now = theatre.stage.tables, theatre.history.now
    share = {"most": 10, "partitions": 4, "own": [0, 1, 2, 3]}
    return [
        tables.rows(projections.sql("outputs/due"), ended_since=0, retry_since=now, **share),
        tables.rows(projections.sql("outputs/asked"), **share),
        [tables.rows(projections.sql("outputs/run_folder"), run_id=run) for run in theatre.run_ids],
        [tables.rows(projections.sql("outputs/in_use"), run_id=run, live_since=0) for run in theatre.run_ids],
        tables.rows(projections.sql("outputs/jobs"), **share),
        tables.rows(db.sql("outputs/in_use"), run_id=theatre.run_id, live_since=0),
        tables.rows(db.sql("outputs/foreign"), owner="ann", uri="s3://bucket/x/"),
    ]


def tidying(theatre: Played) -> list[Any]:
    """`verify`; the list of runs is filled anew as it was; and then all runs that are over go."""
    tables = theatre.stage.tables
    listed = tables.rows("SELECT * FROM run_list FINAL ORDER BY run_id")
    tables.command("TRUNCATE TABLE run_list")
    list_all_runs(tables)
    assert listed and tables.rows("SELECT * FROM run_list FINAL ORDER BY run_id") == listed
    return [
        compare.figures(tables, 0),
        compare.incomplete(tables),
        expire_all(tables, theatre.history.now),
        tables.rows("SELECT run_id FROM runs FINAL ORDER BY run_id"),
    ]
