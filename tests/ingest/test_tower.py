"""The Tower dialect: real traces, and every kind of bad input, through the routes onto a log."""

import json
from pathlib import Path
from typing import Any

import pytest

from ingest import ids
from tests.support.ingest import TOWER_TRACES, Edge, aside, dead_letter, trace
from tests.support.log import NOW


def task(**fields: object) -> dict[str, Any]:
    return {"taskId": 1, "status": "RUNNING", "name": "A (1)", "process": "A", "attempt": 1} | fields


def progress(edge: Edge, body: object) -> tuple[Any, list[dict[str, Any]]]:
    assert edge.send("PUT", "/trace/run1/progress", body) == {}
    return edge.last


@pytest.mark.parametrize("path", TOWER_TRACES, ids=lambda p: p.name.removesuffix(".jsonl.gz"))
def test_a_real_trace_is_read_whole(path: Path) -> None:
    edge, run, types = Edge(), "", []
    for r in trace(path):
        verb = r["path"].rsplit("/", 1)[-1]
        where = "/api/trace/create" if verb == "create" else f"/api/trace/{run}/{verb}"
        answers = [edge.send(r["method"], f"{where}?{r['query']}", r["body"]) for _ in range(2)]
        assert answers[0] == answers[1], "a repeated request gets the same answer"
        if verb == "create":
            run = answers[0]["workflowId"]
        if verb in ("create", "begin"):
            assert answers[0]["watchUrl"] == f"https://tracker.example.org/runs/{run}"
        (first, rows), (again, _) = edge.events[-2:]
        assert first.id == again.id, "and can be recognised"
        assert first.run_id == run and list(aside(first)) == []
        assert [t["task_id"] for t in rows] == [t["taskId"] for t in r["body"].get("tasks", [])]
        assert all(t["run_id"] == run for t in rows)
        types.append(first.type)
    assert types[:2] == ["run.created", "run.begun"] and "tasks.changed" in types
    distinct = {(r["path"], json.dumps(r["body"])) for r in trace(path)}
    assert len({e.id for e, _ in edge.events}) == len(distinct)


def test_the_facts_of_the_rich_trace() -> None:
    edge = Edge()
    for r in trace("rich"):
        edge.send(r["method"], f"{r['path']}?{r['query']}", r["body"])
    created, begun, completed = (edge.events[i][0] for i in (0, 1, -1))
    assert created.data.workspace == "770077" and created.data.instant == 1795546905637  # type: ignore[union-attr]
    assert begun.type == "run.begun" and completed.type == "run.completed"
    w = begun.data.workflow
    assert (w.name, w.runner.name, w.runner.version) == ("rich_meitner", "nextflow", "25.04.0")
    assert w.params["input"] == "cohort é/ü.csv" and w.params["nested"] == {"depth": 10, "trim": True}
    assert w.manifest["version"] == "2.1.0" and w.output_dir.endswith("/results") and w.profile == "test,big"
    assert w.started_at == 1795546905400 and begun.data.process_names == [
        "PIPE:INDEX",
        "PIPE:ALIGN",
        "PIPE:REPORT",
    ]
    assert (completed.data.state, completed.data.exit_status) == ("succeeded", 0)
    assert completed.data.duration_ms == 12779 and completed.data.completed_at == 1795546918180
    assert completed.data.progress is not None and completed.data.progress.succeeded == 5
    rows = {t["task_id"]: t for _, rows in edge.events for t in rows}
    assert rows[1] | {"script": ""} == rows[1] | {"script": "", "status": "succeeded", "exit": 0}
    assert rows[1]["memory_bytes"] == 33554432 and rows[1]["time_limit_ms"] == 120000
    assert {t["scratch"] for t in rows.values() if "scratch" in t} == {"true"}


