"""What a run's page says where something never came: batches, the beginning, or the figures of an end."""

import re
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from projections.replay import compare
from stores.tables.client import Tables
from tests.support.projection import put_rates
from tests.support.reference.figures import Rate
from tests.support.whole import T0, Whole, whole

#: Longer than the threshold of silence.
SILENT_SECONDS = 600


@pytest.fixture
def tracker(tables: Tables, tmp_path: Path) -> Iterator[Whole]:
    with whole(tables, tmp_path) as started:
        yield started


def text_of(html: str) -> str:
    """What a page says, without its marks, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def request(tracker: Whole, verb: str, run_id: str = "", **body: Any) -> str:
    """A request of a Nextflow with a Tower client; the id of the run."""
    method, path = ("POST", "/trace/create") if verb == "create" else ("PUT", f"/trace/{run_id}/{verb}")
    tracker.now += 1000
    answer = tracker.request(method, path, json={"instant": tracker.now, **body})
    assert answer.is_success, answer.text
    return answer.json()["workflowId"] if verb == "create" else run_id


def begun(tracker: Whole, name: str) -> str:
    run_id = request(tracker, "create", sessionId=f"s-{name}", runName=name)
    workflow = {"runName": name, "sessionId": f"s-{name}", "start": "2026-11-26T10:00:01Z"}
    return request(tracker, "begin", run_id, workflow=workflow, processNames=["A", "B"])


def task(task_id: int, status: str, process: str = "A", **more: Any) -> dict[str, Any]:
    return {"taskId": task_id, "status": status, "name": f"{process} ({task_id})", "process": process, **more}


def ended(
    tracker: Whole, run_id: str, name: str, success: bool = True, message: str = "", **body: Any
) -> None:
    workflow = {"runName": name, "sessionId": f"s-{name}", "success": success, "errorMessage": message}
    request(tracker, "complete", run_id, workflow=workflow, **body)
    tracker.tick()


def test_batches_that_never_came_are_counted_from_the_runners_totals(tracker: Whole, tables: Tables) -> None:
    run_id = begun(tracker, "dropped")
    known = [task(i, "COMPLETED") for i in range(1, 31)] + [task(i, "NEW", "B") for i in range(31, 69)]
    request(tracker, "progress", run_id, tasks=known)
    processes = [
        {"name": "A", "succeeded": 30},
        {"name": "B", "succeeded": 46},
        {"name": "C", "succeeded": 4},
    ]
    ended(tracker, run_id, "dropped", progress={"succeeded": 80, "processes": processes})

    run = tracker.run("dropped")
    assert run["reported"] == {"complete": False, "missing": 50}
    assert {k: v for k, v in run["tasks"].items() if v} == {"succeeded": 80, "total": 80}
    by_process = tracker.get("/runs/dropped/processes")["processes"]
    assert {p["process"]: p["succeeded"] for p in by_process} == {"A": 30, "B": 46, "C": 4}
    statuses = {t["status"] for t in tracker.get("/runs/dropped/tasks", page_size=500)["tasks"]}
    assert statuses == {"succeeded"}
    page = text_of(tracker.page("/runs/dropped"))
    assert "50 tasks were not reported one by one; these counts are the runner's" in page
    assert "at least 0" in page  # the peak
    timeline = tracker.request("GET", "/runs/dropped/timeline.json").json()
    assert (timeline["total"], timeline["missing"]) == (68, 50)
    page = text_of(tracker.page("/runs/dropped/timeline"))
    assert "50 tasks were not reported one by one" in page and "peak at least 0" in page
    assert compare.figures(tables, 0) == []
    assert compare.incomplete(tables) == [("dropped", run_id, 50)]


def test_what_a_run_cost_is_at_least_that_where_tasks_never_came(tracker: Whole, tables: Tables) -> None:
    put_rates(tables, [Rate("", "", "", None, Decimal("0.5"))])
    run_id = begun(tracker, "priced")
    hour: dict[str, Any] = {"start": "2026-11-26T10:00:00Z", "complete": "2026-11-26T11:00:00Z", "cpus": 1}
    request(tracker, "progress", run_id, tasks=[task(1, "COMPLETED", **hour), task(2, "COMPLETED", **hour)])
    ended(tracker, run_id, "priced", progress={"succeeded": 5})
    cost = tracker.run("priced")["cost"]
    assert (Decimal(cost["amount"]), cost["complete"]) == (Decimal(1), False)
    costs = tracker.get("/runs/priced/costs")
    assert (Decimal(costs["amount"]), costs["complete"], costs["missing_tasks"]) == (Decimal(1), False, 3)
    assert costs["if_all_spot"] is None or not costs["if_all_spot"]["complete"]
    spent = tracker.get("/costs", by="pipeline")
    assert (Decimal(spent["total"]["amount"]), spent["total"]["complete"]) == (Decimal(1), False)
    page = text_of(tracker.page("/runs/priced", tab="cost"))
    assert "Total Cost at least $1.00 3 tasks not reported" in page
    assert "3 tasks that the runner counted and did not report one by one" in page
    assert "at least $1.00" in text_of(tracker.page("/runs/priced"))


def test_a_heartbeat_says_what_was_lost_while_the_run_is_live(tracker: Whole, tables: Tables) -> None:
    """It comes when the runner has nothing left to tell; the totals of a `progress` may only be ahead of its tasks."""
    run_id = begun(tracker, "beating")
    known = [task(i, "COMPLETED") for i in range(1, 31)] + [task(i, "NEW", "B") for i in range(31, 69)]
    processes = [
        {"name": "A", "succeeded": 30},
        {"name": "B", "succeeded": 46},
        {"name": "C", "succeeded": 4},
    ]
    totals = {"succeeded": 80, "running": 1, "processes": processes}
    request(tracker, "progress", run_id, tasks=[*known, task(99, "RUNNING", "C")], progress=totals)
    tracker.tick()
    run = tracker.run("beating")
    assert (run["tasks"]["succeeded"], run["reported"]) == (30, {"complete": True, "missing": 0})
    request(tracker, "heartbeat", run_id, progress=totals)
    tracker.tick()
    run = tracker.run("beating")
    assert run["status"] == "running" and run["reported"] == {"complete": False, "missing": 50}
    assert {k: v for k, v in run["tasks"].items() if v} == {"succeeded": 80, "running": 1, "total": 81}
    by_process = tracker.get("/runs/beating/processes")["processes"]
    assert {p["process"]: (p["succeeded"], p["pending"]) for p in by_process} == {
        "A": (30, 0),
        "B": (46, 0),
        "C": (4, 0),
    }
    page = text_of(tracker.page("/runs/beating"))
    assert "50 tasks were not reported one by one; these counts are the runner's" in page
    request(tracker, "progress", run_id, tasks=[task(99, "COMPLETED", "C"), task(100, "COMPLETED", "C")])
    tracker.tick()
    assert tracker.run("beating")["tasks"]["succeeded"] == 80, "at least"
    tracker.wait(SILENT_SECONDS)  # killed
    run = tracker.run("beating")
    assert (run["status"], run["reported"]["missing"]) == ("disconnected", 48)
    assert compare.figures(tables, 0) == []


def test_pending_tasks_that_the_runner_counts_as_over_ran(tracker: Whole) -> None:
    """Two were pending when it last told of them; by its totals one of them ended."""
    run_id = begun(tracker, "half_lost")
    request(tracker, "progress", run_id, tasks=[task(1, "COMPLETED"), task(2, "NEW"), task(3, "NEW")])
    processes = [{"name": "A", "succeeded": 2}]
    ended(
        tracker,
        run_id,
        "half_lost",
        False,
        "boom",
        progress={"succeeded": 2, "pending": 1, "processes": processes},
    )
    assert {k: v for k, v in tracker.run("half_lost")["tasks"].items() if v} == {
        "succeeded": 2,
        "total": 2,
        "never_run": 1,
    }


def test_totals_without_processes_count_too_and_a_guess_gives_way(tracker: Whole) -> None:
    run_id = begun(tracker, "cut_off")
    told = [task(1, "COMPLETED"), task(2, "RUNNING"), task(3, "RUNNING")]
    request(tracker, "progress", run_id, tasks=told)
    totals = {"succeeded": 3, "failed": 2, "retries": 1, "aborted": 1}
    ended(tracker, run_id, "cut_off", False, "boom", progress=totals)
    run = tracker.run("cut_off")
    assert {k: v for k, v in run["tasks"].items() if v} == {
        "succeeded": 3,
        "failed": 1,
        "aborted": 1,
        "total": 5,
    }
    assert run["reported"] == {"complete": False, "missing": 3}


@pytest.mark.parametrize("progress", [None, {"succeeded": 1, "aborted": 1, "running": 4}])
def test_a_run_whose_tasks_all_came_is_complete(tracker: Whole, progress: dict[str, int] | None) -> None:
    run_id = begun(tracker, "whole")
    request(tracker, "progress", run_id, tasks=[task(1, "COMPLETED"), task(2, "RUNNING")], progress=progress)
    tracker.tick()
    assert tracker.run("whole")["reported"] == {"complete": True, "missing": 0}
    ended(tracker, run_id, "whole", False, "SIGINT", progress=progress)
    run = tracker.run("whole")
    assert run["reported"] == {"complete": True, "missing": 0}
    assert {k: v for k, v in run["tasks"].items() if v} == {"succeeded": 1, "aborted": 1, "total": 2}
    assert "not reported one by one" not in text_of(tracker.page("/runs/whole"))


def test_totals_that_cannot_be_used_are_set_aside(tracker: Whole) -> None:
    run_id = begun(tracker, "odd_totals")
    processes = [{"name": "A", "succeeded": "many"}, 7, {"name": "B", "succeeded": 2**62, "aborted": 2**62}]
    ended(tracker, run_id, "odd_totals", progress={"succeeded": 1, "processes": processes})
    assert tracker.run("odd_totals")["status"] == "succeeded"
    assert len(tracker.get("/dead-letters")["dead_letters"]) == 2


def test_no_figure_lags_behind_the_end(tracker: Whole) -> None:
    run_id = begun(tracker, "stopped")
    request(tracker, "progress", run_id, tasks=[task(1, "RUNNING")] + [task(i, "NEW") for i in range(2, 12)])
    tracker.tick()
    # A refresh that took long makes the run wait for the next one.
    tracker.projector.schedule.not_before[run_id] = float("inf")
    workflow = {"runName": "stopped", "success": False, "errorMessage": "SIGINT"}
    request(tracker, "complete", run_id, workflow=workflow)
    tracker.project(refresh=False)
    run = tracker.run("stopped")
    assert run["status"] == "cancelled"
    assert {k: v for k, v in run["tasks"].items() if v} == {"aborted": 1, "total": 1, "never_run": 10}


def test_a_run_that_never_began_says_so(tracker: Whole) -> None:
    run_id = request(tracker, "create", sessionId="s-typo", runName="typo")
    tracker.tick()
    assert tracker.run("typo")["status"] == "submitted"
    tracker.wait(SILENT_SECONDS)
    run = tracker.run("typo")
    assert (run["status"], run["reported_state"], run["resume_command"], run["resume_line"]) == (
        "disconnected",
        "submitted",
        None,
        None,
    )
    reason = tracker.get("/runs/typo/transitions")["transitions"][-1]["reason"]
    assert reason == "it never began: see .nextflow.log where it was started"
    [alert] = tracker.alerts()
    assert alert["kind"] == "disconnected" and alert["summary"].endswith(reason)
    page = text_of(tracker.page(f"/runs/{run_id}"))
    assert "It never began" in page and ".nextflow.log" in page and "crashed" not in page
    assert "-resume" not in page
    assert tracker.now > T0


def test_advice_speaks_of_the_runner_that_reports(tracker: Whole) -> None:
    """A channel is Nextflow's word, and so is its log."""
    hangs = {
        "nextflow": "a channel that nobody closes",
        "snakemake": "a job of the cluster",
        "cromwell": "something that never comes",
    }
    logs = {"nextflow": ".nextflow.log", "snakemake": ".snakemake/log", "cromwell": "the runner's log"}
    said: list[dict[str, Any]] = []
    for name in hangs:
        of_run = {"run_id": f"hung-{name}"}
        begun = {"workflow": {"name": f"hung-{name}", "runner": {"name": name}}}
        done = {"tasks": [{"task_id": 1, "status": "succeeded"}]}
        said += [{"type": t, **of_run, "data": d} for t, d in (("run.begun", begun), ("tasks.changed", done))]
        said.append({"type": "run.labelled", **of_run, "data": {"labels": ["tracker.stalled-after=30"]}})
        said.append({"type": "run.created", "run_id": f"typo-{name}", "data": {"name": f"typo-{name}"}})
    assert tracker.request("POST", "/v1/events", json={"events": said}).is_success
    tracker.wait(120)
    for name, words in hangs.items():
        assert tracker.run(f"hung-{name}")["status"] == "stalled"
        page = text_of(tracker.page(f"/runs/hung-{name}"))
        assert [w in page for w in hangs.values()] == [w == words for w in hangs.values()], page[:500]
        assert [log in page for log in logs.values()] == [log == logs[name] for log in logs.values()]
    tracker.wait(SILENT_SECONDS)
    page = text_of(tracker.page("/runs/typo-snakemake"))  # which nothing but its registration tells of
    assert "It never began" in page and ".nextflow.log" not in page and "-resume" not in page


