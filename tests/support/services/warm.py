"""Starts processes of the tracker by a fork of one that has imported it already: importing takes three seconds of CPU each time.

Only in a test run, which says so by `allow`; what measures or is run by hand starts them as users do. So do the tests of probes
and of a shutdown, by the installed command, so that this is tried too.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

#: What starts the tracker; its arguments follow.
TRACKER = [sys.executable, "-c", "from tracker.cli import app; app()"]
#: Whatever a process imports, but for chDB, which starts threads.
_MODULES = (
    "cli",
    "faust_worker",
    *(f"processes.{p}" for p in ("up", "api", "ingest", "project", "collect", "archive")),
)

# It reads a line a request: `{"pid": …}` asks how that child ended, anything else is a child to start. A child leaves the loop,
# and ends as the tracker does.
_FORKING = """
import ctypes, gc, importlib, json, os, signal, sys, time

for module in sys.argv[1:]:
    importlib.import_module("tracker." + module)
gc.collect()
gc.freeze()
parent = os.getpid()

def become(asked):
    os.setsid()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, 256)
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    sys.argv = ["-c", *asked["arguments"]]

def ended(pid):
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None

for line in sys.stdin:
    asked = json.loads(line)
    if "pid" in asked:
        answer = ended(asked["pid"])
    else:
        answer = os.fork()
        if answer == 0:
            become(asked)
            break
    print(json.dumps(answer), flush=True)
else:
    os._exit(0)

from tracker.cli import app
app()
"""

_allowed = False
_settings_of_python: Mapping[str, str] = {}
_lock = threading.Lock()
_parent: "subprocess.Popen[str] | None" = None


class Forked:
    """A process of the tracker, as `subprocess.Popen` would give it."""

    def __init__(self, pid: int, args: Sequence[str]) -> None:
        self.pid, self.args = pid, args
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, the signal that ended it as a negative number, or None while it runs."""
        with _lock:
            if self.returncode is None:
                self.returncode = _ask({"pid": self.pid})
        return self.returncode

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        while (code := self.poll()) is None:
            time.sleep(0.01)
        return code

    def terminate(self) -> None:
        """SIGTERM, unless it is known to have ended."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)


def allow() -> None:
    """From now on processes of the tracker are forked."""
    global _allowed, _settings_of_python
    _allowed = sys.platform == "linux"
    _settings_of_python = _of_python(os.environ)


def _of_python(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith("PYTHON")}


def stop() -> None:
    """End what is forked. The processes that were end too, since none outlives its parent."""
    global _parent
    with _lock:
        if _parent is not None:
            _parent.communicate()
            _parent = None


def forked(
    command: Sequence[str],
    log: str,
    env: Mapping[str, str],
    start: "Callable[[Sequence[str]], subprocess.Popen[str]]",
) -> Forked | None:
    """The process, or None where it is not one of the tracker, is to import something else than this process, or forks are not
    allowed. `start`: starts what is forked."""
    if not _allowed or list(command[: len(TRACKER)]) != TRACKER or _of_python(env) != _settings_of_python:
        return None
    global _parent
    with _lock:
        if _parent is None:
            _parent = start([sys.executable, "-c", _FORKING, *_MODULES])
        pid = _ask({"arguments": command[len(TRACKER) :], "log": log, "env": dict(env)})
    assert pid is not None
    return Forked(pid, command)


def _ask(question: Mapping[str, object]) -> int | None:
    assert _parent is not None and _parent.stdin is not None and _parent.stdout is not None
    _parent.stdin.write(json.dumps(question) + "\n")
    _parent.stdin.flush()
    answer: int | None = json.loads(_parent.stdout.readline())
    return answer
