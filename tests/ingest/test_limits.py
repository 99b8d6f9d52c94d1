"""Small bodies that made large messages or much work: what is set aside, every length, and where large bodies are read."""

import json
import threading
from typing import Any

import pytest

from ingest import partial_parsing, tower
from ingest.app import LARGE_BODY, LARGE_USUAL_BODY
from ingest.message import message_of
from ingest.nextflow import NextflowTask
from ingest.redaction import payloads
from ingest.request import Request
from schemas import wire
from schemas.statuses import Dialect
from tests.support.growth import assert_linear
from tests.support.ingest import Edge, aside
from tests.support.log import NOW

MANY = 50_000
LONG_WORKSPACE = "?workspaceId=" + "w" * 60_000
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "tasks": ("progress", {"tasks": [1] * MANY}),
    "records without a status": ("progress", {"tasks": [{}] * MANY}),
    "process names": ("begin", {"workflow": {"runName": "n"}, "processNames": [1] * MANY}),
    "modules": ("progress", {"tasks": [{"taskId": 1, "status": "RUNNING", "module": [1] * MANY}]}),
}


def nan_params(count: int) -> bytes:
    return b'{"workflow":{"params":{"%s":[%s]}}}' % (b"k" * 1000, b",".join([b"NaN"] * count))


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("query", ["", LONG_WORKSPACE])
def test_of_many_parts_a_hundred_are_kept_and_the_rest_is_counted(kind: str, query: str) -> None:
    edge, (verb, body) = Edge(), BODIES[kind]
    edge.send("PUT", f"/trace/run1/{verb}{query}", body)
    event, _ = edge.last
    parts = dict(aside(event))
    assert 1 <= len(parts) == len(event.data.set_aside) <= partial_parsing.MOST_PARTS + 1
    assert len(edge.log.records[-1].value) < 300_000
    if kind != "modules":
        assert str(MANY + bool(query) - partial_parsing.MOST_PARTS) in parts["(more)"]
    assert len(event.data.workspace) <= 1000


def test_a_part_of_a_long_name_is_cut_and_costs_linear_time() -> None:
    edge = Edge()
    edge.send("PUT", "/trace/run1/begin", nan_params(200))
    parts = [part for part, _ in aside(edge.last[0])]
    assert len(parts) == 101 and all(len(part) <= 320 for part in parts)


@pytest.mark.parametrize("unit", [b"1", b"{}", b'"x"', b"null", b'{"taskId":1,"status":1}'])
def test_hostile_tasks_cost_linear_time(unit: bytes) -> None:
    def make(size: int) -> object:
        body = b'{"tasks":[' + b",".join([unit] * (size // len(unit))) + b"]}"
        request = Request("run1", "progress", body, "", NOW, "p")
        return message_of(request, tower.read, "PUT /", Dialect.TOWER, 2**25)

    assert_linear(make, 40_000)


def test_records_without_their_keys_are_not_validated(monkeypatch: pytest.MonkeyPatch) -> None:
    """80,000 of them fit into a small body; to have each validated took 0.9 s in the event loop."""
    monkeypatch.setattr(NextflowTask, "model_validate", lambda _: pytest.fail("validated"))
    edge = Edge()
    edge.send(
        "PUT", "/trace/run1/progress", {"tasks": [{}, {"taskId": 1}, {"status": "RUNNING", "cpus": "x"}]}
    )
    assert [reason for _, reason in aside(edge.last[0])] == [
        "taskId: Field required",
        "status: Field required",
        "taskId: Field required",
    ]


def test_what_is_not_kept_is_not_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    """125,000 integers held the loop for 1.4 s, most of it for parts beyond what anybody looks at."""
    calls = []
    redact = payloads.value

    def counted(*args: Any) -> Any:
        calls.append(args)
        return redact(*args)

    monkeypatch.setattr(payloads, "value", counted)
    Edge().send("PUT", "/trace/run1/progress", {"tasks": [1] * MANY})
    assert len(calls) == partial_parsing.MOST_PARTS


@pytest.mark.parametrize("query", ["", LONG_WORKSPACE])
def test_a_small_body_of_letters_makes_a_small_message(query: str) -> None:
    """1.2 kB with 60 kB of workspace, repeated in each dead letter."""
    edge = Edge()
    edge.send("PUT", f"/trace/run1/progress{query}", {"tasks": [1] * 600})
    edge.send("PUT", f"/trace/run1/explode{query}", {"x": 1})
    edge.send("PUT", f"/trace/{'r' * 5000}/progress{query}", {})
    for record in edge.log.records:
        assert len(record.value) < 40_000, "a dead letter of each part would repeat it"
    assert all(len(event.data.workspace) <= 1000 for event, _ in edge.events)  # type: ignore[union-attr]


def test_a_message_never_exceeds_the_limit_of_the_log() -> None:
    edge = Edge(max_body_bytes=1024)
    for body in (b'{"tasks":["' + b"\x01" * 900 + b'"]}', b"\xff" * 1024, b"[" * 1024):
        for path in (
            f"/trace/{'%01' * 5000}/progress",
            "/trace/run1/progress",
            f"/trace/create{LONG_WORKSPACE}",
        ):
            edge.send("PUT", path, body)
    assert len(edge.log.records) == 9
    assert max(len(r.value) for r in edge.log.records) <= 2 * 1024


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"session_id": "s" * 1001}, ["session_id"]),
        ({"name": "n" * 1001}, ["name"]),
        ({"workspace": "w" * 1001}, ["workspace"]),
        ({"data": {"workspace": "w" * 1001}}, ["data", "workspace"]),
        ({"type": "run.created", "data": {"name": "n" * 1001}}, ["data", "name"]),
        ({"type": "run.created", "data": {"session_id": "n" * 1001}}, ["data", "session_id"]),
        (
            {"type": "run.begun", "data": {"workflow": {"user_name": "n" * 1001}}},
            ["data", "workflow", "user_name"],
        ),
        (
            {"type": "run.begun", "data": {"workflow": {"work_dir": "n" * 5000}}},
            ["data", "workflow", "work_dir"],
        ),
    ],
)
def test_every_string_of_the_native_dialect_has_a_length(fields: dict[str, Any], loc: list[str]) -> None:
    answer = Edge().request("POST", "/v1/events", json={"type": "run.heartbeat", "run_id": "r"} | fields)
    assert answer.status_code == 422 and answer.json()["errors"][0]["loc"] == loc


