"""The weblog dialect: real traces of nf-weblog, and what can be wrong with a request."""

import json
from pathlib import Path
from typing import Any

import pytest

from ingest import ids
from tests.support.ingest import WEBLOG_TRACES, Edge, aside, dead_letter, trace

TYPES = {
    "started": "run.begun",
    "completed": "run.completed",
    "process_submitted": "tasks.changed",
    "process_started": "tasks.changed",
    "process_completed": "tasks.changed",
}
FINAL = {"succeeded", "failed", "aborted"}


def event(kind: str, **fields: object) -> dict[str, Any]:
    return {"runId": "s", "runName": "n", "event": kind, "utcTime": "2026-11-24T18:34:12Z"} | fields


@pytest.mark.parametrize("path", WEBLOG_TRACES, ids=lambda p: p.name.removesuffix(".weblog.jsonl.gz"))
def test_a_real_trace_is_read_whole_and_tells_what_tower_tells(path: Path) -> None:
    edge, last = Edge(), {}
    for r in trace(path):
        edge.send("POST", r["path"], r["body"])
        found, rows = edge.last
        body = r["body"]
        trace_of_error = "tasks.changed" if body.get("trace") else "run.heartbeat"
        assert found.type == TYPES.get(body["event"], trace_of_error)
        assert found.run_id == ids.run_id(None, "", body["runId"], body["runName"])
        assert list(aside(found)) == [] and found.data.instant is not None
        last.update({t["task_id"]: t for t in rows})
    twin: dict[int, dict[str, Any]] = {}
    for r in trace(path.name.removesuffix(".weblog.jsonl.gz")):
        twin.update({t["taskId"]: t for t in r["body"].get("tasks", [])})
    done = {i: t for i, t in last.items() if t["status"] in FINAL}
    told = {"COMPLETED": "succeeded", "FAILED": "failed", "ABORTED": "aborted"}
    assert {i: t["status"] for i, t in done.items()} == {
        i: told[t["status"]] for i, t in twin.items() if t["status"] in told
    }
    for i, t in done.items():
        if "started_at" in t:
            assert t["started_at"].replace("000Z", "Z") == twin[i]["start"].replace(".000Z", "Z")
            assert t.get("peak_rss_bytes") == twin[i].get("peakRss") and t["process"] == twin[i]["process"]


def test_the_facts_of_the_start_and_the_end() -> None:
    edge = Edge()
    for r in trace("failed.weblog"):
        edge.send("POST", "/api/weblog", r["body"])
    begun, completed = edge.events[0][0], edge.last[0]
    assert begun.type == "run.begun" and begun.data.workflow.started_at == 1795545328884
    assert completed.data.workflow.params["fail_mode"] == "always"
    assert completed.data.completed_at == 1795545367718 and completed.data.duration_ms == 38834
    assert (completed.data.state, completed.data.exit_status) == ("failed", 3)
    assert completed.data.error_message.startswith("calling S03")
    row = next(rows[0] for _, rows in edge.events if rows)
    assert "started_at" not in row, "a start of 0 is no start"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (event("exploded"), "unknown event"),
        (event("x") | {"event": ["started"]}, "unknown event"),
        (event("started") | {"runId": None}, "which run"),
        (event("started") | {"runId": "", "runName": ""}, "which run"),
        (event("completed"), "how the run ended"),
        (event("completed", metadata={"workflow": {}}), "how the run ended"),
        ([], "array"),
    ],
)
def test_what_cannot_be_read_is_a_dead_letter(body: object, reason: str) -> None:
    edge = Edge()
    edge.send("POST", "/weblog", body)
    found, _ = edge.last
    assert reason in found.data.reason and json.loads(dead_letter(found)) == body
    assert edge.log.records[0].key == "dead-letters"


def test_what_is_wrong_in_part_is_set_aside() -> None:
    edge = Edge()
    wrong = {"task_id": 1, "status": "RUNNING", "%cpu": "x", "start": 10**18, "native_id": {}, "submit": True}
    edge.send("POST", "/weblog", event("process_started", trace=wrong, utcTime="now"))
    found, rows = edge.last
    assert {p for p, _ in aside(found)} == {
        "trace.%cpu",
        "trace.start",
        "trace.native_id",
        "utcTime",
        "trace.submit",
    }
    assert rows[0]["status"] == "running" and found.data.instant is None
    edge.send("POST", "/weblog", event("process_started"))
    assert [p for p, _ in aside(edge.last[0])] == ["trace"]
    edge.send(
        "POST", "/weblog", event("started", metadata={"parameters": 3, "workflow": {"start": {"year": "x"}}})
    )
    found, _ = edge.last
    assert {p for p, _ in aside(found)} == {"workflow.params", "workflow.start"}
    assert (found.data.workflow.name, found.data.workflow.session_id) == ("n", "s")
