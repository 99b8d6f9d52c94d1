"""Files of runners that lie in allowed folders: the runner's logs and a task's files, each by its end.

A runner's word for a path is not to be trusted: `stores/objects` opens only what lies inside of an allowed folder.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from api.core.problems import Problem, not_found
from api.logs.models import LogFile, RunLog, TaskFile, TaskLog
from api.runs.models import Run
from schemas.texts.error_texts import sentence
from schemas.values import iso, to_ms
from stores.objects.open import ObjectStores
from stores.objects.paths import Folder, folder_of, output_path
from stores.objects.port import Entry, Failure, Objects, StoreFailure

#: Of a runner's log and of a task's file no more than the end is shown.
LOG_BYTES = 2**20
TASK_BYTES = 65_536

#: Where in a log the runner names its run.
_HEAD_BYTES = 65_536
_LOGS_MAX = 50
#: So far may the clocks of the runner and of a disk be apart.
_CLOCKS_MS = 2000
#: Objects directly in a folder among which logs are looked for.
_ENTRIES_MAX = 5000
_SEVERAL = "Multiple log files found; showing the most recent."
_NO_DIRECTORY = "No output directory configured"
_FAILED = {
    Failure.ACCESS_DENIED: "Access denied to S3 bucket",
    Failure.NO_BUCKET: "S3 bucket not found",
    Failure.NOT_S3: "The output directory is not an S3 path",
    Failure.NOT_ALLOWED: "The output directory may not be read",
    Failure.AWAY: "The store does not answer",
}
_TASK_FILES = (".command.err", ".command.out", ".command.log", ".command.sh")
_NO_FILES = "Nothing that it left can be read: its work directory is gone, or outside of the folders that the tracker may read."


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a file. `size`: of all of it."""

    path: str
    size: int
    text: str
    truncated: bool


@dataclass(frozen=True, slots=True)
class _Log:
    """A log that can be read, in the folder of `objects`."""

    folder: Folder
    objects: Objects
    entry: Entry

    @property
    def name(self) -> str:
        """As text that UTF-8 can hold: a name need not be, what is answered must."""
        return _text(self.entry.key)


def run_log(
    run: Run,
    stores: ObjectStores,
    name: str = "",
    tail_bytes: int = LOG_BYTES,
    cycles: Callable[[], Sequence[Run]] = tuple,
) -> RunLog:
    """The runner's logs of this run, and the end of the one of this name, else of the newest. Blocking.

    `cycles` gives the runs of its session, oldest first; it is asked only if there are several logs. Raises Problem 404 for an
    unknown name.
    """
    logs, why = _logs(run, stores)
    session = cycles() if len(logs) > 1 else [run]
    listed = [_log_file(log, run, session) for log in logs]
    chosen = _chosen(logs, name)
    if chosen is None:
        return RunLog(message=why)
    most = max(1, min(tail_bytes, LOG_BYTES))
    try:
        tail = read_tail(chosen.folder, chosen.objects, chosen.entry.key, most)
    except StoreFailure as e:
        return RunLog(logs=listed, name=chosen.name, message=_failure(e))
    cut = f"Log file is {tail.size / 2**20:.1f} MB. Showing last {_size(most)}." if tail.truncated else ""
    notices = [_SEVERAL if len(logs) > 1 and not name else "", cut]
    return RunLog(
        logs=listed,
        name=chosen.name,
        path=tail.path,
        bytes=tail.size,
        text=tail.text,
        truncated=tail.truncated,
        message=" ".join(n for n in notices if n) or None,
    )


def log_stream(run: Run, stores: ObjectStores, name: str) -> tuple[str, int, Iterator[bytes]]:
    """Name, size and all bytes of a log, the newest for ''. Blocking. Raises Problem 404 where there is none."""
    logs, why = _logs(run, stores)
    chosen = _chosen(logs, name)
    if chosen is None:
        raise Problem(404, why)
    try:
        size, chunks = chosen.objects.stream(chosen.entry.key)
    except StoreFailure as e:
        raise Problem(503 if e.failure is Failure.AWAY else 404, _failure(e)) from e
    return chosen.name, size, chunks


def cycle_of(name: str, modified_ms: int, cycles: Sequence[Run]) -> int | None:
    """Pure. The cycle whose run wrote a log: the one whose name begins its name, else the last that had started by then."""
    if named := [c.cycle for c in cycles if name.startswith(f"{c.name}.")]:
        return max(named)
    until = iso(modified_ms)  # times of answers are texts of one form, which compare as they are
    started = ((c.started_at or c.submitted_at, c.cycle) for c in cycles)
    return max((n for at, n in started if at and at <= until), default=None)


def task_files(workdir: str | None, stores: ObjectStores) -> list[tuple[str, Tail]]:
    """What a task left in its work folder, its script too: (name, end), those that can be read. Blocking."""
    return _task_files(workdir, stores, TASK_BYTES)[0]


def task_log(
    workdir: str | None, stores: ObjectStores, name: str = "", tail_bytes: int = TASK_BYTES
) -> TaskLog:
    """What a task printed, or the file of this name alone; not its script, which its record has. Blocking."""
    found, why = _task_files(workdir, stores, max(1, min(tail_bytes, LOG_BYTES)))
    files = [
        TaskFile(name=n, path=tail.path, bytes=tail.size, text=tail.text, truncated=tail.truncated)
        for n, tail in found
        if n != ".command.sh" and name in ("", n)
    ]
    return TaskLog(files=files, message=None if files else why)


