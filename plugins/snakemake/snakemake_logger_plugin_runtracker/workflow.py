"""What the log records of Snakemake say of a run, as native events. Pure but for the two readers that it is given.

Snakemake does not tell an attempt's number, an exit code or the workflow's end: they are inferred here, as each method says.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from .delivery import Event
from .redaction import redacted

Record = Mapping[str, Any]

_STATUS = re.compile(r"returned non-zero exit status (\d+)|died with <Signals\.\w+: (\d+)>")
_RESTART = re.compile(r"Trying to restart job (\d+)\.")
_MOST_SCRIPT = 16_000
_MOST_REPORT = 20_000
_MB = 10**6
_NOTHING_TO_DO = "Nothing to be done"
#: What Snakemake says when it is stopped: by Ctrl-C, which ends the jobs, and by SIGTERM, which waits for them.
_KILLED = "Terminating processes on user request"
_STOPPED = "Will exit after finishing currently running jobs"


@dataclass(slots=True)
class _Attempt:
    """One attempt at a job: its record, as it was told last, and where its figures and its log will be."""

    task: dict[str, Any]
    benchmark: str | None
    log: str | None


@dataclass
class WorkflowRun:
    """One execution of a workflow. `on` takes a record's attributes, and gives the events that it makes.

    `name`: of the run; '' for one that is made of the folder and Snakemake's own id. `benchmark_figures` and `end_of_log` read
    files.
    """

    benchmark_figures: Callable[[str], dict[str, Any]]
    end_of_log: Callable[[str], str]
    name: str = ""
    _identity: dict[str, Any] = field(default_factory=dict)
    _workflow: dict[str, Any] = field(default_factory=dict)
    _host: str = ""
    _attempts: dict[int, _Attempt] = field(default_factory=dict)
    _tries: Counter[int] = field(default_factory=Counter)
    _handed_over: dict[int, int] = field(default_factory=dict)
    _failed: dict[int, _Attempt] = field(default_factory=dict)
    _by_rule: dict[str, Counter[str]] = field(default_factory=dict)
    _last_task: int = 0
    _running: int = 0
    _done: int = 0
    _total: int | None = None
    _error: str = ""
    _errors: list[str] = field(default_factory=list)
    _killed: bool = False
    _stopped: bool = False

    @property
    def began(self) -> bool:
        return bool(self._identity)

    def on(self, record: Record) -> list[Event]:
        event = str(record.get("event") or "")
        now = round(record["created"] * 1000)
        if not event:
            return self._on_text(str(record.get("msg") or ""), now)
        handle = getattr(self, f"_on_{event}", None)
        if handle is None or not (self.began or event == "workflow_started"):
            return []
        events: list[Event] = handle(record, now)
        return events

    def heartbeat(self, now: int) -> Event:
        return self._event("run.heartbeat", {"instant": now, "progress": self._progress()})

    def end(self, now: int) -> list[Event]:
        """The run's end, when Snakemake closes its log. It succeeded if nothing is left to do, failed if an error is what was
        said last or a job failed for good, and else somebody stopped it."""
        if not self.began:
            return []
        failed = bool(self._failed or self._error)
        complete = self._total is not None and self._done >= self._total
        state = "failed" if failed else "succeeded" if complete else "cancelled"
        if self._killed or self._stopped:
            state = "cancelled"
        start = self._identity["start"]
        data = {"instant": now, "state": state, "completed_at": now, "duration_ms": max(0, now - start)}
        data |= {
            "exit_status": 0 if state == "succeeded" else 1,
            "progress": self._progress(),
            "processes": self._totals(),
        }
        if state != "succeeded":
            data |= self._what_went_wrong()
        return [self._event("run.completed", data)]

    # --- what Snakemake says -------------------------------------------------------------------

    def _on_workflow_started(self, record: Record, now: int) -> list[Event]:
        folder, script = str(record.get("cwd") or ""), str(record.get("snakefile_main") or "")
        user = str(record.get("user") or "")
        project = _project(script, folder)
        self._host = str(record.get("host") or "")
        # The same folder and Snakefile are one piece of work: running them again is its next cycle.
        session = hashlib.sha256("\0".join((user, folder, script)).encode("utf-8", "replace")).hexdigest()[
            :32
        ]
        name = self.name or f"{project or 'snakemake'}-{str(record.get('workflow_id') or now)[:8]}"
        self._identity = {"start": now, "session_id": session, "name": name}
        self._workflow = {
            "name": name,
            "session_id": session,
            "started_at": now,
            "runner": {"name": "snakemake", "version": str(record.get("snakemake_version") or "")},
            "project_name": project,
            "script_name": script,
            "launch_dir": folder,
            "work_dir": str(record.get("rundir") or folder),
            "user_name": user,
            "command_line": redacted(str(record.get("cmd") or "")),
        }
        return [
            self._event("run.created", {"name": name, "session_id": session, "project_name": project}),
            self._event("run.begun", {"instant": now, "workflow": self._workflow}),
        ]

    def _on_run_info(self, record: Record, now: int) -> list[Event]:
        stats = dict(record.get("stats") or {})
        self._total = int(stats.pop("total", 0))
        rules = [str(rule) for rule in stats]
        return [
            self._event("run.begun", {"instant": now, "workflow": self._workflow, "process_names": rules}),
            self.heartbeat(now),
        ]

    def _on_progress(self, record: Record, now: int) -> list[Event]:
        self._done, self._total = int(record["done"]), int(record["total"])  # checkpoints make the total grow
        return [self.heartbeat(now)]

    def _on_job_started(self, record: Record, now: int) -> list[Event]:
        """These jobs are handed to the executor; what they are is told next, of each. A group has a name, and no number."""
        self._error = ""
        self._handed_over |= {job: now for job in record.get("jobs") or () if isinstance(job, int)}
        return []

    def _on_job_info(self, record: Record, now: int) -> list[Event]:
        job = int(record["jobid"])
        if job in self._attempts:  # a group tells of its jobs once more
            return []
        self._tries[job] += 1
        self._last_task += 1
        submitted = self._handed_over.pop(job, now)
        task = _described(record) | {
            "task_id": self._last_task,
            "attempt": self._tries[job],
            "status": "submitted",
            "submitted_at": submitted,
        }
        if record.get("local"):  # of others nobody says when they begin
            task |= {
                "status": "running",
                "started_at": submitted,
                "executor": "local",
                "hostname": self._host,
            }
            self._running += 1
        self._attempts[job] = _Attempt(task, _path(record.get("benchmark")), _path(record.get("log")))
        return self._told(task, now)

    def _on_job_finished(self, record: Record, now: int) -> list[Event]:
        job = int(record["job_id"])
        attempt = self._ended(job)
        self._error = ""
        self._tries.pop(job, None)
        if attempt is None:
            return []
        task = attempt.task
        task |= {"status": "succeeded", "completed_at": now, "exit": 0}
        if attempt.benchmark:
            task |= self.benchmark_figures(attempt.benchmark)
        if "started_at" not in task and "realtime_ms" in task:
            task["started_at"] = max(task["submitted_at"], now - task["realtime_ms"])
        _time(task)
        self._count(task, "succeeded")
        return self._told(task, now)

    def _on_job_error(self, record: Record, now: int) -> list[Event]:
        job = int(record["jobid"])
        attempt = self._ended(job)
        if attempt is None:
            return []
        task = attempt.task
        task |= {"status": "aborted" if self._killed else "failed", "completed_at": now}
        task["exit"] = self._exit_code(record.get("shellcmd"))
        task["container"] = record.get("container_img") or None
        if external := (record.get("aux") or {}).get("external_jobid"):
            task["native_id"] = str(external)
        _time(task)
        self._failed[job] = attempt
        self._count(task, task["status"])
        return self._told(task, now)

    def _on_error(self, record: Record, now: int) -> list[Event]:
        self._error = str(record.get("msg") or record.get("exception") or "error")
        if len(self._errors) < 20:
            self._errors.append(self._error[:2000])
        return []

    def _on_text(self, text: str, now: int) -> list[Event]:
        """What is told by words alone."""
        if restart := _RESTART.fullmatch(text):
            return self._restarted(int(restart[1]), now)
        if text.startswith(_NOTHING_TO_DO):
            self._total = self._total or 0
        elif text.startswith(_KILLED):
            self._killed = True
        elif text.startswith(_STOPPED):
            self._stopped = True
        return []

    def _restarted(self, job: int, now: int) -> list[Event]:
        """The failure that was told of is made good by another attempt. The tracker takes this record by its later end."""
        self._error = ""
        attempt = self._failed.pop(job, None)
        if attempt is None:
            return []
        task = attempt.task
        task |= {"error_action": "RETRY", "completed_at": max(now, task["completed_at"] + 1)}
        self._count(task, "retries")
        return self._told(task, now)

    # --- what follows --------------------------------------------------------------------------

    def _ended(self, job: int) -> _Attempt | None:
        """The attempt at this job that was going on."""
        attempt = self._attempts.pop(job, None)
        if attempt and attempt.task["status"] == "running":
            self._running -= 1
        return attempt

    def _event(self, kind: str, data: dict[str, Any]) -> Event:
        return {"type": kind, **self._identity, "data": data}

    def _told(self, task: Mapping[str, Any], now: int) -> list[Event]:
        return [
            self._event(
                "tasks.changed", {"instant": now, "progress": self._progress(), "tasks": [dict(task)]}
            )
        ]

    def _exit_code(self, shellcmd: Any) -> int | None:
        """From the text of the error that came right before, if it is about this command; a signal as a shell has it."""
        if shellcmd and str(shellcmd).strip() not in self._error:
            return None
        status = _STATUS.search(self._error)
        if status is None:
            return None
        return int(status[1]) if status[1] else 128 + int(status[2])

    def _count(self, task: Mapping[str, Any], what: str) -> None:
        self._by_rule.setdefault(task["process"], Counter())[what] += 1

    def _sum(self, what: str) -> int:
        return sum(counts[what] for counts in self._by_rule.values())

    def _progress(self) -> dict[str, int]:
        waiting = (self._total or 0) - self._done - len(self._attempts) - len(self._failed)
        return {
            "pending": max(0, waiting),
            "submitted": len(self._attempts) - self._running,
            "running": self._running,
            **{what: self._sum(what) for what in ("succeeded", "failed", "aborted", "retries")},
        }

    def _totals(self) -> list[dict[str, Any]]:
        return [{"process": rule, **counts} for rule, counts in self._by_rule.items()]

    def _what_went_wrong(self) -> dict[str, str]:
        """The first job that failed for good, else the last error; and all errors, with the end of that job's log."""
        first = next(iter(self._failed.values()), None)
        if first is None:
            message = self._error.removeprefix("WorkflowError:\n")
        else:
            code = first.task.get("exit")
            message = f"Error in rule {first.task['name']}" + (
                f": exit status {code}" if code is not None else ""
            )
        parts = list(dict.fromkeys(self._errors))
        if first and first.log and (end := self.end_of_log(first.log)):
            parts.append(f"The end of {first.log}:\n{end}")
        return {"error_message": message[:2000], "error_report": "\n\n".join(parts)[:_MOST_REPORT]}


