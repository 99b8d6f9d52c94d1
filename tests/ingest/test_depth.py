"""JSON that is nested deeply: no 5xx, no long work, and nothing on the log that its readers could not parse."""

import json
import time
from collections.abc import Iterator

import pytest

from ingest.message import MOST_DEPTH
from schemas import wire
from tests.support.ingest import Edge
from tests.support.log import NOW

KINDS = {
    "lists": lambda n: "[" * n + "]" * n,
    "objects": lambda n: '{"a":' * n + "1" + "}" * n,
    "never closed": lambda n: "[" * n,
}


def requests(deep: str) -> Iterator[tuple[str, str, str]]:
    """The deep value at every place where a dialect takes free JSON, and where it takes none."""
    yield "POST", "/trace/create", deep
    yield "POST", "/trace/create", f'{{"sessionId":"s","runName":"n","instant":{NOW},"x":{deep}}}'
    yield (
        "PUT",
        "/trace/run1/begin",
        f'{{"workflow":{{"runName":"n","params":{{"p":{deep}}}}},"instant":{NOW}}}',
    )
    yield (
        "PUT",
        "/trace/run1/begin",
        f'{{"workflow":{{"runName":"n","manifest":{{"p":{deep}}}}},"instant":{NOW}}}',
    )
    yield "PUT", "/trace/run1/progress", f'{{"tasks":[{{"taskId":1,"status":"RUNNING","script":{deep}}}]}}'
    yield "PUT", "/trace/run1/progress", f'{{"tasks":{deep}}}'
    yield "PUT", "/trace/run1/heartbeat", f'{{"progress":{deep}}}'
    yield "PUT", "/trace/run1/complete", f'{{"workflow":{deep}}}'
    yield (
        "POST",
        "/weblog",
        f'{{"event":"started","runName":"n","runId":"s","metadata":{{"parameters":{deep}}}}}',
    )
    yield "POST", "/weblog", deep
    yield "POST", "/v1/events", deep
    yield (
        "POST",
        "/v1/events",
        f'{{"type":"run.begun","run_id":"r","data":{{"workflow":{{"params":{{"p":{deep}}}}}}}}}',
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("levels", [20, MOST_DEPTH - 1, MOST_DEPTH, *range(185, 205), 1000, 100_000])
def test_depth(levels: int, kind: str) -> None:
    for method, path, body in requests(KINDS[kind](levels)):
        edge = Edge()
        began = time.perf_counter()
        answer = edge.request(method, path, content=body.encode())
        assert time.perf_counter() - began < 5
        expected = {200, 400, 422} if path == "/v1/events" else {200}
        assert answer.status_code in expected, (method, path, answer.text)
        for record in edge.log.records:
            wire.decode(record.value)  # raises if the projector could not


@pytest.mark.parametrize(("levels", "taken"), [(MOST_DEPTH - 1, True), (MOST_DEPTH, False)])
def test_what_is_taken_of_params(levels: int, taken: bool) -> None:
    edge = Edge()
    params = json.loads('{"p":' * levels + "1" + "}" * levels)
    edge.send(
        "PUT", "/trace/run1/begin", {"workflow": {"runName": "n", "params": {"q": params}}, "instant": NOW}
    )
    event, _ = edge.last
    if taken:
        assert event.type == "run.begun" and event.data.workflow.params == {"q": params}
    else:
        assert event.type == "request.unreadable" and f"{MOST_DEPTH} levels" in event.data.reason
    native = {"type": "run.begun", "run_id": "r", "data": {"workflow": {"params": {"q": params}}}}
    assert edge.request("POST", "/v1/events", json=native).status_code == (200 if taken else 422)