def read_tail(folder: Folder, objects: Objects, key: str, most: int) -> Tail:
    """The end of a file, at most so many bytes. Raises StoreFailure."""
    part = objects.read(key, -most, most)
    path = _text(folder.uri + key)
    return Tail(path, part.size, part.data.decode("utf-8", "replace"), len(part.data) < part.size)


def _logs(run: Run, stores: ObjectStores) -> tuple[list[_Log], str]:
    """Logs, newest first: those in the output folder, else those in the launch folder that name the run; and why none."""
    workflow = run.workflow
    output = output_path(workflow.output_dir or "", workflow.params or {}, workflow.launch_dir or "")
    launch = workflow.launch_dir or ""
    why = f"{_NO_DIRECTORY}: the runner reported none."
    if output:
        published = run.words.published_log
        try:
            found = [log for log in _in_folder(output, stores) if log.entry.key.endswith(published)]
            if found:
                return found[:_LOGS_MAX], ""
            why = f"No log files found: there is no *{published} in {output[:500]}."
        except StoreFailure as e:
            why = _failure(e)
    if launch:
        try:
            if own := _beside(run, launch, stores):
                return own, ""
            if not output:
                why = (
                    "No log files found: none in the launch directory names this run. It may have been removed, "
                    "or replaced by that of a newer run."
                )
        except StoreFailure as e:
            if not output:
                why = f"{_NO_DIRECTORY}, and the launch directory cannot be read: {e}."
    return [], why


def _in_folder(path: str, stores: ObjectStores) -> list[_Log]:
    """The files directly in a folder, newest first. Raises StoreFailure."""
    folder = folder_of(path)
    objects = stores.open(folder)
    entries = objects.level("", _ENTRIES_MAX).entries
    return [
        _Log(folder, objects, e)
        for e in sorted(entries, key=lambda e: (e.modified_ms, _text(e.key)), reverse=True)
    ]


def _beside(run: Run, launch: str, stores: ObjectStores) -> list[_Log]:
    """Its runner's logs below the folder where it was started, newest first. Raises StoreFailure."""
    folder, _, pattern = run.words.launch_log.rpartition("/")
    found = [
        log for log in _in_folder(os.path.join(launch, folder), stores) if fnmatchcase(log.entry.key, pattern)
    ][:_LOGS_MAX]
    if run.words.names_run:
        return [log for log in found if _names(log, run)]
    nearest = nearest_to_end([log.entry.modified_ms for log in found], run)
    return [] if nearest is None else [found[nearest]]


def nearest_to_end(modified_ms: Sequence[int], run: Run) -> int | None:
    """Pure. Which of these logs the run wrote, if they do not say so: the one that was written last nearest to its end.

    Of a live run it is the newest. None of those that were not written since it began.
    """
    began, ended = (
        to_ms(at) if at else None for at in (run.started_at or run.submitted_at, run.completed_at)
    )
    since = [
        (ms, n) for n, ms in enumerate(modified_ms) if isinstance(began, int) and ms >= began - _CLOCKS_MS
    ]
    if isinstance(ended, int):
        return min(((abs(ms - ended), n) for ms, n in since), default=(0, None))[1]
    return max(since, default=(0, None))[1]


def _names(log: _Log, run: Run) -> bool:
    """Whether the log says near its start that it is of this run."""
    try:
        head = log.objects.read(log.entry.key, 0, _HEAD_BYTES).data.decode("utf-8", "replace")
    except StoreFailure:
        return False  # it went meanwhile, or is no file that may be read
    return f"[{run.name}]" in head or bool(run.session_id and run.session_id in head and run.name in head)


def _log_file(log: _Log, run: Run, session: Sequence[Run]) -> LogFile:
    modified_ms = log.entry.modified_ms
    return LogFile(
        name=log.name,
        bytes=log.entry.size,
        modified_at=iso(modified_ms),
        cycle=cycle_of(log.name, modified_ms, session),
    )


def _chosen(logs: Sequence[_Log], name: str) -> _Log | None:
    """Raises Problem 404 for a name that none has."""
    if not name:
        return logs[0] if logs else None
    chosen = next((log for log in logs if log.name == name), None)
    if chosen is None:
        raise not_found("log of this run", name)
    return chosen


def _task_files(workdir: str | None, stores: ObjectStores, most: int) -> tuple[list[tuple[str, Tail]], str]:
    """Files that are not empty, and why there are none."""
    found: list[tuple[str, Tail]] = []
    if not workdir:
        return found, _NO_FILES
    try:
        folder = folder_of(workdir)
        objects = stores.open(folder)
        there = {e.key for e in objects.level("", _ENTRIES_MAX).entries if e.size}
        for name in (n for n in _TASK_FILES if n in there):
            found.append((name, read_tail(folder, objects, name, most)))
    except StoreFailure as e:
        return found, f"{_NO_FILES} {sentence(str(e))}"
    return found, _NO_FILES


def _failure(failure: StoreFailure) -> str:
    return f"{_FAILED.get(failure.failure, 'The log cannot be read')}: {failure}."


def _size(count: int) -> str:
    return f"{count / 2**20:.0f} MB" if count >= 2**20 else f"{count:,} bytes"


def _text(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
