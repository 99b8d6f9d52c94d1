"""What miniwdl says of a run, as native events. Pure: times are arguments (ms since 1970).

miniwdl calls a task's plugin once, whatever the number of its attempts, and not at all if its result is in the call cache:
attempts and cached results are told by its log.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .delivery import Event

_STATUS = re.compile(r"exit status (\d{1,5})")
_MOST_SCRIPT = 16_000
_MOST_REPORT = 20_000


@dataclass(frozen=True, slots=True)
class Start:
    """How a run begins. `source`: where its WDL lies; `folder`: below which its own folder was made."""

    name: str
    workflow: str
    source: str
    folder: str
    run_dir: str
    user: str
    version: str
    command_line: str
    params: Mapping[str, Any]


@dataclass
class WdlRun:
    """One execution of a workflow, or of a task alone. Each act gives the events that it makes.

    `key` of a task: the calls that lead to it, such as ("w", "call-t-0").
    """

    _identity: dict[str, Any] = field(default_factory=dict)
    _tasks: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    _counts: dict[str, Counter[str]] = field(default_factory=dict)
    _last_task: int = 0

    def begin(self, start: Start, now: int) -> list[Event]:
        # The same WDL below the same folder is one piece of work: running it again is its next cycle.
        parts = (start.user, start.source, start.folder)
        session = hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
        self._identity = {"start": now, "session_id": session, "name": start.name}
        workflow = {
            "name": start.name,
            "session_id": session,
            "started_at": now,
            "runner": {"name": "miniwdl", "version": start.version},
            "project_name": start.workflow,
            "script_name": start.source,
            "launch_dir": start.folder,
            "work_dir": start.run_dir,
            "output_dir": start.run_dir,
            "user_name": start.user,
            "command_line": start.command_line,
            "params": dict(start.params),
        }
        created = {"name": start.name, "session_id": session, "project_name": start.workflow}
        return [
            self._event("run.created", created),
            self._event("run.begun", {"instant": now, "workflow": workflow}),
        ]

    def set_up(self, key: tuple[str, ...], name: str, run_dir: str, now: int) -> list[Event]:
        """A task begins; it may yet be found in the cache, or wait for its turn."""
        return self._attempt(key, name, run_dir, 1, now)

    def started(
        self, key: tuple[str, ...], command: str, runtime: Mapping[str, Any], now: int
    ) -> list[Event]:
        """Its command and what it asked for are known: its container starts."""
        task = self._tasks.get(key)
        if task is None:
            return []
        task |= {"status": "running", "started_at": now, "script": command[:_MOST_SCRIPT]}
        for column, name in (("cpus", "cpu"), ("memory_bytes", "memory_reservation")):
            if isinstance(value := runtime.get(name), int | float) and value > 0:
                task[column] = value
        images = runtime.get("docker") or runtime.get("container")
        image = images[0] if isinstance(images, list) else images  # of several it takes the first
        if isinstance(image, str):
            task["container"] = image[:1000]
        return self._told(task, now)

    def retried(self, key: tuple[str, ...], why: str, now: int) -> list[Event]:
        """An attempt failed, and the next one begins at once. `why` names its exit code, if it had one."""
        task = self._tasks.get(key)
        if task is None:
            return []
        code = _STATUS.search(why)
        task["exit"] = int(code[1]) if code else None
        ended = self._end_of(task, "failed", now) | {"error_action": "RETRY"}
        self._count(task, "retries")
        again = self._attempt(key, task["process"], task["workdir"], task["attempt"] + 1, now)[0]
        fresh = self._tasks[key]
        fresh |= {k: task[k] for k in ("script", "cpus", "memory_bytes", "container") if k in task}
        fresh |= {"status": "running", "started_at": now}
        again["data"]["tasks"] = [dict(fresh)]
        return [*self._told(ended, now), again]

    def ended(self, key: tuple[str, ...], status: str, exit_code: int | None, now: int) -> list[Event]:
        """`status`: succeeded, failed, aborted or cached."""
        task = self._tasks.pop(key, None)
        if task is None:
            return []
        task["exit"] = exit_code
        return self._told(self._end_of(task, status, now), now)

    def heartbeat(self, now: int) -> Event:
        return self._event("run.heartbeat", {"instant": now, "progress": self._progress()})

    def end(self, state: str, exit_code: int, message: str, report: Sequence[str], now: int) -> list[Event]:
        if not self._identity:
            return []
        duration = max(0, now - self._identity["start"])
        data: dict[str, Any] = {"instant": now, "state": state, "completed_at": now, "duration_ms": duration}
        data |= {"exit_status": exit_code, "progress": self._progress()}
        data["processes"] = [{"process": name, **counts} for name, counts in self._counts.items()]
        if state != "succeeded":
            data |= {"error_message": message[:2000], "error_report": "\n\n".join(report)[:_MOST_REPORT]}
        return [self._event("run.completed", data)]

    def _attempt(self, key: tuple[str, ...], name: str, run_dir: str, attempt: int, now: int) -> list[Event]:
        self._last_task += 1
        tag = "/".join(part.removeprefix("call-") for part in key[1:]) or None
        task = {"task_id": self._last_task, "attempt": attempt, "status": "submitted", "submitted_at": now}
        task |= {"process": name, "name": f"{name} ({tag})" if tag else name, "tag": tag}
        task |= {"workdir": run_dir, "executor": "miniwdl"}
        self._tasks[key] = task
        return self._told(task, now)

    def _end_of(self, task: dict[str, Any], status: str, now: int) -> dict[str, Any]:
        task |= {"status": status, "completed_at": now, "duration_ms": max(0, now - task["submitted_at"])}
        if "started_at" in task:
            task["realtime_ms"] = max(0, now - task["started_at"])
        self._count(task, status)
        return task

    def _count(self, task: Mapping[str, Any], what: str) -> None:
        self._counts.setdefault(task["process"], Counter())[what] += 1

    def _progress(self) -> dict[str, int]:
        running = sum(task["status"] == "running" for task in self._tasks.values())
        totals = {
            what: sum(counts[what] for counts in self._counts.values())
            for what in ("succeeded", "failed", "cached", "aborted", "retries")
        }
        return {"submitted": len(self._tasks) - running, "running": running, **totals}

    def _event(self, kind: str, data: dict[str, Any]) -> Event:
        return {"type": kind, **self._identity, "data": data}

    def _told(self, task: Mapping[str, Any], now: int) -> list[Event]:
        return [
            self._event(
                "tasks.changed", {"instant": now, "progress": self._progress(), "tasks": [dict(task)]}
            )
        ]
