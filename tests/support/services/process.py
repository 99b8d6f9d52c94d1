"""Child processes that never outlive the test run, however it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.progress import Patience
from tests.support.services import warm

# Linux sends the death signal when the *thread* that started the child ends, not the process. So one
# thread, which lives as long as the interpreter, starts all children, whoever asks for them.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")

# Runs in the child, which then becomes the program. (A preexec_fn would do the same, but it warns in a
# process with threads from Python 3.12 on.) Killed even when the parent died before the call. Whoever runs the tests in a shell's
# background lets Ctrl-C be ignored, and so would the child.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[2], sys.argv[2:])
"""


class ServiceError(RuntimeError):
    """A service ended, or did not become ready. The message holds the end of its log."""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Child:
    """One program in a process group of its own, with everything it prints in one file."""

    def __init__(
        self, command: Sequence[str], log: Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        self._popen: subprocess.Popen[str] | warm.Forked
        forked = None if cwd or env is None else warm.forked(command, str(log), env, _started_to_fork)
        if forked:
            self._popen = forked
            return
        with log.open("ab") as out:
            self._popen = _started(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=env,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._popen.poll()

    def wait(self, timeout: float) -> int:
        """Its exit code, once it has ended by itself."""
        patience = Patience(timeout)
        while (code := self.exit_code()) is None:
            if not patience.left():
                raise ServiceError(f"{self._popen.args!r} has not ended:\n{self.log_tail()}")
            time.sleep(0.05)
        return code

    def wait_until(self, ready: Callable[[], bool], what: str, timeout: float) -> None:
        """Ask again and again, and fail at once when the program has ended."""
        patience = Patience(timeout)
        while not ready():
            code = self.exit_code()
            if code is not None:
                raise ServiceError(f"{what} ended with {code}:\n{self.log_tail()}")
            if not patience.left():
                self.kill()
                raise ServiceError(f"{what} was not ready after {timeout:.0f} s:\n{self.log_tail()}")
            time.sleep(0.05)

    def terminate(self, grace: float = 30) -> int:
        """SIGTERM, and SIGKILL for what is left of the group after the grace. Returns the exit code."""
        if self.exit_code() is None:
            self._popen.terminate()
            with suppress(ServiceError):
                self.wait(grace)
        self.kill()
        return self._popen.wait()

    def kill(self) -> None:
        """SIGKILL to the whole group, which may outlive its first process."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()

    def pause(self) -> None:
        """SIGSTOP to the whole group: it neither runs nor ends, and its connections stay open."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGCONT)

    def log_tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def _started(command: Sequence[str], **options: Any) -> "subprocess.Popen[str]":
    if sys.platform == "linux":
        command = [sys.executable, "-SIc", _DIE_WITH_PARENT, str(os.getpid()), *command]
    started: subprocess.Popen[str] = _starter.submit(lambda: subprocess.Popen(command, **options)).result()
    return started


def _started_to_fork(command: Sequence[str]) -> "subprocess.Popen[str]":
    return _started(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def most_resident(pid: int) -> int:
    """The most bytes that the process has had in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024


def cpu_seconds(pid: int) -> float:
    """What the process and all its threads have taken of CPU."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
