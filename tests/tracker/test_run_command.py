"""`tracker run` in a terminal: the link comes first, then it is as good as not there."""

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fake_tracker import FakeTracker
from tests.support.services.terminal import Terminal

TRACKER = (sys.executable, "-c", "from tracker.cli import app; app()")

#: Stands in for Nextflow: says what it was given, each signal that it hears, and what it reads. The second Ctrl-C ends it, or a
#: closed terminal, or a line that is an exit code.
_RUNNER = """#!/usr/bin/env python3
import os, signal, sys, time
heard = []
def hear(number, _):
    heard.append(number)
    with open("heard", "a") as file:
        print(signal.Signals(number).name, file=file)
    if number == signal.SIGHUP:
        os._exit(129)
    print("heard", len(heard), flush=True)
    if len(heard) > 1:
        sys.exit(130)
signal.signal(signal.SIGINT, hear)
signal.signal(signal.SIGHUP, hear)
print("args", *sys.argv[1:], "token", os.environ.get("TOWER_ACCESS_TOKEN", "-"), "tty", sys.stdin.isatty(), flush=True)
try:
    for line in sys.stdin:
        if line.strip().isdecimal():
            sys.exit(int(line))
        print("read", line, end="", flush=True)
except OSError:  # the terminal is gone, and its signal has come
    pass
while True:  # Python hears it between two steps
    time.sleep(0.1)
"""


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    program(tmp_path / "nextflow", _RUNNER)
    return tmp_path


@pytest.fixture
def fake(fake: FakeTracker) -> FakeTracker:
    """It takes any token."""
    fake.answers["GET", "/user-info"] = 200, {"user": {}}
    return fake


def environment(folder: Path, url: str, **more: str) -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    ours = {"PATH": path, "TRACKER_PUBLIC_URL": url, "TRACKER_TOKEN": "trk_1", "PYTHONPATH": root}
    return os.environ | ours | {"HOME": str(folder)} | more


def tracker_run(folder: Path, url: str, *options: str, more: str = "", **variables: str) -> Terminal:
    """`tracker run OPTIONS -- nextflow run p MORE` in a terminal."""
    command = [*TRACKER, "run", *options, "--", "nextflow", "run", "p", *more.split()]
    return Terminal(command, folder, environment(folder, url, **variables))


def begun(terminal: Terminal, url: str) -> str:
    """The name of the run, whose link came first; and the runner has begun."""
    link = next(terminal.lines)
    assert link.startswith(f"Follow the run at {url}/runs/")
    name = link.rpartition("/")[2]
    assert next(terminal.lines) == f"args run p -name {name} -with-tower {url} token trk_1 tty True"
    return name


@pytest.mark.parametrize("code", [0, 1, 130])
def test_the_link_comes_first_and_the_code_is_the_runners(folder: Path, fake: FakeTracker, code: int) -> None:
    terminal = tracker_run(folder, fake.url)
    begun(terminal, fake.url)
    terminal.type(f"{code}\n")
    assert terminal.code() == code
    assert [r[:3] for r in fake.requests] == [
        ("GET", "/user-info", "Bearer trk_1"),
        ("GET", "/launched-as/any/user-info", "Bearer trk_1"),
    ]


def test_each_ctrl_c_is_heard_once(folder: Path, fake: FakeTracker) -> None:
    terminal = tracker_run(folder, fake.url)
    begun(terminal, fake.url)
    terminal.interrupt()
    assert next(terminal.lines) == "heard 1"
    terminal.type("still here\n")
    assert next(terminal.lines) == "read still here"
    terminal.interrupt()
    assert next(terminal.lines) == "heard 2"
    assert terminal.code() == 130
    assert (folder / "heard").read_text() == "SIGINT\nSIGINT\n"


def test_a_closed_terminal_ends_the_runner_as_it_would_alone(folder: Path, fake: FakeTracker) -> None:
    terminal = tracker_run(folder, fake.url)
    begun(terminal, fake.url)
    assert terminal.close() == 129
    assert (folder / "heard").read_text() == "SIGHUP\n"


def test_a_runner_that_a_signal_ends_ends_by_it(folder: Path, fake: FakeTracker) -> None:
    terminal = tracker_run(folder, fake.url)
    begun(terminal, fake.url)
    os.kill(terminal.pid, signal.SIGKILL)
    assert terminal.code() == -signal.SIGKILL