def test_what_new_versions_tell_of_a_task_is_kept_and_shown(tracker: Whole) -> None:
    """Fields of 26.04, and of versions to come; what cannot be used harms nothing else."""
    run_id = begun(tracker, "gpus")
    gpu = {
        "name": "Tesla <T4>",
        "pct": 75.5,
        "memory": {"peak": 2**31},
        "devices": [{"api_token": "ab12cd34ef56ab78"}],
    }
    new: dict[str, Any] = {
        "logStreamId": "job/default/0a1b",
        "gpuMetrics": gpu,
        "resourceAllocation": {"cpuShares": 1024, "note": None},
    }
    wrong: dict[str, Any] = {
        "logStreamId": {"x": 1},
        "gpuMetrics": "75 %",
        "resourceAllocation": {"a": "b" * 20_000},
    }
    future: dict[str, Any] = {"quantumState": {"deep": [1, {"a": None}]}, "": 1, "energy": "1 kWh"}
    told = [task(1, "COMPLETED", **new), task(2, "COMPLETED", **wrong), task(3, "COMPLETED", **future)]
    request(tracker, "progress", run_id, tasks=told)
    ended(tracker, run_id, "gpus", progress={"succeeded": 3, "future": {}})
    first, second, third = (tracker.get(f"/runs/gpus/tasks/{i}") for i in (1, 2, 3))
    assert first["log_stream_id"] == "job/default/0a1b"
    assert first["resource_allocation"] == {"cpuShares": 1024, "note": None}
    assert first["gpu_metrics"] == gpu | {"devices": [{"api_token": "[redacted]"}]}
    page = tracker.page("/runs/gpus/tasks/1")
    assert "Tesla <T4>" in text_of(page) and "<T4>" not in page and "ab12cd34" not in page
    for shown in ("job/default/0a1b", "memory peak 2147483648", "cpuShares 1024", "pct 75.5"):
        assert shown in text_of(page), shown
    for plain in (second, third):
        assert [plain[k] for k in ("log_stream_id", "resource_allocation", "gpu_metrics")] == [None] * 3
        assert plain["status"] == "succeeded" and "GPU" not in text_of(
            tracker.page(f"/runs/gpus/tasks/{plain['task_id']}")
        )
    parts = {letter["part"] for letter in tracker.get("/dead-letters")["dead_letters"]}
    assert parts == {"tasks[1].logStreamId", "tasks[1].gpuMetrics", "tasks[1].resourceAllocation"}


