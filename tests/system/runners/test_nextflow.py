"""A real Nextflow reports by weblog to `tracker up`; the API shows what Nextflow's own trace file says."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_tracker import FakeTracker
from tests.support.services.nextflow import Finished, run_line, run_pipeline, variables
from tests.support.services.terminal import Terminal
from tests.support.stacks.client import Reader, until
from tests.support.stacks.stack import EmbeddedStack
from tests.system.runners.support import ended

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
        line = on_page(reader, "bad_run", "the whole command")
        resumed = run_line(line, tmp_path, config=CONFIG.format(bad=0))
        assert resumed.exit_code == 0, resumed.output
        by_status = Counter(row["status"] for row in resumed.trace if row["process"] == "WORK:PREPARE")
        assert by_status == {"CACHED": 3}
        until("the next cycle is shown", lambda: cycles(reader, run["session_id"], "failed", "succeeded"))


def test_a_run_that_tracker_run_started_is_gone_on_with_as_its_page_says(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    (tmp_path / "main.nf").write_text(PIPELINE)
    line = "tracker run -- nextflow run main.nf -ansi-log false -with-trace trace.txt"

    def run(line: str, bad: int) -> Finished:
        return run_line(line, tmp_path, CONFIG.format(bad=bad), TRACKER_PUBLIC_URL=stack.api_url)

    first = run(line, bad=2)
    assert first.exit_code == 1, first.output
    link = first.output.splitlines()[0]
    assert link.startswith(f"Follow the run at {stack.api_url}/runs/")
    name = link.rpartition("/")[2]
    with Reader(stack.api_url) as reader:
        until("the run is shown", lambda: differences(reader, name, "failed", first))
        session_id = reader.run(name)["session_id"]
        argument = on_page(reader, name, "the resume command")
        assert argument == f"-resume {session_id} -name {name}"
        second = run(f"{line} {argument}", bad=3)
        assert second.exit_code == 1, second.output
        assert second.output.splitlines()[0] == f"{link}-2"
        until("the next cycle is shown", lambda: cycles(reader, session_id, "failed", "failed"))
        assert reader.run(name)["name"] == f"{name}-2"
        third = run(on_page(reader, name, "the whole command"), bad=0)
        assert third.exit_code == 0, third.output
        assert [row["status"] for row in third.trace if row["process"] == "WORK:PREPARE"] == ["CACHED"] * 3
        until("the last cycle is shown", lambda: cycles(reader, session_id, "failed", "failed", "succeeded"))
        assert reader.run(name)["name"] == f"{name}-3"


#: Its task waits until there is a file `go`.
WAITS = """
nextflow.enable.dsl = 2
process WAIT { script: "touch $launchDir/began; while [ ! -e $launchDir/go ]; do sleep 0.1; done" }
workflow { WAIT() }
"""


_NEXTFLOW = ["nextflow", "run", "main.nf", "-ansi-log", "false"]


def in_terminal(folder: Path, command: list[str], url: str) -> Terminal:
    """A terminal with a task that runs already, or is about to."""
    folder.mkdir(exist_ok=True)
    (folder / "main.nf").write_text(WAITS)
    return Terminal(command, folder, variables(folder) | {"TRACKER_PUBLIC_URL": url})


def begun(folder: Path) -> None:
    until("the task", lambda: [] if (folder / "began").exists() else ["not begun"], seconds=60)


def followed(folder: Path, url: str) -> tuple[Terminal, str]:
    """`tracker run` with a task that runs already, and the name of the run."""
    terminal = in_terminal(folder, ["tracker", "run", "--", *_NEXTFLOW], url)
    link = next(terminal.lines)
    assert link.startswith(f"Follow the run at {url}/runs/")
    begun(folder)
    return terminal, link.rpartition("/")[2]


def once(terminal: Terminal) -> int:
    terminal.interrupt()
    return terminal.code()


def twice(terminal: Terminal) -> int:
    terminal.interrupt()
    terminal.interrupt()
    return terminal.code()


def closed(terminal: Terminal) -> int:
    return terminal.close()


@pytest.mark.parametrize("end", [once, twice, closed])
def test_ctrl_c_and_a_closed_terminal_end_it_as_nextflow_alone(
    stack: EmbeddedStack, tmp_path: Path, end: Callable[[Terminal], int]
) -> None:
    """By the same signal and with the same code; the tracker shows a run that was cancelled.

    Ctrl-C reaches the task as well. Where the machine is so busy that Nextflow sees the task's end before its own signal,
    it tells a run that failed, and that is what is shown.
    """
    alone = in_terminal(tmp_path / "alone", _NEXTFLOW, stack.api_url)
    begun(tmp_path / "alone")
    code = end(alone)
    terminal, name = followed(tmp_path / "followed", stack.api_url)
    assert end(terminal) == code != 0
    ended(stack, name, "cancelled" if aborted_by(tmp_path / "followed") in {"SIGINT", "SIGHUP"} else "failed")


def aborted_by(folder: Path) -> str:
    """The signal or the error by which Nextflow ended the run, from its own log."""
    [cause, *_] = re.findall(r"Session aborted -- Cause: (.*)", (folder / ".nextflow.log").read_text())
    return str(cause)


def test_a_tracker_that_dies_in_between(fake: FakeTracker, tmp_path: Path) -> None:
    for path in ("/user-info", "/launched-as/any/user-info"):
        fake.answers["GET", path] = 200, {}
    terminal, _ = followed(tmp_path, fake.url)
    fake.shutdown()
    fake.server_close()
    (tmp_path / "go").touch()
    assert terminal.code() == 0


def on_page(reader: Reader, name: str, what: str) -> str:
    """What the page of the run gives to copy into a shell."""
    page = reader.request("GET", f"/runs/{name}?tab=error").body.decode()
    [line] = re.findall(rf'<pre[^>]*aria-label="{what}">\n?(.*?)</pre>', page, re.DOTALL)
    return unescape(line)


def cycles(reader: Reader, session_id: str, *statuses: str) -> list[str]:
    """What is missing until the runs of the session have these statuses, the oldest first."""
    runs = reader.get("/runs?session_id=" + session_id)["runs"]
    found = [(run["cycle"], run["status"]) for run in reversed(runs)]
    return [] if found == list(enumerate(statuses, 1)) else [f"cycles {found}"]


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
