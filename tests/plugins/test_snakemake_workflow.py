"""What log records of Snakemake say of a run. The records are as Snakemake 9.27 makes them."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.native import Sender, read
from snakemake_logger_plugin_runtracker.delivery import Event
from snakemake_logger_plugin_runtracker.workflow import WorkflowRun

START: dict[str, Any] = {
    "event": "workflow_started", "workflow_id": "a39d75ad-79a8", "snakemake_version": "9.27.1", "host": "node1", "user": "ada",
    "cmd": "snakemake --cores 2 --config api_key=hunter2", "cwd": "/lab/flow", "rundir": "/lab/flow",
    "snakefile_main": "/lab/flow/workflow/Snakefile",
}  # fmt: skip
STATS: dict[str, Any] = {"event": "run_info", "stats": {"make": 1, "all": 1, "total": 2}}


def info(job: int, **more: Any) -> dict[str, Any]:
    described = {
        "rule_name": "make",
        "wildcards": {"n": "a"},
        "threads": 2,
        "resources": {"mem_mb": 50, "_cores": 2},
    }
    return {
        "event": "job_info",
        "jobid": job,
        "local": True,
        "shellcmd": "exit 3",
        "log": [],
        "benchmark": None,
        **described,
        **more,
    }


def failure(
    job: int, text: str = "Command 'set -e; exit 3' returned non-zero exit status 3."
) -> list[dict[str, Any]]:
    return [
        {"event": "error", "exception": "RuleException", "msg": text},
        {"event": "job_error", "jobid": job, "rule_name": "make", "shellcmd": "exit 3", "aux": {}},
    ]


def handed(*jobs: Any) -> dict[str, Any]:
    return {"event": "job_started", "jobs": list(jobs)}


def finished(job: int) -> dict[str, Any]:
    return {"event": "job_finished", "job_id": job}


def text(words: str) -> dict[str, Any]:
    return {"msg": words}


def told(records: Iterable[dict[str, Any]], name: str = "nightly") -> list[Event]:
    """All events of a run with these records, a second apart; each is one that the tracker takes."""
    run = WorkflowRun(
        lambda path: {"peak_rss_bytes": len(path), "realtime_ms": 500}, lambda path: f"end of {path}", name
    )
    events: list[Event] = []
    for second, record in enumerate(records):
        events += run.on({"created": 1000.0 + second, **record})
    events += run.end(2_000_000)
    if events:
        read(json.dumps(events).encode(), Sender("ingest-0", 0))
    return events


def tasks(events: list[Event]) -> dict[int, dict[str, Any]]:
    """The newest snapshot of each."""
    return {t["task_id"]: t for e in events if e["type"] == "tasks.changed" for t in e["data"]["tasks"]}


def end(events: list[Event]) -> dict[str, Any]:
    [data] = [e["data"] for e in events if e["type"] == "run.completed"]
    return data  # type: ignore[no-any-return]


def test_a_job_from_its_start_to_its_end() -> None:
    records = [
        START,
        STATS,
        handed(1),
        info(1, benchmark="b.tsv"),
        finished(1),
        {"event": "progress", "done": 2, "total": 2},
    ]
    events = told(records)
    assert [e["type"] for e in events[:3]] == ["run.created", "run.begun", "run.begun"]
    workflow = events[2]["data"]["workflow"]
    assert workflow["project_name"] == "flow" and "hunter2" not in workflow["command_line"]
    assert tasks(events) == {
        1: {
            "task_id": 1, "process": "make", "name": "make (n=a)", "tag": "n=a", "attempt": 1, "status": "succeeded", "cpus": 2,
            "script": "exit 3", "memory_bytes": 50_000_000, "executor": "local", "hostname": "node1", "exit": 0,
            "submitted_at": 1_002_000, "started_at": 1_002_000, "completed_at": 1_004_000, "peak_rss_bytes": 5,
            "realtime_ms": 500, "duration_ms": 2000,
        }
    }  # fmt: skip
    assert end(events)["state"] == "succeeded" and end(events)["processes"] == [
        {"process": "make", "succeeded": 1}
    ]


def test_attempts_are_counted() -> None:
    retry = [*failure(4), text("Trying to restart job 4."), handed(4), info(4, resources={"mem_mb": 100})]
    events = told(
        [
            START,
            STATS,
            handed(4),
            info(4),
            *retry,
            *failure(4),
            text("Exiting because a job execution failed."),
        ]
    )
    first, second = tasks(events).values()
    assert (first["attempt"], first["status"], first["exit"], first["error_action"]) == (
        1,
        "failed",
        3,
        "RETRY",
    )
    assert (second["attempt"], second["exit"], second["memory_bytes"]) == (
        2,
        3,
        100_000_000,
    ) and "error_action" not in second
    snapshots = [
        t for e in events if e["type"] == "tasks.changed" for t in e["data"]["tasks"] if t["task_id"] == 1
    ]
    ends = [t["completed_at"] for t in snapshots if "completed_at" in t]
    assert len(ends) == 2 and ends[0] < ends[1]  # so that the tracker takes the newer snapshot
    assert (
        end(events)["state"] == "failed"
        and end(events)["error_message"] == "Error in rule make (n=a): exit status 3"
    )
    assert end(events)["processes"] == [{"process": "make", "failed": 2, "retries": 1}]


def test_a_job_on_a_cluster_is_submitted_until_it_ends() -> None:
    run = [START, STATS, handed(1), info(1, local=False)]
    assert tasks(told(run))[1]["status"] == "submitted" and "started_at" not in tasks(told(run))[1]
    error = failure(1)[1] | {"aux": {"external_jobid": 77}}
    assert tasks(told([*run, error]))[1]["native_id"] == "77"
    measured = tasks(told([*run[:3], info(1, local=False, benchmark="b"), finished(1)]))[1]
    unmeasured = tasks(told([*run, finished(1)]))[1]
    assert unmeasured["duration_ms"] == 2000 and "realtime_ms" not in unmeasured
    assert tasks(told([START, STATS, handed(1), info(1), finished(1)]))[1]["realtime_ms"] == 2000
    assert measured["started_at"] == 1_003_500 and measured["completed_at"] == 1_004_000


DONE: dict[str, Any] = {"event": "progress", "done": 2, "total": 2}
RUNS: list[dict[str, Any]] = [STATS, handed(1), info(1)]


@pytest.mark.parametrize(
    ("records", "state"),
    [
        ([*RUNS, finished(1), DONE], "succeeded"),
        ([text("Nothing to be done (all requested files are present and up to date).")], "succeeded"),
        ([{"event": "error", "exception": "MissingRuleException", "msg": "No rule to produce x"}], "failed"),
        ([*RUNS, *failure(1), DONE], "failed"),
        ([*RUNS, *failure(1), text("Trying to restart job 1."), handed(1), info(1), finished(1), DONE], "succeeded"),
        ([*RUNS, text("Terminating processes on user request"), *failure(1)], "cancelled"),
        ([*RUNS, text("Will exit after finishing currently running jobs (scheduler)."), finished(1)], "cancelled"),
        ([STATS], "cancelled"),
        ([], "cancelled"),
    ],
)  # fmt: skip
def test_how_a_run_ends(records: list[dict[str, Any]], state: str) -> None:
    assert end(told([START, *records]))["state"] == state


def test_what_ctrl_c_ends_is_aborted() -> None:
    killed = failure(1, "Command 'exit 3' died with <Signals.SIGINT: 2>.")
    events = told([START, STATS, handed(1), info(1), text("Terminating processes on user request"), *killed])
    assert (tasks(events)[1]["status"], tasks(events)[1]["exit"]) == ("aborted", 130)


def test_an_error_of_another_command_gives_no_exit_code() -> None:
    events = told(
        [START, STATS, handed(1), info(1), *failure(1, "Command 'other' returned non-zero exit status 9.")]
    )
    assert tasks(events)[1]["exit"] is None


def test_the_end_of_the_log_is_told() -> None:
    events = told([START, STATS, handed(1), info(1, log=["a.log", "b.log"]), *failure(1)])
    assert "end of a.log" in end(events)["error_report"]


def test_the_same_work_again_is_the_same_session() -> None:
    first, again = told([START])[0], told([START | {"workflow_id": "other"}], name="")[0]
    assert first["session_id"] == again["session_id"] and again["name"] == "flow-other"
    assert told([START | {"cwd": "/elsewhere"}])[0]["session_id"] != first["session_id"]


def test_nothing_is_told_before_the_workflow_begins() -> None:
    assert told([text("Assuming unrestricted shared filesystem usage."), STATS, finished(1)]) == []


_JOBS = st.integers(1, 4)
_RECORDS = st.one_of(
    st.builds(info, _JOBS),
    st.builds(handed, _JOBS | st.text(max_size=3)),
    st.builds(finished, _JOBS),
    _JOBS.map(lambda j: failure(j)[1]),
    _JOBS.map(lambda j: text(f"Trying to restart job {j}.")),
    st.builds(lambda d, t: {"event": "progress", "done": d, "total": t}, st.integers(0, 9), st.integers(0, 9)),
    st.sampled_from([STATS, START, failure(1)[0], text("Terminating processes on user request")]),
    st.just({"event": "group_info", "jobs": [object()]}),
)  # fmt: skip


@given(st.lists(_RECORDS, max_size=30))
def test_whatever_is_said_the_tracker_takes_it(records: list[dict[str, Any]]) -> None:
    events = told([START, *records])
    assert [e["type"] for e in events].count("run.completed") == 1 and events[-1]["type"] == "run.completed"
    numbers = [t["attempt"] for t in tasks(events).values()]
    assert all(n >= 1 for n in numbers) and list(tasks(events)) == list(range(1, len(numbers) + 1))