def test_each_field_of_a_task() -> None:
    told = {
        "hash": "ab/12",
        "tag": "t",
        "exit": 3,
        "submit": "2026-11-24T19:01:52.033+02:00",
        "start": "2026-11-24T17:01:53Z",
        "complete": "2026-11-24T17:01:54.5Z",
        "errorAction": "RETRY",
        "nativeId": "job-7",
        "duration": 5,
        "realtime": 4,
        "cpus": 2,
        "memory": 6,
        "disk": 7,
        "time": 8,
        "executor": "slurm",
        "queue": "q",
        "container": "c",
        "module": ["m"],
        "machineType": "mt",
        "priceModel": "spot",
        "cloudZone": "z",
        "hostname": "h",
        "workdir": "w",
        "scratch": True,
        "script": "s",
        "env": "A=1",
        "pcpu": 1.5,
        "pmem": 2.5,
        "cpuModel": "cm",
        "rss": 10,
        "peakRss": 11,
        "vmem": 12,
        "peakVmem": 13,
        "rchar": 14,
        "wchar": 15,
        "syscr": 16,
        "syscw": 17,
        "readBytes": 18,
        "writeBytes": 19,
        "volCtxt": 20,
        "invCtxt": 21,
        "accelerator": 22,
        "acceleratorType": "at",
        "numSpotInterruptions": 23,
    }
    _, (row,) = progress(Edge(), {"tasks": [task(**told)]})
    assert row == {
        "run_id": "run1",
        "task_id": 1,
        "status": "running",
        "name": "A (1)",
        "process": "A",
        "attempt": 1,
        "hash": "ab/12",
        "tag": "t",
        "exit": 3,
        "error_action": "RETRY",
        "native_id": "job-7",
        "submitted_at": "2026-11-24T19:01:52.033000+02:00",
        "started_at": "2026-11-24T17:01:53Z",
        "completed_at": "2026-11-24T17:01:54.500000Z",
        "duration_ms": 5,
        "realtime_ms": 4,
        "cpus": 2.0,
        "memory_bytes": 6,
        "disk_bytes": 7,
        "time_limit_ms": 8,
        "executor": "slurm",
        "queue": "q",
        "container": "c",
        "module": ["m"],
        "machine_type": "mt",
        "price_model": "spot",
        "cloud_zone": "z",
        "hostname": "h",
        "workdir": "w",
        "scratch": "true",
        "script": "s",
        "env": "A=1",
        "cpu_percent": 1.5,
        "memory_percent": 2.5,
        "cpu_model": "cm",
        "rss_bytes": 10,
        "peak_rss_bytes": 11,
        "vmem_bytes": 12,
        "peak_vmem_bytes": 13,
        "read_chars": 14,
        "write_chars": 15,
        "read_syscalls": 16,
        "write_syscalls": 17,
        "read_bytes": 18,
        "write_bytes": 19,
        "voluntary_switches": 20,
        "involuntary_switches": 21,
        "accelerators": 22,
        "accelerator_type": "at",
        "spot_interruptions": 23,
    }


def test_an_unknown_exit_is_none_and_a_number_as_native_id_is_text() -> None:
    _, (row,) = progress(Edge(), {"tasks": [task(exit=2147483647, nativeId=12505)]})
    assert "exit" not in row and row["native_id"] == "12505"


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"success": True}, "succeeded"),
        ({"success": False}, "failed"),
        ({"success": False, "errorMessage": "SIGINT"}, "cancelled"),
        ({"success": False, "errorMessage": "SIGTERM"}, "cancelled"),
        ({"success": False, "errorMessage": "SIGHUP"}, "cancelled"),
        ({"success": False, "errorMessage": "it broke"}, "failed"),
        ({"success": True, "errorMessage": "SIGINT"}, "succeeded"),
        ({"errorMessage": "SIGINT"}, "cancelled"),
        ({"exitStatus": 3}, "failed"),
        ({"exitStatus": 0}, "succeeded"),
        ({"success": {}, "errorReport": "bad"}, "failed"),
        ({}, None),
        ({"success": "maybe"}, None),
        (None, None),
        ([], None),
    ],
)
def test_the_state_that_a_complete_tells(told: object, state: str | None) -> None:
    edge = Edge()
    edge.send("PUT", "/trace/run1/complete", {"workflow": told, "instant": NOW})
    event, _ = edge.last
    if state is None:
        assert "does not say how the run ended" in event.data.reason
        assert json.loads(dead_letter(event))["workflow"] == told
    else:
        assert event.data.state == state
        silent = isinstance(told, dict) and not isinstance(told.get("success"), bool)
        assert ("workflow.success" in dict(aside(event))) == silent


def test_a_create_may_bring_its_id_and_ids_sort_by_time() -> None:
    edge = Edge()
    assert edge.create(workflowId="own-Id_1") == "own-Id_1"
    made = [edge.create(instant=NOW + i, runName=f"n{i}") for i in range(50)]
    assert made == sorted(made) and len(set(made)) == 50
    assert edge.create() == edge.create() != edge.create(sessionId="other")
    assert edge.create(workflowId="not / an id") == edge.create()


