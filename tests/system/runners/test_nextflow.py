"""A real Nextflow reports by weblog to `tracker up`; the API shows what Nextflow's own trace file says."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.support.services.nextflow import Finished, run_line, run_pipeline
from tests.system.e2e.client import Reader, until
from tests.system.e2e.stack import EmbeddedStack

pytestmark = pytest.mark.nextflow

PIPELINE = """
nextflow.enable.dsl = 2
process PREPARE {
    tag "$x"
    input: val x
    output: val x
    script: "sleep 0.2"
}
process CHECK {
    tag "$x"
    errorStrategy { task.attempt < 2 ? 'retry' : 'terminate' }
    input: val x
    script: "test $x != ${params.bad} || exit 5"
}
workflow WORK {
    PREPARE(Channel.of(1, 2, 3))
    CHECK(PREPARE.out)
}
workflow { WORK() }
"""
CONFIG = "params.bad = {bad}\nexecutor.cpus = 2\n"
_SHOWN = {"COMPLETED": "succeeded", "FAILED": "failed", "ABORTED": "aborted"}
_UNKNOWN = "-"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    with EmbeddedStack(tmp_path_factory.mktemp("nextflow")) as running:
        yield running


def nextflow(stack: EmbeddedStack, folder: Path, name: str, bad: int) -> Finished:
    return run_pipeline(
        PIPELINE,
        folder,
        weblog=f"{stack.api_url}/weblog",
        config=CONFIG.format(bad=bad),
        arguments=("-name", name),
    )


def test_a_run_that_succeeds(stack: EmbeddedStack, tmp_path: Path) -> None:
    finished = nextflow(stack, tmp_path, "good_run", bad=0)
    assert finished.exit_code == 0, finished.output
    assert [row["status"] for row in finished.trace] == ["COMPLETED"] * 6
    with Reader(stack.api_url) as reader:
        until("the run is shown", lambda: differences(reader, "good_run", "succeeded", finished))
        run = reader.run("good_run")
        assert run["error"] is None
        assert run["runner"] == {"name": "nextflow", "version": "22.10.6"}


def test_a_run_that_fails_after_a_retry(stack: EmbeddedStack, tmp_path: Path) -> None:
    finished = nextflow(stack, tmp_path, "bad_run", bad=2)
    assert finished.exit_code == 1, finished.output
    failed = [row for row in finished.trace if row["status"] == "FAILED"]
    assert [(row["attempt"], row["exit"], row["error_action"]) for row in failed] == [
        ("1", "5", "RETRY"),
        ("2", "5", "TERMINATE"),
    ]
    with Reader(stack.api_url) as reader:
        until("the run is shown", lambda: differences(reader, "bad_run", "failed", finished))
        run = reader.run("bad_run")
        assert (run["tasks"]["failed"], run["tasks"]["retried"]) == (1, 1)
        assert run["error"]["exit_status"] == 5
        assert "WORK:CHECK (2)" in run["error"]["report"]
        resumed = run_line(line_on_page(reader, "bad_run"), tmp_path, config=CONFIG.format(bad=0))
        assert resumed.exit_code == 0, resumed.output
        by_status = Counter(row["status"] for row in resumed.trace if row["process"] == "WORK:PREPARE")
        assert by_status == {"CACHED": 3}
        until("the next cycle is shown", lambda: next_cycle(reader, run["session_id"]))


def line_on_page(reader: Reader, name: str) -> str:
    """What the page of the run gives to copy into a shell."""
    page = reader.request("GET", f"/runs/{name}?tab=error").body.decode()
    [line] = re.findall(r'<pre[^>]*aria-label="the whole command">\n?(.*?)</pre>', page, re.DOTALL)
    return unescape(line)


def next_cycle(reader: Reader, session_id: str) -> list[str]:
    """What is missing until the session has a second run, which succeeded."""
    runs = reader.get("/runs?session_id=" + session_id)["runs"]
    found = [(run["cycle"], run["status"]) for run in runs]
    return [] if found == [(2, "succeeded"), (1, "failed")] else [f"cycles {found}"]


def differences(reader: Reader, name: str, status: str, finished: Finished) -> list[str]:
    """Where the run differs from what Nextflow's trace file says, in words."""
    if reader.request("GET", f"/api/v1/runs/{name}").status == 404:
        return ["the run is not there"]
    run = reader.run(name)
    if run["status"] != status:
        return [f"the run is {run['status']}"]
    shown = reader.tasks(run["id"])
    rows = {int(row["task_id"]): row for row in finished.trace}
    found = [f"tasks {sorted(shown)}, not {sorted(rows)}"] if shown.keys() != rows.keys() else []
    for task_id in shown.keys() & rows.keys():
        found += [f"task {task_id}: {x}" for x in _unlike(shown[task_id], _told(rows[task_id]))]
    counts = Counter(_SHOWN[row["status"]] for row in rows.values() if row["error_action"] != "RETRY")
    found += [f"{k}: {run['tasks'][k]}, not {n}" for k, n in counts.items() if run["tasks"][k] != n]
    return found


def _told(row: Mapping[str, str]) -> dict[str, Any]:
    """A row of the trace file under the names of the API."""
    exit_code = row["exit"]
    return {
        "name": row["name"],
        "process": row["process"],
        "tag": row["tag"],
        "status": _SHOWN[row["status"]],
        "hash": row["hash"],
        "attempt": int(row["attempt"]),
        "exit": None if exit_code == _UNKNOWN else int(exit_code),
        "native_id": row["native_id"],
        "error_action": None if row["error_action"] == _UNKNOWN else row["error_action"],
        "duration_ms": int(row["duration"]) if row["duration"] != _UNKNOWN else None,
        "inferred": False,
    }


def _unlike(shown: Mapping[str, Any], told: Mapping[str, Any]) -> list[str]:
    return [f"{k} is {shown[k]!r}, not {v!r}" for k, v in told.items() if shown[k] != v]
