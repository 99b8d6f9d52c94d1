"""`POST /v1/events`: what docs/events.md does not show. Nothing of a bad batch is accepted."""

import json
from typing import Any

import pytest

from ingest import ids
from tests.support.ingest import Edge
from tests.support.log import NOW

BEAT = {"type": "run.heartbeat", "run_id": "r"}
HOST = {"hostname": "n1", "machine_type": "m5.large"}


def refused(body: object, status: int = 422, **settings: Any) -> dict[str, Any]:
    """The problem that a bad request is answered with."""
    edge = Edge(**settings)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = edge.request("POST", "/v1/events", content=content)
    assert answer.status_code == status and answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "detail"} <= set(problem) and problem["status"] == status
    assert edge.log.records == []
    return dict(problem)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a": NaN}', b"[" * 9999, b'{"a":"\\ud800"}'])
def test_not_json(body: bytes) -> None:
    refused(body, 400)


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        (3, []),
        ({}, []),
        ([], []),
        ({"events": []}, ["events"]),
        ({"events": {}}, ["events"]),
        ([BEAT] * 1001, []),
        ([BEAT, 5], [1]),
        ({"events": [BEAT, {"type": "clock.tick"}]}, ["events", 1]),
        (BEAT | {"type": ["run.begun"]}, []),
        (BEAT | {"run_id": "null"}, ["run_id"]),
        (BEAT | {"run_id": "a b"}, ["run_id"]),
        (BEAT | {"run_id": None}, []),
        (BEAT | {"run_id": None, "start": NOW, "name": "n"}, []),
        (BEAT | {"start": "2026-11-24T19:01:45"}, ["start"]),
        (BEAT | {"data": {"instant": -1}}, ["data", "instant"]),
        (BEAT | {"type": "run.completed"}, ["data"]),
        (BEAT | {"type": "run.completed", "data": {"state": "running"}}, ["data", "state"]),
        (BEAT | {"type": "run.labelled", "data": {"labels": [""]}}, ["data", "labels", 0]),
        (BEAT | {"type": "tasks.changed", "data": {"tasks": []}}, ["data", "tasks"]),
        ({"type": "host.seen", "data": {"machine_type": "m5.large"}}, ["data", "hostname"]),
        ({"type": "host.seen", "data": {"hostname": "n1"}}, ["data"]),
        ({"type": "host.seen", "data": HOST | {"hostname": "n" * 256}}, ["data", "hostname"]),
        ({"type": "host.seen", "data": HOST | {"cpus": 0}}, ["data", "cpus"]),
        ({"type": "host.seen", "data": HOST | {"memory_bytes": 2**51}}, ["data", "memory_bytes"]),
        ({"type": "host.seen", "data": HOST | {"from": 10, "until": 10}}, ["data"]),
        (
            BEAT | {"type": "tasks.changed", "data": {"tasks": [{"task_id": 1}]}},
            ["data", "tasks", 0, "status"],
        ),
    ],
)
def test_what_is_not_valid(body: object, loc: list[object]) -> None:
    errors = refused(body)["errors"]
    assert errors[0]["loc"] == loc and all(e["msg"] for e in errors)


def test_at_most_a_hundred_errors_are_told() -> None:
    problem = refused([5] * 500)
    assert problem["detail"].startswith("500 errors") and len(problem["errors"]) == 100


def test_too_large() -> None:
    refused(b"[" + b" " * 2000 + b"]", 413, max_body_bytes=1024)
    tasks = [{"task_id": i, "status": "running"} for i in range(90)]
    body = json.dumps({"type": "tasks.changed", "run_id": "r" * 64, "data": {"tasks": tasks}})
    assert len(body) < 4096
    assert refused(body.encode(), 413, max_body_bytes=4096)["errors"]


def test_the_log_is_away() -> None:
    edge = Edge()
    edge.log.away = True
    answer = edge.request("POST", "/v1/events", json=BEAT)
    assert answer.status_code == 503 and answer.headers["retry-after"] == "5"
    assert answer.json()["title"] == "The log is not available"


def test_what_only_ingest_may_say_is_not_taken_from_the_client() -> None:
    edge = Edge()
    lie = {"part": "a", "reason": "b", "raw": "c"}
    task = {"task_id": 1, "status": "failed", "run_id": "other"}
    data = {"dialect": "tower", "set_aside": [lie], "workspace": "w", "tasks": [task]}
    edge.send(
        "POST", "/api/v1/events", [BEAT | {"data": data}, BEAT | {"type": "tasks.changed", "data": data}]
    )
    (beat, _), (changed, rows) = edge.events
    for event in (beat, changed):
        assert event.data.dialect == "native" and event.data.set_aside == []  # type: ignore[union-attr]
        assert event.source == "ingest-1" and event.received_at == NOW
    assert rows[0]["run_id"] == "r" and changed.data.workspace == "w"  # type: ignore[union-attr]


def test_the_id_is_derived_and_its_parts_are_told() -> None:
    edge = Edge()
    who = {"start": NOW, "session_id": "s", "name": "n", "workspace": "w"}
    answer = edge.send(
        "POST", "/v1/events", [{"type": t, **who} for t in ("run.created", "run.begun", "run.heartbeat")]
    )
    assert answer == {"accepted": 3, "run_ids": [ids.run_id(NOW, "w", "s", "n")]}
    created, begun, beat = (e.data for e, _ in edge.events)
    assert (created.name, created.session_id) == ("n", "s")  # type: ignore[union-attr]
    assert begun.workflow.model_dump(include={"name", "session_id", "started_at"}) == {  # type: ignore[union-attr]
        "name": "n",
        "session_id": "s",
        "started_at": NOW,
    }
    assert beat.workspace == "w"  # type: ignore[union-attr]


def test_an_event_sent_again_is_recognised() -> None:
    edge = Edge()
    edge.send("POST", "/v1/events", BEAT)
    edge.send("POST", "/v1/events", {"events": [BEAT, BEAT | {"data": {"instant": 5}}]})
    one, again, other = (e.id for e, _ in edge.events)
    assert one == again != other


def test_a_host_is_of_no_run_and_all_that_is_said_of_it_lies_in_one_partition() -> None:
    edge = Edge()
    events = [{"type": "host.seen", "data": HOST | {"from": at}} for at in (0, 5)] + [BEAT]
    answer = edge.request("POST", "/v1/events", content=json.dumps(events).encode())
    assert answer.status_code == 200 and answer.json() == {"accepted": 3, "run_ids": ["r"]}
    assert sorted(r.key for r in edge.log.records) == ["host n1", "host n1", "r"]