def test_lists_and_counts_agree_after_an_end_without_success(tracker: Whole) -> None:
    """A pending task never ran: it is listed as pending, and counted beside the total, by process too."""
    run_id = begun(tracker, "stopped")
    told = [
        task(1, "COMPLETED"),
        task(2, "FAILED", errorAction="TERMINATE"),
        task(3, "RUNNING"),
        task(4, "NEW"),
    ]
    request(tracker, "progress", run_id, tasks=[*told, task(5, "NEW", "B")])
    tracker.tick()
    live = tracker.run("stopped")["tasks"]
    assert (live["pending"], live["never_run"], live["total"]) == (2, 0, 5)
    ended(
        tracker,
        run_id,
        "stopped",
        success=False,
        progress={"succeeded": 1, "failed": 1, "aborted": 1, "pending": 2},
    )
    counts = tracker.run("stopped")["tasks"]
    listed = [t["status"] for t in tracker.get("/runs/stopped/tasks")["tasks"]]
    assert listed.count("pending") == counts["never_run"] == 2 and counts["pending"] == 0
    assert len(listed) == counts["total"] + counts["never_run"] == 5
    for status in ("succeeded", "failed", "aborted"):
        assert listed.count(status) == counts[status] == 1
    by_process = {p["process"]: p["never_run"] for p in tracker.get("/runs/stopped/processes")["processes"]}
    assert by_process == {"A": 1, "B": 1}
    assert "never ran 2" in text_of(tracker.page("/runs/stopped", tab="overview"))
    assert text_of(tracker.page("/runs/stopped/tasks")).count("pending never ran") == 2


