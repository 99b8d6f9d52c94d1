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
from stores.objects.open import ObjectStores
from stores.objects.paths import folder_of, output_path
from stores.objects.port import Failure, StoreFailure

#: Of a runner's log and of a task's file no more than the end is shown.
LOG_BYTES = 2**20
TASK_BYTES = 65_536

#: Where in a log the runner names its run.
_HEAD_BYTES = 65_536
_LOGS_MAX = 50
#: Objects of a folder on S3 among which logs are looked for.
_ENTRIES_MAX = 5000
_SEVERAL = "Several log files were found; this is the newest."
_FAILED = {
    Failure.ACCESS_DENIED: "Access denied to S3 bucket",
    Failure.NO_BUCKET: "S3 bucket not found",
    Failure.NOT_S3: "The output directory is not an S3 path",
    Failure.NOT_ALLOWED: "The output directory may not be read",
    Failure.AWAY: "The store does not answer",
}


_NO_FILES = "Nothing that it left can be read: its work directory is gone, or outside of the folders that the tracker may read."


class RunLog(BaseModel):
    """The end of the runner's log. Without `text`, `message` says why there is none."""

    path: str | None = None
    bytes: int | None = None
    text: str | None = None
    truncated: bool = False
    message: str | None = None


class TaskFile(BaseModel):
    """The end of a file in a task's work directory."""

    name: str
    path: str
    bytes: int
    text: str
    truncated: bool


class TaskLog(BaseModel):
    """What a task printed. Without files, `message` says why there are none."""

    files: list[TaskFile]
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


def run_log(run: Run, stores: ObjectStores) -> RunLog:
    """The runner's log of this run: in the output folder, or else `.nextflow.log` in the launch folder."""
    workflow = run.workflow
    told = output_path(workflow.output_dir or "", workflow.params or {}, workflow.launch_dir or "")
    if "://" in told and not told.startswith("file:"):
        return _log_of_store(told, run.words.published_log, stores)
    return _local_log(run, told, stores.settings.roots)


def _log_of_store(path: str, name: str, stores: ObjectStores) -> RunLog:
    """The newest log in an output folder on S3."""
    try:
        objects = stores.open(folder_of(path))
        logs = [e for e in objects.level("", _ENTRIES_MAX).entries if e.key.endswith(name)]
        if not logs:
            return RunLog(message=f"No log files found: there is no *{name} in {path[:500]}.")
        newest = max(logs, key=lambda e: (e.modified_ms, e.key))
        part = objects.read(newest.key, -LOG_BYTES, LOG_BYTES)
    except StoreFailure as e:
        return RunLog(message=f"{_FAILED.get(e.failure, 'The log cannot be read')}: {e}.")
    tail = Tail(folder_of(path).uri + newest.key, part.size, part.data.decode("utf-8", "replace"))
    return _answer(tail, _SEVERAL if len(logs) > 1 else None)


def _local_log(run: Run, told: str, roots: Sequence[Path]) -> RunLog:
    if not roots:
        return RunLog(message="No folder is allowed to be read: TRACKER_LOCAL_ROOTS is not set.")
    output, launch = told, run.workflow.launch_dir
    if not output and not launch:
        return RunLog(
            message="No output directory configured: the runner reported neither an output nor a launch directory."
        )
    if not any(allowed(d, roots) for d in (output, launch) if d):
        return RunLog(message="The run's folders lie outside of the folders that TRACKER_LOCAL_ROOTS allows.")
    published = _newest(output, run.words.published_log, roots)
    if published:
        tail = read_tail(published[0], roots, LOG_BYTES)
        if tail:
            several = _SEVERAL if len(published) > 1 else None
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


def task_files(workdir: str | None, stores: ObjectStores) -> list[tuple[str, Tail]]:
    """What a task left in its work folder: (name, end), those that can be read."""
    if not workdir:
        return []
    names = (".command.err", ".command.out", ".command.log", ".command.sh")
    if workdir.startswith("s3://"):
        return _task_files_of_store(workdir, names, stores)
    roots = stores.settings.roots
    entries = [(n, read_tail(os.path.join(workdir, n), roots, TASK_BYTES)) for n in names]
    return [(n, tail) for n, tail in entries if tail and tail.size]


def task_log(workdir: str | None, stores: ObjectStores) -> TaskLog:
    """What a task printed, as far as it can be read; not its script, which its record has."""
    found = [(name, tail) for name, tail in task_files(workdir, stores) if name != ".command.sh"]
    files = [
        TaskFile(name=name, path=tail.path, bytes=tail.size, text=tail.text, truncated=tail.truncated)
        for name, tail in found
    ]
    return TaskLog(files=files, message=None if files else _NO_FILES)


def _task_files_of_store(workdir: str, names: Sequence[str], stores: ObjectStores) -> list[tuple[str, Tail]]:
    """The same on S3. A store that fails gives nothing: the page of the work directory says why."""
    found = []
    try:
        folder = folder_of(workdir)
        objects = stores.open(folder)
        there = {e.key for e in objects.level("", _ENTRIES_MAX).entries if e.size}
        for name in (n for n in names if n in there):
            part = objects.read(name, -TASK_BYTES, TASK_BYTES)
            found.append((name, Tail(folder.uri + name, part.size, part.data.decode("utf-8", "replace"))))
    except StoreFailure:
        return found
    return found


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
