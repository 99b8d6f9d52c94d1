"""What a task printed, and the log of a runner, as JSON and to a program that speaks with people."""

import os
from pathlib import Path
from typing import Any

import pytest

from api.logs.queries import cycle_of
from schemas.values import iso
from stores.tables.client import Tables
from tests.support.api.mcp_client import call
from tests.support.whole import T0, whole


@pytest.mark.parametrize("allowed", [True, False])
def test_what_a_task_printed(tables: Tables, tmp_path: Path, allowed: bool) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / ".command.err").write_text("no such sample\n")
    (work / ".command.sh").write_text("exit 3\n")
    task = {"task_id": 1, "status": "failed", "workdir": str(work)}
    events = [
        {"type": "run.begun", "run_id": "r1"},
        {"type": "tasks.changed", "run_id": "r1", "data": {"tasks": [task]}},
    ]
    with whole(tables, tmp_path, local_roots=str(tmp_path) if allowed else "") as served:
        assert served.request("POST", "/v1/events", json=events).status_code == 200
        served.tick()
        told = served.get("/runs/r1/tasks/1/log")
        assert served.request("GET", "/api/v1/runs/r1/tasks/2/log").status_code == 404
        brief = call(served.app, "get_task_logs", run="r1", task_id=1)
    if allowed:
        [file] = told["files"]
        assert (file["name"], file["text"], file["bytes"]) == (".command.err", "no such sample\n", 15)
        assert (
            file["path"] == str(work / ".command.err") and not file["truncated"] and told["message"] is None
        )
        assert [(f["name"], f["text"]) for f in brief["files"]] == [(".command.err", "no such sample\n")]
    else:
        assert told["files"] == [] == brief["files"] and "may read" in told["message"]


def test_the_log_of_miniwdl_lies_in_the_folder_of_the_run(tables: Tables, tmp_path: Path) -> None:
    (tmp_path / "workflow.log").write_text("workflow start\n")
    workflow = {
        "name": "w1",
        "runner": {"name": "miniwdl"},
        "output_dir": str(tmp_path),
        "launch_dir": str(tmp_path.parent),
    }
    with whole(tables, tmp_path, local_roots=str(tmp_path)) as served:
        begun = {"type": "run.begun", "run_id": "r1", "data": {"workflow": workflow}}
        assert served.request("POST", "/v1/events", json=begun).status_code == 200
        served.tick()
        assert served.get("/runs/r1/log")["text"] == "workflow start\n"
        assert call(served.app, "read_log", run="r1")["log"]["text"] == "workflow start\n"


def test_the_log_of_snakemake_is_the_one_that_it_wrote_last_near_its_end(
    tables: Tables, tmp_path: Path
) -> None:
    """Snakemake's logs do not say of which run they are."""
    logs = tmp_path / ".snakemake" / "log"
    logs.mkdir(parents=True)
    for minute in (1, 5, 9):
        log = logs / f"2026-11-26T10{minute:02}00.000001.snakemake.log"
        log.write_text(f"minute {minute}\n")
        os.utime(log, (T0 // 1000 + minute * 60, T0 // 1000 + minute * 60))
    (logs / "2026-11-26T100500.000001.other.log").write_text("no log of Snakemake\n")
    workflow = {"name": "w1", "runner": {"name": "snakemake"}, "launch_dir": str(tmp_path)}
    with whole(tables, tmp_path, local_roots=str(tmp_path)) as served:

        def shown(run_id: str, began: int, ended: int | None) -> str | None:
            told = workflow | {"started_at": T0 + began * 60_000}
            events = [{"type": "run.begun", "run_id": run_id, "data": {"workflow": told}}]
            if ended is not None:
                end = {"state": "succeeded", "completed_at": T0 + ended * 60_000 + 300}
                events.append({"type": "run.completed", "run_id": run_id, "data": end})
            assert served.request("POST", "/v1/events", json=events).status_code == 200
            served.tick()
            text: str | None = served.get(f"/runs/{run_id}/log")["text"]
            return text

        assert shown("first", 0, 1) == "minute 1\n"
        assert shown("second", 4, 5) == "minute 5\n"
        assert shown("live", 6, None) == "minute 9\n"
        assert shown("gone", 20, 21) is None


def test_a_log_is_of_the_cycle_whose_run_wrote_it() -> None:
    class Cycle:
        def __init__(self, cycle: int, name: str, started_at: str | None) -> None:
            self.cycle, self.name, self.started_at, self.submitted_at = cycle, name, started_at, None

    cycles: list[Any] = [
        Cycle(1, "first", iso(1000)),
        Cycle(2, "second", iso(2000)),
        Cycle(3, "third", None),
    ]
    for name, modified_ms, cycle in (
        ("x.nextflow.log", 999, None),
        ("x.nextflow.log", 1000, 1),
        ("x.nextflow.log", 5000, 2),
        ("first.nextflow.log", 5000, 1),
        ("third.nextflow.log", 0, 3),
        ("firstborn.nextflow.log", 1500, 1),
    ):
        assert cycle_of(name, modified_ms, cycles) == cycle, (name, modified_ms)


def test_several_logs_of_a_session_are_told_by_their_cycles(tables: Tables, tmp_path: Path) -> None:
    """The output folder holds the log of each cycle; the newest is shown unless another is asked for."""
    with whole(tables, tmp_path, local_roots=str(tmp_path)) as served:
        out = tmp_path / "out"
        out.mkdir()
        for n, name in enumerate(("first", "second"), 1):
            said = {
                "name": name,
                "session_id": "s1",
                "output_dir": str(out),
                "started_at": iso(served.now),
            }
            begun = {"instant": served.now, "workflow": said}
            event = {"type": "run.begun", "run_id": f"r{n}", "data": begun}
            assert served.request("POST", "/v1/events", json=event).status_code == 200
            (out / f"2026-{n}.nextflow.log").write_text(f"log of {name}\n")
            os.utime(out / f"2026-{n}.nextflow.log", ns=(0, (served.now + 500) * 1_000_000))
            served.now += 60_000
            served.tick()
        told = served.get("/runs/second/log")
        assert [(f["name"], f["cycle"]) for f in told["logs"]] == [
            ("2026-2.nextflow.log", 2),
            ("2026-1.nextflow.log", 1),
        ]
        assert (told["name"], told["text"]) == ("2026-2.nextflow.log", "log of second\n")
        assert told["message"] == "Multiple log files found; showing the most recent."
        first = served.get("/runs/second/log", name="2026-1.nextflow.log")
        assert (first["text"], first["message"]) == ("log of first\n", None)
        assert "log of first" in served.page("/runs/second/log", name="2026-1.nextflow.log")
        assert served.request("GET", "/api/v1/runs/second/log", params={"name": "no"}).status_code == 404
        assert served.request("GET", "/api/v1/runs/second/log", params={"tail_bytes": 0}).status_code == 400
