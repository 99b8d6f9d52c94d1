"""Whatever arrives, a pipeline never fails by it: the rest is shown, what is wrong is listed with its reason."""

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.stacks import runner
from tests.support.stacks.client import Client, Reader, imbalance, until
from tests.support.stacks.stack import EmbeddedStack

INSTANT = 1_795_546_905_000
LONG = "n" * 100_000
MOST_BODY = 16 * 2**20
UNKNOWN_RUN = "0123456789abcdef"

Letter = tuple[str | None, str]  # the part of the request, and what its reason says


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    with EmbeddedStack(tmp_path_factory.mktemp("bad-input")) as running:
        yield running


@pytest.fixture
def client(stack: EmbeddedStack) -> Iterator[Client]:
    """After each test: the same process lives on, and its books are balanced."""
    before = stack.up.pid
    with Client(stack.api_url) as mine, Reader(stack.api_url) as reader:
        yield mine
        until("the books are balanced", lambda: imbalance(reader))
    assert stack.up.alive()
    assert stack.up.pid == before


@pytest.fixture
def run(client: Client, request: pytest.FixtureRequest) -> str:
    """A run that has begun, named after the test."""
    name = request.node.name
    created = client.request(
        "POST", "/trace/create", {"runName": name, "sessionId": name, "instant": INSTANT}
    )
    run_id: str = created.json["workflowId"]
    workflow = {"runName": name, "sessionId": name, "start": "2026-11-24T18:00:00Z"}
    client.request("PUT", f"/trace/{run_id}/begin", {"workflow": workflow, "instant": INSTANT})
    return run_id


def task(task_id: object = 1, **fields: Any) -> dict[str, Any]:
    told = {"taskId": task_id, "status": "RUNNING", "process": "P", "name": f"P ({task_id})", "attempt": 1}
    return told | fields


def body(*tasks: Any) -> dict[str, Any]:
    return {"tasks": list(tasks), "instant": INSTANT}


def raw(text: str) -> bytes:
    """The body of one good task whose name is this JSON text."""
    return json.dumps(body(task(name="@"))).replace('"@"', text).encode()


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not JSON"),
    "not JSON": (b"<html>", "not JSON"),
    "half of it": (b'{"tasks": [{"taskId"', "not JSON"),
    "an array": (b"[]", "not a JSON object but an array"),
    "null": (b"null", "not a JSON object but null"),
    "a number": (b"1e400", "not a JSON object but a number"),
    "nested": (b'{"a":' * 100_000, "not JSON|nested"),
    "binary": (bytes(range(256)), "not JSON"),
}


