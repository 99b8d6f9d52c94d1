"""Files of runners that lie in allowed folders: the runner's log and a task's files, each by its end.

A runner's word for a path is not to be trusted: `stores/objects/local.py` reads only regular files inside of an allowed folder.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from api.runs.models import Run
from stores.objects.local import allowed, open_file

#: Of a runner's log and of a task's file no more than the end is shown.
LOG_BYTES = 2**20
TASK_BYTES = 65_536

#: Where in a log the runner names its run.
_HEAD_BYTES = 65_536
_LOGS_MAX = 50


class RunLog(BaseModel):
    """The end of the runner's log. Without `text`, `message` says why there is none."""

    path: str | None = None
    bytes: int | None = None
    text: str | None = None
    truncated: bool = False
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a file."""

    path: str
    size: int
    text: str

    @property
    def truncated(self) -> bool:
        return len(self.text.encode("utf-8", "replace")) < self.size


def run_log(run: Run, roots: Sequence[Path]) -> RunLog:
    """The runner's log of this run: `*.nextflow.log` in the output folder, else `.nextflow.log` in the launch folder."""
    if not roots:
        return RunLog(message="No folder is allowed to be read: TRACKER_LOCAL_ROOTS is not set.")
    output, launch = run.workflow.output_dir, run.workflow.launch_dir
    if not output and not launch:
        return RunLog(message="The runner reported neither an output nor a launch directory.")
    if not any(allowed(d, roots) for d in (output, launch) if d):
        return RunLog(message="The run's folders lie outside of the folders that TRACKER_LOCAL_ROOTS allows.")
    published = _newest(output, ".nextflow.log", roots)
    if published:
        tail = read_tail(published[0], roots, LOG_BYTES)
        if tail:
            several = "Several log files were found; this is the newest." if len(published) > 1 else None
            return _answer(tail, several)
    for path in _newest(launch, ".nextflow.log", roots, prefix=True):
        if _names(path, run, roots) and (tail := read_tail(path, roots, LOG_BYTES)):
            return _answer(tail, None)
    return RunLog(
        message="No log file of this run was found: it may have been removed, or replaced by that of a newer run."
    )


def _answer(tail: Tail, several: str | None) -> RunLog:
    cut = f"The log is {tail.size / 2**20:.1f} MB. Showing its last 1 MB." if tail.truncated else None
    message = " ".join(m for m in (several, cut) if m) or None
    return RunLog(path=tail.path, bytes=tail.size, text=tail.text, truncated=tail.truncated, message=message)


def task_files(workdir: str | None, roots: Sequence[Path]) -> list[tuple[str, Tail]]:
    """What a task left in its work folder: (name, end), those that can be read."""
    if not workdir or not roots:
        return []
    names = (".command.err", ".command.out", ".command.log", ".command.sh")
    entries = [(n, read_tail(os.path.join(workdir, n), roots, TASK_BYTES)) for n in names]
    return [(n, tail) for n, tail in entries if tail and tail.size]


def read_tail(path: str, roots: Sequence[Path], most: int) -> Tail | None:
    """The end of the file, at most so many bytes; None if it is not there or may not be read."""
    part = _read(path, roots, most, from_end=True)
    if part is None:
        return None
    # A name need not be UTF-8, what is answered must be.
    return Tail(os.fsencode(path).decode("utf-8", "replace"), part[0], part[1].decode("utf-8", "replace"))


def _read(path: str, roots: Sequence[Path], most: int, from_end: bool) -> tuple[int, bytes] | None:
    """The size of a file, and its first or last bytes; None if it is not there, is no regular file or may not be read."""
    opened = open_file(path, roots)
    if opened is None:
        return None
    descriptor, status = opened
    try:
        return status.st_size, os.pread(descriptor, most, max(0, status.st_size - most) if from_end else 0)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _newest(folder: str | None, name: str, roots: Sequence[Path], prefix: bool = False) -> list[str]:
    """Logs in the folder, newest first: those that end with the name, or start with it."""
    real = allowed(folder, roots) if folder else None
    if real is None:
        return []
    try:
        with os.scandir(real) as entries:
            logs = [
                (e.stat().st_mtime, os.path.join(real, e.name))
                for e in entries
                if (e.name.startswith(name) if prefix else e.name.endswith(name))
            ]
    except OSError:
        return []
    return [path for _, path in sorted(logs, reverse=True)[:_LOGS_MAX]]


def _names(path: str, run: Run, roots: Sequence[Path]) -> bool:
    """Whether the log says near its start that it is of this run."""
    part = _read(path, roots, _HEAD_BYTES, from_end=False)
    if part is None:
        return False
    head = part[1].decode("utf-8", "replace")
    return f"[{run.name}]" in head or bool(run.session_id and run.session_id in head and run.name in head)