@pytest.mark.parametrize("instant", [-1, 253402300799000, None, "yesterday", 1.5, [], 10**30])
def test_a_create_without_a_usable_instant_gets_an_untimed_id(instant: object) -> None:
    edge = Edge()
    run = edge.create(instant=instant)
    assert run == ids.run_id(None, "", "s", "n") and run[0] == "w" and len(run) == 16
    assert [p for p, _ in aside(edge.last[0])] == ([] if instant is None else ["instant"])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"runName": 5}', b"\xff\xfe"])
def test_a_create_that_cannot_be_read_still_gets_an_id(body: bytes) -> None:
    edge = Edge()
    answers = [edge.send("POST", "/api/trace/create", body) for _ in range(2)]
    assert answers[0] == answers[1] and ids.is_run_id(answers[0]["workflowId"])
    event, _ = edge.last
    assert event.run_id == answers[0]["workflowId"] and dead_letter(event) == body


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/trace/null/progress", "not well shaped"),
        ("/trace/undefined/begin", "not well shaped"),
        ("/trace/a%20b/complete", "not well shaped"),
        ("/trace/" + "a" * 65 + "/progress", "not well shaped"),
        ("/trace/run1/explode", "unknown verb"),
        ("/trace/run1/a/b/c", "unknown verb"),
        ("/trace/run1", "unknown verb"),
    ],
)
def test_what_has_no_run_or_no_verb_is_a_dead_letter(path: str, reason: str) -> None:
    for prefix in ("", "/api"):
        edge = Edge()
        edge.send("PUT", prefix + path, {"tasks": []})
        event, _ = edge.last
        assert reason in event.data.reason and dead_letter(event) == b'{"tasks": []}'
        assert event.data.request.startswith(f"PUT {prefix}/trace/")
        assert edge.log.records[-1].key == (event.run_id or "dead-letters")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not json", "not JSON"),
        (b"", "not JSON"),
        (b"[1]", "an array"),
        (b"null", "null"),
        (b'"x"', "a string"),
        (b"3", "a number"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 500 + b"1" + b"}" * 499, "not JSON"),
    ],
)
def test_what_is_no_object_is_a_dead_letter(body: bytes, reason: str) -> None:
    edge = Edge()
    for verb in ("begin", "progress", "heartbeat", "complete"):
        edge.send("PUT", f"/trace/run1/{verb}", body)
        event, _ = edge.last
        assert reason in event.data.reason and dead_letter(event) == body and event.run_id == "run1"


@pytest.mark.parametrize(
    ("bad", "part"),
    [
        (task(status="EXPLODED"), "tasks[1]"),
        (task(status=["RUNNING"]), "tasks[1]"),
        (task(status=None), "tasks[1]"),
        (task(taskId="x"), "tasks[1]"),
        (task(taskId=None), "tasks[1]"),
        (task(taskId=-1), "tasks[1]"),
        (task(taskId=2**63), "tasks[1]"),
        ("task", "tasks[1]"),
        (None, "tasks[1]"),
    ],
)
def test_a_record_without_id_or_status_is_set_aside(bad: object, part: str) -> None:
    event, rows = progress(Edge(), {"tasks": [task(), bad, task(taskId=3)], "instant": NOW})
    assert [r["task_id"] for r in rows] == [1, 3]
    assert [p for p, _ in aside(event)] == [part] and json.loads(event.data.set_aside[0].raw) == bad


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("exit", "three"),
        ("exit", 2**40),
        ("attempt", 0),
        ("attempt", 2**31),
        ("submit", "1969-12-31T23:59:59Z"),
        ("submit", "yesterday"),
        ("start", "9999-12-31T23:59:59-23:59"),
        ("start", "2026-11-24T19:01:52"),
        ("complete", "2300-01-01T00:00:00Z"),
        ("duration", 2**63),
        ("memory", -1),
        ("cpus", float("nan")),
        ("cpus", float("inf")),
        ("pcpu", float("-inf")),
        ("module", "m"),
        ("module", [1]),
        ("name", 5),
        ("scratch", {}),
        ("env", ["A=1"]),
        ("nativeId", [1]),
        ("peakRss", "much"),
    ],
)
def test_a_wrong_field_is_set_aside_and_the_rest_of_the_record_kept(field: str, value: object) -> None:
    event, rows = progress(Edge(), {"tasks": [task(), task(taskId=2, tag="kept", **{field: value})]})
    assert rows[1]["task_id"] == 2 and rows[1]["tag"] == "kept" and rows[0]["name"] == "A (1)"
    assert [p for p, _ in aside(event)] == [f"tasks[1].{field}"]