def test_the_runner_begins_with_the_signals_of_a_shell(folder: Path, fake: FakeTracker) -> None:
    """Python lets broken pipes be, which a script that it becomes could not undo."""
    program(folder / "nextflow", "#!/bin/sh\ngrep SigIgn /proc/$$/status\n")
    alone = subprocess.run([folder / "nextflow"], capture_output=True, text=True, check=True).stdout.strip()
    terminal = tracker_run(folder, fake.url)
    assert next(terminal.lines).startswith("Follow") and next(terminal.lines) == alone
    assert terminal.code() == 0


def test_a_name_that_is_taken_gets_the_number_of_its_cycle(folder: Path, fake: FakeTracker) -> None:
    (folder / ".nextflow").mkdir()
    row = "2026-01-01 10:00:00\t3s\t{}\tERR\tabc\t1-2-3\tnextflow run p\n"
    (folder / ".nextflow" / "history").write_text(row.format("nightly") + row.format("nightly-2"))
    fake.answers["GET", "/launched-as/any/user-info"] = 200, {}
    terminal = tracker_run(folder, fake.url, more="-resume 1-2-3 -name nightly")
    assert next(terminal.lines) == f"Follow the run at {fake.url}/runs/nightly-3"
    asked = f"{fake.url}/launched-as/nightly"
    assert f"run p -resume 1-2-3 -name nightly-3 -with-tower {asked} token" in next(terminal.lines)
    terminal.type("0\n")
    assert terminal.code() == 0


@pytest.mark.parametrize("why", ["refused", "revoked", "nobody there"])
def test_without_a_tracker_the_command_runs_as_it_was_typed(
    folder: Path, fake: FakeTracker, why: str
) -> None:
    fake.answers["GET", "/user-info"] = 401, {"message": f"this token was {why}; ask for another"}
    terminal = tracker_run(folder, "http://127.0.0.1:9" if why == "nobody there" else fake.url)
    said = next(terminal.lines)
    assert said.startswith("tracker: ") and "The run is not followed." in said
    assert ("does not answer" if why == "nobody there" else f"this token was {why}; ask for another") in said
    assert next(terminal.lines) == "args run p token - tty True"
    terminal.type("0\n")
    assert terminal.code() == 0


def test_a_tracker_that_dies_while_it_is_asked_is_told_less(folder: Path, fake: FakeTracker) -> None:
    fake.answers["GET", "/launched-as/any/user-info"] = 0, None  # the connection ends without an answer
    terminal = tracker_run(folder, fake.url)
    begun(terminal, fake.url)
    terminal.type("0\n")
    assert terminal.code() == 0


def test_while_a_tracker_is_waited_for_ctrl_c_ends_it_and_nothing_runs(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and says nothing
        terminal = tracker_run(folder, f"http://127.0.0.1:{silent.getsockname()[1]}")
        with silent.accept()[0]:
            terminal.interrupt()
            said = list(terminal.lines)
        assert terminal.code() == 130 and not any("args" in line or "Traceback" in line for line in said)


def test_a_tracker_that_says_nothing_is_not_waited_for_long(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        terminal = tracker_run(folder, f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert "timed out" in next(terminal.lines) and next(terminal.lines) == "args run p token - tty True"
        terminal.type("0\n")
        assert terminal.code() == 0


def test_open_shows_the_page_in_the_browser(folder: Path, fake: FakeTracker) -> None:
    program(folder / "browser", '#!/bin/sh\necho "$@" > opened\n')
    terminal = tracker_run(folder, fake.url, "--open", BROWSER=f"{folder / 'browser'} %s")
    name = begun(terminal, fake.url)
    terminal.type("0\n")
    assert terminal.code() == 0
    assert (folder / "opened").read_text() == f"{fake.url}/runs/{name}\n"


def test_a_snakemake_without_our_plugin_runs_without(tmp_path: Path, fake: FakeTracker) -> None:
    bare = tmp_path / "python3"  # has nothing installed
    program(bare, f'#!/bin/sh\nexec {sys.executable} -IS "$@"\n')
    program(tmp_path / "snakemake", f"#!{bare}\nimport sys; print('args', *sys.argv[1:])")
    command = [*TRACKER, "run", "--", "snakemake", "-c", "1"]
    variables = environment(tmp_path, fake.url)
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout == "args -c 1\n"
    assert "has no snakemake-logger-plugin-runtracker" in done.stderr and "not followed" in done.stderr


def test_a_runner_that_is_not_there_is_said(tmp_path: Path) -> None:
    variables = environment(tmp_path, "http://127.0.0.1:9") | {"PATH": str(tmp_path)}
    command = [*TRACKER, "run", "--", "nextflow", "run", "p"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "there is no 'nextflow' on the PATH" in done.stderr