def test_a_string_that_is_too_long_is_set_aside_and_the_rest_is_kept() -> None:
    edge = Edge()
    edge.send("PUT", "/trace/run1/begin", {"workflow": {"runName": "n", "userName": "u" * 1001}})
    event, _ = edge.last
    assert event.data.workflow.name == "n" and event.data.workflow.user_name == ""
    assert [part for part, _ in aside(event)] == ["workflow.userName"]


def test_what_redaction_makes_longer_can_be_read_by_the_projector() -> None:
    edge = Edge()
    name = "://a@" * 200
    edge.send("PUT", "/trace/run1/begin", {"workflow": {"runName": name}})
    edge.send("POST", "/weblog", {"event": "started", "runName": name * 2, "runId": name * 2})
    assert [event.type for event, _ in edge.events] == ["run.begun", "run.begun"]
    assert all(len(event.data.workflow.name) >= 1000 for event, _ in edge.events)  # type: ignore[union-attr]


def test_a_large_body_is_read_in_threads_that_projection_does_not_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = []
    encode = wire.encode

    def noted(*what: Any) -> bytes:
        threads.append(threading.current_thread().name)
        return encode(*what)

    monkeypatch.setattr(wire, "encode", noted)
    edge = Edge()

    def in_a_thread(path: str, body: object) -> bool:
        edge.send("POST" if path == "/v1/events" else "PUT", path, body)
        name = threads.pop()
        assert threads == []
        assert name == threading.main_thread().name or name.startswith("ingest-parse")
        return name.startswith("ingest-parse")

    def of_tasks(size: int, **more: object) -> dict[str, object]:
        task = {"taskId": 1, "status": "RUNNING", "script": "x" * 1000, **more}
        return {"tasks": [task] * (size // len(json.dumps(task)))}

    progress, begin, native = "/trace/run1/progress", "/trace/run1/begin", "/v1/events"
    free = {"gpuMetrics": {str(n): n for n in range(1000)}}
    heartbeat = {"type": "run.heartbeat", "run_id": "r"}
    small, large, usual = LARGE_BODY - 2000, LARGE_BODY + 2000, LARGE_USUAL_BODY - 2000
    assert not in_a_thread(begin, {"workflow": {"configText": "x" * small}})
    assert in_a_thread(begin, {"workflow": {"configText": "x" * large}})
    assert not in_a_thread(native, heartbeat | {"data": {"more": "x" * small}})
    assert in_a_thread(native, heartbeat | {"data": {"more": "x" * large}})
    assert not in_a_thread(progress, of_tasks(usual)), "the usual request is cheap for its size"
    assert in_a_thread(progress, of_tasks(usual + 4000))
    assert in_a_thread(progress, of_tasks(large) | {"tasks": 1, "x": "x" * large}), "it wants patience"
    assert in_a_thread(progress, of_tasks(usual, **free)), "each value of free JSON is looked at by itself"
    assert in_a_thread("/trace/run1/nonsense", of_tasks(large))
