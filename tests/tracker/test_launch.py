"""`tracker run` starts Nextflow so that it reports here, and is then as good as not there."""

import os
import pty
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fake_tracker import FakeTracker
from tracker.errors import NotDone
from tracker.launch import Report, free_name, launch, names_in_history, new_name

URL = "http://t.example"
TRACKER = (sys.executable, "-c", "from tracker.cli import app; app()")
HISTORY = (
    "2026-01-01 10:00:00\t3s\tnightly\tOK\tabc\t1-2-3\tnextflow run x\n"
    "2026-01-02 10:00:00\t-\tnightly-2\tERR\tabc\t1-2-3\tnextflow run x -resume\nbroken\n"
)


def started(command: str, taken: str = "", token: str = "") -> list[str]:
    return list(launch(command.split(), Report(URL, token, names_in_history(taken), "calm-otter-1a2b")).argv)


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("nextflow run p", "nextflow run p -name calm-otter-1a2b -with-tower URL"),
        ("/opt/nextflow run p --x 1", "/opt/nextflow run p --x 1 -name calm-otter-1a2b -with-tower URL"),
        ("nextflow -log run run p", "nextflow -log run run p -name calm-otter-1a2b -with-tower URL"),
        ("nextflow run p -name mine -r main", "nextflow run p -r main -name mine -with-tower URL"),
        ("nextflow run p -with-tower", "nextflow run p -name calm-otter-1a2b -with-tower URL"),
        ("nextflow run p -with-tower http://o -resume", "nextflow run p -resume -name calm-otter-1a2b -with-tower URL"),
        ("nextflow run p -resume 1-2-3 -name nightly", "nextflow run p -resume 1-2-3 -name nightly-3 -with-tower URL"),
    ],
)  # fmt: skip
def test_what_is_executed(command: str, argv: str) -> None:
    assert started(command, HISTORY) == argv.replace("URL", URL).split()


def test_the_token_goes_by_the_environment_alone() -> None:
    plan = launch(["nextflow", "run", "p"], Report(URL, "trk_secret", (), "n"))
    assert plan.environment == {"TOWER_ACCESS_TOKEN": "trk_secret"} and "trk_secret" not in plan.argv
    assert launch(["nextflow", "run", "p"], Report(URL, "", (), "n")).environment["TOWER_ACCESS_TOKEN"]


@pytest.mark.parametrize(
    "command", ["", "nextflow", "nextflow pull p", "cwltool w.cwl", "nextflow run p -name 1st"]
)
def test_what_cannot_be_followed_is_said(command: str) -> None:
    with pytest.raises(NotDone, match=r"tracker run starts|no name that Nextflow takes"):
        started(command)


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("snakemake", "snakemake --logger runtracker"),
        ("/opt/snakemake all -c 4", "/opt/snakemake all -c 4 --logger runtracker"),
        ("snakemake --logger rich snkmt -c 4 all", "snakemake -c 4 all --logger rich snkmt runtracker"),
        ("snakemake --logger rich --logger snkmt -n", "snakemake -n --logger snkmt runtracker"),
        ("snakemake --logger=rich all", "snakemake all --logger rich runtracker"),
        ("snakemake --logger runtracker", "snakemake --logger runtracker"),
        ("snakemake --config a=1 b=2 -- all", "snakemake --config a=1 b=2 --logger runtracker -- all"),
        ("snakemake --logger-rich-x y all", "snakemake --logger-rich-x y all --logger runtracker"),
    ],
)  # fmt: skip
def test_our_logger_joins_those_of_snakemake(command: str, argv: str) -> None:
    assert started(command) == argv.split()


def test_snakemake_is_told_where_by_the_environment() -> None:
    plan = launch(["snakemake"], Report(URL, "trk_1", (), "n"))
    assert plan.plugin == "snakemake_logger_plugin_runtracker" and plan.name == "n"
    assert plan.environment == {
        "SNAKEMAKE_LOGGER_RUNTRACKER_URL": URL,
        "SNAKEMAKE_LOGGER_RUNTRACKER_TOKEN": "trk_1",
        "SNAKEMAKE_LOGGER_RUNTRACKER_RUN_NAME": "n",
    }
    named = launch(["snakemake", "--logger-runtracker-run-name", "mine"], Report(URL, "", (), "n"))
    assert named.name == "mine"


def test_miniwdl_is_told_by_the_environment_alone() -> None:
    plan = launch(["miniwdl", "run", "w.wdl"], Report(URL, "trk_1", (), "n"))
    assert list(plan.argv) == ["miniwdl", "run", "w.wdl"] and plan.plugin == "miniwdl_runtracker"
    assert plan.environment == {
        "MINIWDL__RUNTRACKER__URL": URL,
        "MINIWDL__RUNTRACKER__TOKEN": "trk_1",
        "MINIWDL__RUNTRACKER__RUN_NAME": "n",
    }
    with pytest.raises(NotDone, match="no `run`"):
        launch(["miniwdl", "check", "w.wdl"], Report(URL, "", (), "n"))


