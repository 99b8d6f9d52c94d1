"""A terminal of its own, and what is typed and read there. No test stands here."""

import os
import pty
import signal
import termios
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


class Terminal:
    """A command in the foreground of a new terminal, in this folder. What is typed is not echoed."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.pid, self._descriptor = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever started the tests may have it ignored
            os.chdir(folder)
            os.execvpe(command[0], list(command), environment)
        modes = termios.tcgetattr(self._descriptor)
        modes[3] &= ~termios.ECHO
        termios.tcsetattr(self._descriptor, termios.TCSANOW, modes)
        self._output = os.fdopen(self._descriptor, "r", newline="", errors="replace")
        self.lines = self._read()

    def _read(self) -> Iterator[str]:
        try:
            for line in self._output:
                yield line.strip()
        except OSError:  # the other side is closed
            return

    def type(self, keys: str) -> None:
        os.write(self._descriptor, keys.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.type("\x03")

    def code(self) -> int:
        """Its exit code, or the signal that ended it as a negative number, once all that it wrote is read."""
        for _ in self.lines:
            pass
        return self.close()

    def close(self) -> int:
        """Close the window, and wait for the end: its exit code, or the signal as a negative number."""
        self._output.close()
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)
