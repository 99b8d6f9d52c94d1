"""The routes: what is answered, what is on the log by then; nothing from outside brings ingest down."""

import asyncio
import http.client
import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import ids, message, partial_parsing, probes, tower
from ingest.request import Request as RunnerRequest
from schemas.metrics import INGEST_REQUESTS
from schemas.statuses import Dialect
from stores import probe_server
from tests.support.examples import examples
from tests.support.ingest import Edge, dead_letter, trace
from tests.support.log import NOW

WRITES = [
    ("POST", "/trace/create"),
    ("PUT", "/trace/run1/begin"),
    ("PUT", "/trace/run1/progress"),
    ("PUT", "/trace/run1/heartbeat"),
    ("PUT", "/trace/run1/complete"),
    ("POST", "/weblog"),
]


def counted(dialect: str, verb: str, outcome: str) -> float:
    return float(INGEST_REQUESTS.labels(dialect, verb, outcome)._value.get())


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_every_path_of_a_runner(prefix: str) -> None:
    edge = Edge()
    for method, path in WRITES:
        edge.send(method, prefix + path, {})
    assert len(edge.log.records) == len(WRITES)
    assert edge.send("PATCH", prefix + "/workflow/run1", {"schedRunId": "x"}) == {}
    assert edge.send("GET", prefix + "/user-info")["user"]["userName"]
    assert edge.send("GET", prefix + "/service-info")["serviceInfo"]["version"]
    edge.send("POST", prefix + "/v1/events", {"type": "run.heartbeat", "run_id": "r"})
    for method, path in [
        ("GET", "/trace/x/y"),
        ("PUT", "/nothing"),
        ("POST", "/v2/events"),
        ("GET", "/weblog"),
    ]:
        assert edge.request(method, prefix + path).status_code in (404, 405)