def test_all_that_is_wrong_in_one_request() -> None:
    body = {"tasks": {}, "progress": {"running": 3, "failed": -1}, "instant": "x"}
    event, rows = progress(Edge(), body)
    assert rows == [] and event.data.progress is None and event.data.instant is None
    assert {p for p, _ in aside(event)} == {"tasks", "progress", "instant"}
    kept = {s.part: json.loads(s.raw) for s in event.data.set_aside}
    assert kept == body, "nothing of it is lost"


def test_text_that_is_no_utf8() -> None:
    raw = json.dumps({"tasks": [task(name="N", tag="T")]}).encode()
    _, (row,) = progress(
        Edge(), raw.replace(b'"N"', b'"a\xff\\ud800b"').replace(b'"T"', b'"\\u0000\\ud83d\\ude00"')
    )
    assert row["name"] == "a\ufffd\ufffdb" and row["tag"] == "\0\U0001f600"
    _, (row,) = progress(Edge(), b"\xef\xbb\xbf" + raw)
    assert row["name"] == "N"
    _, (row,) = progress(Edge(), raw.replace(b'"N"', b'"a\nb"'))
    assert row["name"] == "a\nb"


def test_large_things_are_kept() -> None:
    edge = Edge()
    _, (row,) = progress(edge, {"tasks": [task(name="x" * 100_000)]})
    assert len(row["name"]) == 100_000
    event, rows = progress(edge, {"tasks": [task(taskId=i, exit="?" if i == 7 else 0) for i in range(5000)]})
    assert len(rows) == 5000 and [p for p, _ in aside(event)] == ["tasks[7].exit"]
    raw = json.dumps({"tasks": [task(cpus=1)]}).replace('"cpus": 1', '"cpus": ' + "9" * 5000).encode()
    event, (row,) = progress(edge, raw)
    assert "cpus" not in row and [p for p, _ in aside(event)] == ["tasks[0].cpus"]


def test_numbers_in_params_that_are_none() -> None:
    edge = Edge()
    params = {"a": float("nan"), "b": [float("inf"), 1], "c": {"d": 2.5}}
    edge.send(
        "PUT", "/trace/run1/begin", {"workflow": {"runName": "n", "params": params}, "processNames": ["A", 5]}
    )
    event, _ = edge.last
    assert event.data.workflow.params == {"a": None, "b": [None, 1], "c": {"d": 2.5}}
    assert [p for p, _ in aside(event)] == ["workflow.params.a", "workflow.params.b[0]", "processNames[1]"]
    assert event.data.process_names == ["A"]


def test_a_wrong_workflow_is_set_aside() -> None:
    edge = Edge()
    edge.send("PUT", "/trace/run1/begin", {"workflow": [1], "processNames": "A"})
    event, _ = edge.last
    assert {p for p, _ in aside(event)} == {"workflow", "processNames"} and event.data.process_names is None
    told = {"runName": "n", "start": "never", "params": 5, "resume": "x", "nextflow": 7, "duration": "long"}
    edge.send("PUT", "/trace/run1/complete", {"workflow": told | {"success": True, "complete": -1}})
    event, _ = edge.last
    wrong = {"start", "params", "resume", "duration", "complete"}
    assert {p for p, _ in aside(event)} == {f"workflow.{w}" for w in wrong}
    assert event.data.state == "succeeded" and event.data.workflow.name == "n"


def test_heartbeat() -> None:
    edge = Edge()
    edge.send("PUT", "/trace/run1/heartbeat", {"instant": NOW, "progress": {"running": 2, "peakRunning": 4}})
    event, _ = edge.last
    assert (event.type, event.data.progress.running, event.data.progress.peak_running) == (
        "run.heartbeat",
        2,
        4,
    )
    edge.send("PUT", "/trace/run1/heartbeat", {"instant": "x", "progress": []})
    event, _ = edge.last
    assert event.type == "run.heartbeat" and {p for p, _ in aside(event)} == {"instant", "progress"}
