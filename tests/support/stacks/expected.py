"""What a run must show, from a trace of the Tower dialect: the runner's own totals, and a peak that is counted here."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.support.stacks.runner import Request, name_of, verb

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")
_LATER = {"NEW": 0, "SUBMITTED": 1, "RUNNING": 2}
_SHOWN = {
    "NEW": "pending",
    "SUBMITTED": "submitted",
    "RUNNING": "running",
    "COMPLETED": "succeeded",
    "CACHED": "cached",
    "ABORTED": "aborted",
    "FAILED": "failed",
}
_OPEN = ("SUBMITTED", "RUNNING")
_PARTS = ("pending", "submitted", "running", "succeeded", "failed", "aborted", "cached")


@dataclass(frozen=True)
class Expected:
    """The run as the API must show it."""

    name: str
    session_id: str
    status: str
    error: str | None
    duration_ms: int
    started_at: str
    completed_at: str | None
    tasks: dict[str, int]
    processes: dict[str, dict[str, int]]
    shown: dict[int, str]
    peak: int


def expect(requests: Sequence[Request]) -> Expected:
    """For requests in the order in which the runner sent them."""
    bodies = {verb(r): r["body"] for r in requests}
    begin, end = bodies["begin"]["workflow"], bodies.get("complete", {}).get("workflow")
    last = [r["body"]["progress"] for r in requests if r["body"].get("progress")][-1]
    records = _latest(requests)
    newest = max(r["body"]["instant"] for r in requests)
    told: Mapping[str, Any] = end or begin
    return Expected(
        name=name_of(requests),
        session_id=told["sessionId"],
        status=_status(end),
        error=None if not end or end["success"] else end["errorMessage"],
        duration_ms=end["duration"] if end else newest - ms(begin["start"]),
        started_at=_iso(begin["start"]),
        completed_at=_iso(end["complete"]) if end else None,
        tasks=_counts(last, end is not None) | {"retried": _retried(records)},
        processes={
            p["name"]: _counts(p, end is not None, total=False) | {"retried": _retried(records, p["name"])}
            for p in last["processes"]
        },
        shown={task_id: _task_status(t["status"], end) for task_id, t in records.items()},
        peak=_peak(list(records.values()), end),
    )


def without_cached(e: Expected) -> Expected:
    """The same run as weblog tells it: it says nothing of cached tasks, nor of processes that have no other."""
    tasks = e.tasks | {"cached": 0, "total": e.tasks["total"] - e.tasks["cached"]}
    processes = {name: counts | {"cached": 0} for name, counts in e.processes.items()}
    return Expected(
        **{
            **vars(e),
            "tasks": tasks,
            "processes": {name: counts for name, counts in processes.items() if any(counts.values())},
            "shown": {
                task: status for task, status in e.shown.items() if status not in ("cached", "pending")
            },
        }
    )


def ms(time: str) -> int:
    """ms since 1970, the nearest."""
    return round((datetime.fromisoformat(time) - _EPOCH) / timedelta(milliseconds=1))


def _iso(time: str) -> str:
    at = _EPOCH + timedelta(milliseconds=ms(time))
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _status(end: Mapping[str, Any] | None) -> str:
    if end is None:
        return "running"
    if end["success"]:
        return "succeeded"
    return "cancelled" if end["errorMessage"] in ("SIGINT", "SIGTERM", "SIGHUP") else "failed"


def _latest(requests: Sequence[Request]) -> dict[int, dict[str, Any]]:
    """The last record of each task among those that are furthest: Nextflow itself sends some that step back."""
    latest: dict[int, dict[str, Any]] = {}
    for request in requests:
        for task in request["body"].get("tasks") or ():
            old = latest.get(task["taskId"], task)
            if _LATER.get(task["status"], 3) >= _LATER.get(old["status"], 3):
                latest[task["taskId"]] = task
    return latest


def _counts(progress: Mapping[str, int], ended: bool, total: bool = True) -> dict[str, int]:
    """The runner's totals as ours: its `failed` includes the attempts that were retried. After the end nothing is open."""
    counts = {name: progress[name] for name in (*_PARTS, "ignored")}
    counts["failed"] -= progress["retries"]
    if ended:
        assert counts["submitted"] == counts["running"] == 0
        counts["pending"] = 0
    if total:
        counts["total"] = sum(counts[name] for name in _PARTS)
    return counts


def _retried(records: Mapping[int, Mapping[str, Any]], process: str | None = None) -> int:
    mine = [t for t in records.values() if process is None or t["process"] == process]
    return sum(t["attempt"] == 2 and t["status"] != "CACHED" for t in mine)


def _task_status(status: str, end: Mapping[str, Any] | None) -> str:
    if end and status in _OPEN:
        return "succeeded" if end["success"] else "aborted"
    return _SHOWN[status]


def _peak(records: Sequence[Mapping[str, Any]], end: Mapping[str, Any] | None) -> int:
    """Most at once over [start, complete): at each start, those that have started less those that have ended."""
    spans = []
    for t in records:
        if t["status"] == "CACHED" or not t.get("start"):
            continue
        start = ms(t["start"])
        until = t.get("complete") or (end or {}).get("complete")
        stop = ms(until) if until else 2**62
        if stop > start:
            spans.append((start, stop))
    starts, stops = sorted(s for s, _ in spans), sorted(s for _, s in spans)
    return max((bisect_right(starts, s) - bisect_right(stops, s) for s in starts), default=0)