@pytest.mark.parametrize("authorization", [None, "Bearer a.b.c", "Basic QHRva2VuOnRva2Vu", "nonsense"])
def test_any_token_is_accepted(authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    edge = Edge()
    body = trace("success")[0]["body"]
    answer = edge.request("POST", "/trace/create?workspaceId=77", json=body, headers=headers)
    run = ids.run_id(body["instant"], "77", body["sessionId"], body["runName"])
    assert answer.json() == {"workflowId": run, "watchUrl": f"https://tracker.example.org/runs/{run}"}
    record = edge.log.records[0]
    assert (record.key, record.type) == (run, "run.created") and edge.last[0].data.workspace == "77"
    assert authorization is None or authorization.encode() not in record.value


@pytest.mark.parametrize("fault", ["away", "broken"])
def test_without_the_log_there_is_no_2xx(fault: str) -> None:
    edge = Edge()
    setattr(edge.log, fault, True)
    for method, path in WRITES:
        answer = edge.request(method, path, json={"instant": NOW})
        assert (
            answer.status_code == 503 and int(answer.headers["retry-after"]) > 0 and answer.json()["message"]
        )
    assert edge.log.records == []


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_413_and_no_more_of_it_is_read(chunked: bool) -> None:
    read = 0

    async def endless() -> Any:
        nonlocal read
        while True:
            read += 1000
            yield b"x" * 1000

    edge = Edge(max_body_bytes=5000)
    content = endless() if chunked else b"x" * 5001
    answer = edge.request("PUT", "/trace/run1/progress", content=content)
    assert answer.status_code == 413 and answer.json()["message"] and read <= 7000
    assert edge.log.records == []
    edge.send("PUT", "/trace/run1/progress", b"x" * 5000)


@pytest.mark.parametrize("size", [200, 50_000])
def test_a_request_that_grows_too_large_for_the_log_is_kept_as_bytes(size: int) -> None:
    edge = Edge(max_body_bytes=2**16)
    body = json.dumps({"tasks": [{"taskId": i, "status": "NEW"} for i in range(size // 30)]}).encode()
    edge.send("PUT", "/trace/run1/progress", body)
    event, rows = edge.last
    assert len(rows) == size // 30 if size < 1000 else dead_letter(event) == body
    hostile = b"[" + b'"token=a",' * 6000 + b"1]"  # redaction makes it longer
    edge.send("PUT", "/trace/run1/progress", hostile)
    assert "cut off" in edge.last[0].data.reason and len(edge.log.records[-1].value) <= 2**17


def test_a_defect_of_ours_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def defect(_: object) -> Any:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(tower, "read", defect)
    edge = Edge()
    with caplog.at_level(logging.CRITICAL):
        assert edge.send("PUT", "/trace/run1/progress", b'{"instant": 1}') == {}
    event, _ = edge.last
    assert "ZeroDivisionError" in event.data.reason and dead_letter(event) == b'{"instant": 1}'


def test_requests_are_counted_by_outcome() -> None:
    edge = Edge(max_body_bytes=5000)
    seen = {
        o: counted("tower", "progress", o) for o in ("accepted", "unreadable", "too_large", "log_unavailable")
    }
    other, invalid = counted("tower", "other", "unreadable"), counted("native", "events", "invalid")
    edge.send("PUT", "/trace/run1/progress", {})
    edge.send("PUT", "/trace/run1/progress", b"?")
    edge.send("PUT", "/trace/run1/explode", {})
    edge.request("PUT", "/trace/run1/progress", content=b"x" * 6000)
    edge.request("POST", "/v1/events", content=b"?")
    edge.log.away = True
    edge.request("PUT", "/trace/run1/progress", json={})
    assert {o: counted("tower", "progress", o) - n for o, n in seen.items()} == dict.fromkeys(seen, 1)
    assert counted("tower", "other", "unreadable") == other + 1
    assert counted("native", "events", "invalid") == invalid + 1
    text = edge.request("GET", "/metrics").text
    assert 'tracker_ingest_requests_total{dialect="tower",outcome="accepted",verb="progress"}' in text


def test_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    edge = Edge()
    assert edge.request("GET", "/livez").status_code == edge.request("GET", "/readyz").status_code == 200
    edge.log.away = True
    assert edge.request("GET", "/livez").status_code == 200
    assert edge.request("GET", "/readyz").status_code == 503

    async def hang(topic: str) -> Any:
        await asyncio.sleep(60)

    edge.log.away = False
    monkeypatch.setattr(edge.log, "bounds", hang)
    monkeypatch.setattr(probes, "LOG_SECONDS", 0.01)
    assert edge.request("GET", "/readyz").status_code == 503


def test_many_scrapes_make_the_text_of_metrics_once(monkeypatch: pytest.MonkeyPatch) -> None:
    edge, made = Edge(), list[bytes]()

    def generate() -> bytes:
        made.append(b"text")
        return made[-1]

    monkeypatch.setattr(probe_server, "generate_latest", generate)
    assert {edge.request("GET", "/metrics").text for _ in range(60)} == {"text"}
    assert len(made) == 1


def test_the_app_ticks_while_it_lives() -> None:
    async def run(edge: Edge) -> None:
        async with edge.app.router.lifespan_context(edge.app):
            await asyncio.sleep(0.05)

    edge = Edge()
    asyncio.run(run(edge))
    assert [r.type for r in edge.log.records] == ["clock.tick", "clock.left"]


@contextmanager
def served(edge: Edge) -> Iterator[http.client.HTTPConnection]:
    """A connection to the app behind the real HTTP server."""
    server = uvicorn.Server(uvicorn.Config(edge.app, port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        yield connection
    finally:
        connection.close()
        server.should_exit = True
        thread.join(20)


def test_twenty_megabytes_over_http_are_413_and_the_connection_lives_on() -> None:
    edge = Edge()
    with served(edge) as connection:
        for _ in range(2):
            connection.request("PUT", "/trace/run1/progress", b"x" * 20_000_000)
            answer = connection.getresponse()
            assert answer.status == 413 and json.loads(answer.read())["message"]
        connection.request("PUT", "/trace/run1/progress", b'{"tasks": []}')
        assert connection.getresponse().status == 200
    assert [r.type for r in edge.log.records if not r.type.startswith("clock")] == ["tasks.changed"]


def test_a_client_that_goes_before_its_body_is_complete() -> None:
    edge = Edge()
    before = counted("tower", "progress", "disconnected")
    with served(edge) as connection:
        connection.putrequest("PUT", "/trace/run1/progress")
        connection.putheader("Content-Length", "1000")
        connection.endheaders(b'{"tasks"')
        time.sleep(0.1)
        connection.close()
        end = time.monotonic() + 5
        while counted("tower", "progress", "disconnected") == before and time.monotonic() < end:
            time.sleep(0.01)
    assert counted("tower", "progress", "disconnected") == before + 1
    assert all(r.type.startswith("clock") for r in edge.log.records)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    [
        "tasks",
        "progress",
        "instant",
        "workflow",
        "processNames",
        "taskId",
        "status",
        "exit",
        "submit",
        "start",
        "complete",
        "name",
        "env",
        "params",
        "success",
        "errorMessage",
        "exitStatus",
        "manifest",
        "nextflow",
        "configText",
        "runName",
        "sessionId",
        "workflowId",
        "runId",
        "event",
        "utcTime",
        "trace",
        "metadata",
        "parameters",
        "type",
        "run_id",
        "data",
        "state",
        "labels",
        "events",
        "task_id",
        "year",
        "offset",
        "%cpu",
        "module",
    ]
)
WORDS = st.sampled_from(
    ["RUNNING", "COMPLETED", "started", "completed", "error", "process_started", "run.begun", "tasks.changed"]
)
SHAPED = st.recursive(
    JSON
    | WORDS
    | st.sampled_from([0, -1, 2**31, 2**63, 2**64, 10**400, 253402300800000, "\ud800", "\0", 1e308]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)
BODY = (
    st.binary(max_size=60)
    | SHAPED.map(lambda v: json.dumps(v).encode())
    | JSON.map(lambda v: json.dumps(v).encode())
)
REAL = [json.dumps(r["body"]).encode() for name in ("rich", "failed", "success.weblog") for r in trace(name)]
SPOILED = st.tuples(
    st.sampled_from(REAL), st.integers(0, 10**6), st.binary(max_size=4), st.integers(0, 4)
).map(lambda t: t[0][: t[1] % len(t[0])] + t[2] + t[0][t[1] % len(t[0]) + t[3] :])


@given(st.sampled_from([*WRITES, ("PUT", "/trace/null/x"), ("POST", "/v1/events")]), BODY | SPOILED)
@settings(max_examples=examples(400), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_comes_is_on_the_log_or_refused(where: tuple[str, str], body: bytes) -> None:
    edge = Edge(max_body_bytes=2**18)
    answer = edge.request(*where, content=body)
    if where[1] == "/v1/events" and answer.status_code != 200:
        assert answer.status_code in (400, 422) and edge.log.records == [] and answer.json()["detail"]
        return
    assert answer.status_code == 200
    events = edge.events  # each can be decoded again
    assert len(events) == answer.json().get("accepted", 1)
    for event, rows in events:
        assert "our own failure" not in getattr(event.data, "reason", ""), event
        assert all(r["run_id"] == event.run_id and "task_id" in r and "status" in r for r in rows)
        json.loads(json.dumps(event.model_dump(), allow_nan=False, default=str))


def test_the_usual_progress_is_validated_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """The path for what is wrong in part costs ten times as much; what it begins with is not called."""
    tasks = [t for r in trace("success") for t in r["body"].get("tasks", ()) if t["status"] == "COMPLETED"]
    body = json.dumps({"tasks": (tasks * 100)[:100], "progress": {}, "instant": NOW}).encode()
    monkeypatch.delattr(partial_parsing, "parse")
    request = RunnerRequest("run1", "progress", body, "", NOW, "p")
    made = message.message_of(request, tower.read, "PUT /", Dialect.TOWER, 2**25)
    assert made.tasks == 100 and made.set_aside == 0