def test_results_from_a_store_are_counted_where_the_runner_tells_of_them(
    tracker: Whole, tables: Tables
) -> None:
    run_id = begun(tracker, "stores")
    totals = [{"name": "A", "stored": 3}, {"name": "B"}, {"name": "X", "stored": "many"}, "?"]
    request(tracker, "heartbeat", run_id, progress={"processes": totals})
    tracker.tick()
    live = {p["process"]: p for p in tracker.get("/runs/stores/processes")["processes"]}
    assert [(n, p["stored"], p["total"], p["told"]) for n, p in live.items()] == [
        ("A", 3, 0, True),
        ("B", 0, 0, True),
    ]
    assert tracker.run("stores")["tasks"]["stored"] == 3
    told = [{"name": "A", "stored": 5}, {"name": "B", "succeeded": 0}]
    ended(tracker, run_id, "stores", progress={"succeeded": 0, "processes": told})
    run = tracker.run("stores")
    assert (run["tasks"]["stored"], run["tasks"]["total"], run["reported"]["missing"]) == (5, 0, 0)
    page = tracker.page("/runs/stores", tab="overview")
    assert "from the store 5" in text_of(page) and "nothing was told" not in page
    assert "its results were in its store" in text_of(tracker.page("/runs/stores/process", name="A"))
    assert "It had no task." in text_of(tracker.page("/runs/stores/process", name="B"))
    assert compare.figures(tables, 0) == []


def test_a_process_of_which_nothing_was_told_says_so(tracker: Whole) -> None:
    run_id = begun(tracker, "silent")
    request(tracker, "progress", run_id, tasks=[task(1, "COMPLETED")])
    ended(tracker, run_id, "silent")
    told = {p["process"]: p["told"] for p in tracker.get("/runs/silent/processes")["processes"]}
    assert told == {"A": True, "B": False}
    assert text_of(tracker.page("/runs/silent", tab="overview")).count("nothing was reported of it") == 1
    assert "reported nothing of it" in text_of(tracker.page("/runs/silent/process", name="B"))