def _time(task: dict[str, Any]) -> None:
    """How long it took by the log, where no benchmark has measured it."""
    task["duration_ms"] = max(0, task["completed_at"] - task["submitted_at"])
    if "started_at" in task:
        task.setdefault("realtime_ms", max(0, task["completed_at"] - task["started_at"]))


def _described(record: Record) -> dict[str, Any]:
    """What a job is, in the tracker's words."""
    rule = str(record.get("rule_name") or "")
    tag = ",".join(f"{k}={v}" for k, v in _items(record.get("wildcards")))
    resources = dict(_items(record.get("resources")))
    task: dict[str, Any] = {"process": rule, "name": f"{rule} ({tag})" if tag else rule, "tag": tag or None}
    task["cpus"] = record.get("threads")
    if script := record.get("shellcmd"):
        task["script"] = str(script)[:_MOST_SCRIPT]
    for resource, column, factor in (
        ("mem_mb", "memory_bytes", _MB),
        ("disk_mb", "disk_bytes", _MB),
        ("runtime", "time_limit_ms", 60_000),
        ("gpu", "accelerators", 1),
    ):
        if isinstance(value := resources.get(resource), int | float) and value > 0:
            task[column] = round(value * factor)
    return task


def _items(named: Any) -> list[tuple[str, Any]]:
    """Of Snakemake's named lists, and of dicts."""
    if not hasattr(named, "items"):
        return []
    return [(str(k), v) for k, v in named.items()]


def _path(path: Any) -> str | None:
    """A path, or the first of several."""
    if isinstance(path, str) or not path:
        return path or None
    return str(path[0])


def _project(script: str, folder: str) -> str:
    """What the workflow is called: the folder of its Snakefile, that of the repository where it lies in `workflow/`."""
    parent = PurePath(script).parent if script else PurePath(folder)
    if parent.name == "workflow" and parent.parent.name:
        parent = parent.parent
    return parent.name