@pytest.mark.parametrize(("content", "reason"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_request_that_cannot_be_read_is_listed_whole(
    client: Client, run: str, content: bytes, reason: str
) -> None:
    assert client.request("PUT", f"/trace/{run}/progress", content).status == 200
    [letter] = letters(client, run, 1)
    assert letter["part"] is None
    assert any(r in letter["reason"] for r in reason.split("|"))
    assert letter["request"] == f"PUT /trace/{run}/progress"
    assert letter["raw_bytes"] > 0 or not content


#: What is sent as the tasks of a progress request; the letters that must be listed; the tasks that must be shown.
PARTLY_WRONG: dict[str, tuple[dict[str, Any] | bytes, list[Letter], dict[int, dict[str, Any]]]] = {
    "tasks is a string": ({"tasks": "x"}, [("tasks", "not an array")], {}),
    "a task is a number": (body(7, task(2)), [("tasks[0]", "not an object")], {2: {"status": "running"}}),
    "without an id": (body(task(None), task(2)), [("tasks[0]", "taskId")], {2: {}}),
    "the id is a word": (body(task("x"), task(2)), [("tasks[0]", "taskId")], {2: {}}),
    "a status never heard of": (
        body(task(1, status="DREAMING"), task(2)),
        [("tasks[0]", "status: not one of")],
        {2: {"status": "running"}},
    ),
    "wrong types": (
        body(task(1, cpus={}, attempt="two", tag=[1], exit="0x")),
        [("tasks[0].cpus", ""), ("tasks[0].attempt", ""), ("tasks[0].tag", ""), ("tasks[0].exit", "")],
        {1: {"status": "running", "attempt": 1, "cpus": None, "tag": None, "exit": None}},
    ),
    "negative": (
        body(task(1, memory=-1, cpus=-2, start="1969-12-31T23:59:59Z")),
        [("tasks[0].memory", ""), ("tasks[0].cpus", ""), ("tasks[0].start", "")],
        {1: {"memory_bytes": None, "cpus": None, "started_at": None}},
    ),
    "year 9999": (
        body(task(1, start="9999-12-31T23:59:59Z", submit="2026-11-24T18:00:01Z")),
        [("tasks[0].start", "")],
        {1: {"started_at": None, "submitted_at": "2026-11-24T18:00:01.000Z"}},
    ),
    "too large for a number": (
        json.dumps(body(task(1, memory="@", taskId=1))).replace('"@"', "9" * 5000).encode(),
        [("tasks[0].memory", "")],
        {1: {"memory_bytes": None}},
    ),
    "NaN": (
        json.dumps(body(task(1, pcpu=float("nan"), cpus=float("inf")))).encode(),
        [("tasks[0].pcpu", "finite"), ("tasks[0].cpus", "")],
        {1: {"cpu_percent": None, "cpus": None}},
    ),
    "100,000 characters": (
        body(task(1, name=LONG, process=LONG, hash=LONG)),
        [],
        {1: {"name": LONG, "process": LONG, "hash": LONG}},
    ),
    "NUL": (raw(r'"a\u0000b"'), [], {1: {"name": "a\0b"}}),
    "a lone surrogate": (raw(r'"a\ud800b"'), [], {1: {"name": "a\ufffdb"}}),
    "not UTF-8": (raw('"@"').replace(b"@", b"a\xffb"), [], {1: {"name": "a\ufffdb"}}),
    "a control character": (raw('"a\nb"'), [], {1: {"name": "a\nb"}}),
    "progress is wrong": (
        {**body(task()), "progress": {"succeeded": "many"}},
        [("progress", "succeeded")],
        {1: {"status": "running"}},
    ),
    "an instant before 1970": (
        {**body(task()), "instant": -5},
        [("instant", "")],
        {1: {"status": "running"}},
    ),
}


@pytest.mark.parametrize(("content", "expected", "shown"), PARTLY_WRONG.values(), ids=PARTLY_WRONG)
def test_what_is_wrong_in_part_is_listed_and_the_rest_is_shown(
    client: Client,
    run: str,
    content: dict[str, Any] | bytes,
    expected: list[Letter],
    shown: dict[int, dict[str, Any]],
) -> None:
    assert client.request("PUT", f"/trace/{run}/progress", content).status == 200
    assert tasks(client, run, len(shown)).keys() == shown.keys()
    for task_id, fields in tasks(client, run, len(shown)).items():
        assert {k: v for k, v in task_of(client, run, task_id).items() if k in shown[task_id]} == shown[
            task_id
        ]
        assert fields["task_id"] == task_id
    found = {x["part"]: x["reason"] for x in letters(client, run, len(expected))}
    assert found.keys() == {part for part, _ in expected}
    for part, reason in expected:
        assert reason in found[part or ""]


def test_a_run_never_announced_is_listed_under_its_id(client: Client) -> None:
    assert client.request("PUT", f"/trace/{UNKNOWN_RUN}/progress", body(task())).status == 200
    assert tasks(client, UNKNOWN_RUN, 1).keys() == {1}
    with reader_of(client) as reader:
        # Nothing announced it, so it is listed with its first figures, a moment after its tasks.
        until("it is listed", lambda: UNKNOWN_RUN not in [r["id"] for r in reader.paged("/runs", "runs")])


@pytest.mark.parametrize("path", ["/trace/a!b/progress", "/trace//progress", f"/trace/{'a' * 300}/progress"])
def test_a_run_id_of_the_wrong_shape_is_a_dead_letter(client: Client, path: str) -> None:
    with reader_of(client) as reader:
        before = reader.books()["dead_lettered"]
        assert client.request("PUT", path, body(task())).status == 200
        until("it is listed", lambda: reader.books()["dead_lettered"] != before + 1)
        assert path in [letter["request"].removeprefix("PUT ") for letter in reader.dead_letters()[:1]]


def test_an_unknown_verb_is_a_dead_letter(client: Client, run: str) -> None:
    assert client.request("PUT", f"/trace/{run}/dance", {"instant": INSTANT}).status == 200
    [letter] = letters(client, run, 1)
    assert (letter["part"], letter["reason"]) == (None, "an unknown verb")


def test_a_create_that_cannot_be_read_still_gets_an_id_that_works(client: Client) -> None:
    created = client.request("POST", "/trace/create", b"{")
    assert created.status == 200
    run_id = created.json["workflowId"]
    assert client.request("PUT", f"/trace/{run_id}/progress", body(task())).status == 200
    assert tasks(client, run_id, 1).keys() == {1}
    [letter] = letters(client, run_id, 1)
    assert letter["request"] == "POST /trace/create"


def test_a_workflow_with_wrong_fields_begins_with_the_others(client: Client) -> None:
    long = {"runName": LONG, "sessionId": "s\0\ud800", "instant": INSTANT}
    created = client.request("POST", "/trace/create", long)
    run_id = created.json["workflowId"]
    workflow = {**long, "start": "year 9999", "params": {"x": float("nan"), "y": 1}, "resume": "perhaps"}
    begun = client.request("PUT", f"/trace/{run_id}/begin", {"workflow": workflow, "instant": 10**30})
    assert begun.status == 200
    parts = {letter["part"] for letter in letters(client, run_id, 6)}
    wrong = {"workflow.start", "workflow.resume", "workflow.params.x", "instant"}
    assert parts == wrong | {"runName", "workflow.runName"}
    with reader_of(client) as reader:
        shown = reader.run(run_id)
    assert (shown["name"], shown["session_id"], shown["status"]) == (run_id, "s\0\ufffd", "running")
    assert shown["workflow"]["params"] == {"x": None, "y": 1}


def test_an_end_without_success_is_judged_by_the_rest_of_it(client: Client, run: str) -> None:
    end = {"complete": "2026-11-24T18:01:00Z", "duration": -60_000, "exitStatus": 1, "errorMessage": "broken"}
    assert client.request("PUT", f"/trace/{run}/complete", {"workflow": end}).status == 200
    parts = {letter["part"] for letter in letters(client, run, 2)}
    assert parts == {"workflow.success", "workflow.duration"}
    with reader_of(client) as reader:
        until("it has failed", lambda: reader.run(run)["status"] != "failed")
        assert reader.run(run)["error"]["message"] == "broken"


def test_five_thousand_tasks_in_one_request_are_all_shown(client: Client, run: str) -> None:
    many = body(*(task(n, status="COMPLETED") for n in range(1, 5001)))
    assert client.request("PUT", f"/trace/{run}/progress", many).status == 200
    assert len(tasks(client, run, 5000)) == 5000
    with reader_of(client) as reader:
        until("all are counted", lambda: reader.run(run)["tasks"]["succeeded"] != 5000)


@pytest.mark.parametrize("path", ["progress", "create", "weblog", "events"])
def test_a_body_of_20_MB_is_refused_with_413(client: Client, run: str, path: str) -> None:
    paths = {"create": "/trace/create", "weblog": "/weblog", "events": "/v1/events"}
    answer = client.request(
        "POST", paths.get(path, f"/trace/{run}/{path}"), b'{"x": "' + b"x" * 20_000_000 + b'"}'
    )
    assert answer.status == 413
    assert str(MOST_BODY) in answer.body.decode()


def test_a_chunked_body_of_20_MB_is_refused_with_413(stack: EmbeddedStack, run: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", stack.up.port, timeout=30)
    chunks = (b"x" * 100_000 for _ in range(200))
    connection.request("PUT", f"/trace/{run}/progress", chunks, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_body_of_almost_16_MB_is_accepted(client: Client, run: str) -> None:
    script = "x" * (MOST_BODY - 1000)
    assert client.request("PUT", f"/trace/{run}/progress", body(task(script=script))).status == 200
    assert tasks(client, run, 1).keys() == {1}
    assert task_of(client, run, 1)["script"] == script


WEBLOG: dict[str, tuple[dict[str, Any], str]] = {
    "no run": ({"event": "started"}, "runId and runName"),
    "an unknown event": ({"event": "paused", "runId": "s", "runName": "w"}, "an unknown event"),
    "no metadata": ({"event": "completed", "runId": "s", "runName": "w"}, "metadata.workflow"),
    "no trace": ({"event": "process_started", "runId": "s", "runName": "w", "trace": 5}, "not an object"),
}


@pytest.mark.parametrize(("content", "reason"), WEBLOG.values(), ids=WEBLOG)
def test_weblog_events_that_are_wrong_are_listed(
    client: Client, content: dict[str, Any], reason: str
) -> None:
    assert client.request("POST", "/weblog", content).status == 200
    with reader_of(client) as reader:
        until("it is listed", lambda: imbalance(reader))
        assert reason in reader.dead_letters()[0]["reason"]


def test_our_own_dialect_refuses_what_is_wrong(client: Client) -> None:
    for content in (b"<", b"[]", b"{}", b'{"type": "run.danced"}'):
        answer = client.request("POST", "/v1/events", content)
        assert 400 <= answer.status < 500
        assert answer.headers["content-type"] == "application/problem+json"


def test_real_traffic_is_served_as_before(stack: EmbeddedStack, client: Client) -> None:
    requests = runner.load("success", "after_bad_input")
    sent = runner.send(stack.ingest_urls, iter(requests))
    with reader_of(client) as reader:
        until("all is projected", lambda: imbalance(reader))
        until("it has succeeded", lambda: reader.run(sent.run_id)["tasks"]["succeeded"] != 25)


def reader_of(client: Client) -> Reader:
    return Reader(client.base)


def letters(client: Client, run_id: str, count: int) -> list[dict[str, Any]]:
    """The run's dead letters, once there are so many."""
    with reader_of(client) as reader:

        def mine() -> list[dict[str, Any]]:
            return [letter for letter in reader.dead_letters() if letter["run_id"] == run_id]

        until("all is projected", lambda: imbalance(reader))
        assert len(mine()) == count, mine()
        return mine()


def tasks(client: Client, run_id: str, count: int) -> dict[int, dict[str, Any]]:
    """The run's tasks, once there are so many."""
    with reader_of(client) as reader:
        until("all is projected", lambda: imbalance(reader))
        found = reader.tasks(run_id)
        assert len(found) == count
        return found


def task_of(client: Client, run_id: str, task_id: int) -> dict[str, Any]:
    with reader_of(client) as reader:
        found: dict[str, Any] = reader.get(f"/runs/{run_id}/tasks/{task_id}")
        return found