@given(
    st.from_regex(r"[a-z]([a-z0-9]|[-_][a-z0-9]){0,78}", fullmatch=True).filter(lambda n: len(n) <= 80),
    st.integers(0, 12),
)
def test_a_taken_name_gets_the_number_of_its_cycle(name: str, cycles: int) -> None:
    taken: set[str] = set()
    for _ in range(cycles):
        taken.add(free_name(name, taken))
    assert len(taken) == cycles and all(
        free_name(n, ()) == n for n in taken
    )  # each is one that Nextflow takes


def test_a_new_name_is_one_that_nextflow_takes() -> None:
    names = {new_name() for _ in range(100)}
    assert len(names) > 90 and all(free_name(n, ()) == n for n in names)


# --- as a process --------------------------------------------------------------------------------

#: Stands in for Nextflow: says what it was given, waits for one line, and ends with the code that the line says.
_RUNNER = """#!/usr/bin/env python3
import os, signal, sys
signal.signal(signal.SIGINT, lambda *_: (print("interrupted", flush=True), sys.exit(130)))
print("args", *sys.argv[1:], "token", os.environ.get("TOWER_ACCESS_TOKEN", "-"), "tty", sys.stdin.isatty(), flush=True)
sys.exit(int(input()))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    runner = tmp_path / "nextflow"
    runner.write_text(_RUNNER)
    runner.chmod(runner.stat().st_mode | stat.S_IXUSR)
    return tmp_path


class Terminal:
    """`tracker run -- nextflow run p` in a terminal of its own."""

    def __init__(self, folder: Path, url: str, *options: str) -> None:
        command = [*TRACKER, "run", *options, "--", "nextflow", "run", "p"]
        path = f"{folder}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | {"PATH": path, "TRACKER_PUBLIC_URL": url, "TRACKER_TOKEN": "trk_1"}
        environment["PYTHONPATH"] = str(Path(__file__).parents[2])
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, environment)
        self.lines = self._read()

    def _read(self) -> Iterator[str]:
        with os.fdopen(os.dup(self.terminal), "r", newline="") as output:
            try:
                for line in output:
                    yield line.strip()
            except OSError:  # the other side is closed
                return

    def type(self, keys: str) -> None:
        os.write(self.terminal, keys.encode())

    def code(self) -> int:
        """Of its end, once all that it wrote is read."""
        for _ in self.lines:
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize(("keys", "code"), [("0\n", 0), ("1\n", 1), ("\x03", 130)])
def test_the_link_comes_first_and_the_code_is_the_runners(
    folder: Path, fake: FakeTracker, keys: str, code: int
) -> None:
    fake.answers["GET", "/user-info"] = 200, {"user": {}}
    terminal = Terminal(folder, fake.url)
    link = next(terminal.lines)
    assert link.startswith(f"Follow the run at {fake.url}/runs/")
    name = link.rsplit("/", 1)[1]
    assert next(terminal.lines) == f"args run p -name {name} -with-tower {fake.url} token trk_1 tty True"
    terminal.type(keys)
    assert terminal.code() == code
    assert fake.requests[0][:3] == ("GET", "/user-info", "Bearer trk_1")


@pytest.mark.parametrize("why", ["refused", "nobody there"])
def test_without_a_tracker_the_command_runs_as_it_was_typed(
    folder: Path, fake: FakeTracker, why: str
) -> None:
    fake.answers["GET", "/user-info"] = 401, {"detail": "the token has expired"}
    terminal = Terminal(folder, fake.url if why == "refused" else "http://127.0.0.1:9")
    said = next(terminal.lines)
    assert said.startswith("tracker: ") and "The run is not followed." in said
    assert ("the token has expired" in said) == (why == "refused")
    assert next(terminal.lines) == "args run p token - tty True"
    terminal.type("0\n")
    assert terminal.code() == 0


def test_a_closed_terminal_ends_the_runner(folder: Path, fake: FakeTracker) -> None:
    fake.answers["GET", "/user-info"] = 200, {}
    terminal = Terminal(folder, fake.url)
    assert next(terminal.lines).startswith("Follow") and next(terminal.lines).startswith("args")
    os.kill(terminal.pid, signal.SIGHUP)
    assert terminal.code() == -signal.SIGHUP


def test_a_snakemake_without_our_plugin_runs_without(tmp_path: Path, fake: FakeTracker) -> None:
    fake.answers["GET", "/user-info"] = 200, {}
    script = tmp_path / "snakemake"
    bare = tmp_path / "python3"  # has nothing installed
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -IS "$@"\n')
    bare.chmod(bare.stat().st_mode | stat.S_IXUSR)
    script.write_text(f"#!{bare}\nimport sys; print('args', *sys.argv[1:])")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    environment = os.environ | {"PATH": str(tmp_path), "TRACKER_PUBLIC_URL": fake.url}
    command = [*TRACKER, "run", "--", "snakemake", "-c", "1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout == "args -c 1\n"
    assert "has no snakemake-logger-plugin-runtracker" in done.stderr and "not followed" in done.stderr


def test_a_runner_that_is_not_there_is_said(tmp_path: Path, fake: FakeTracker) -> None:
    environment = {"PATH": str(tmp_path), "TRACKER_PUBLIC_URL": "http://127.0.0.1:9"}
    command = [*TRACKER, "run", "--", "nextflow", "run", "p"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "there is no 'nextflow' on the PATH" in done.stderr
