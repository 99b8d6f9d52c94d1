"""What a task printed, and the log of a runner, as JSON and to a program that speaks with people."""

from pathlib import Path

import pytest

from stores.tables.client import Tables
from tests.support.mcp_client import call
from tests.support.whole import whole


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
