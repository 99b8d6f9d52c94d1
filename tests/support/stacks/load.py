"""Runners under load, in threads, and what they know: the client's own books."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.support.stacks.client import Client

#: Sends a request (verb, run id, body) and gives its answer.
Say = Callable[[str, str, dict[str, Any]], Any]

INSTANT = 1_795_546_905_000
_TASKS = 20  # of one request
_REQUESTS = 8  # of one run, without create, begin and complete
_FINAL = ("COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "ABORTED", "CACHED")
_SHOWN = {"COMPLETED": "succeeded", "FAILED": "failed", "ABORTED": "aborted", "CACHED": "cached"}


@dataclass
class Books:
    """What was accepted: how many requests, and of each run that has ended its counts."""

    requests: int = 0
    runs: dict[str, Counter[str]] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def request(self) -> None:
        with self._lock:
            self.requests += 1

    def ended(self, run_id: str, counts: Counter[str]) -> None:
        with self._lock:
            self.runs[run_id] = counts


@contextmanager
def running(bases: Sequence[str], threads: int, seconds_between: float) -> Iterator[Books]:
    """Runs follow each other in each thread while the block runs; those that are under way then are brought to their end."""
    books, stop = Books(), threading.Event()
    with ThreadPoolExecutor(threads) as pool:
        players = [
            pool.submit(_play, bases, f"load-{n}", books, stop, seconds_between) for n in range(threads)
        ]
        try:
            yield books
        finally:
            stop.set()
    for done in players:
        done.result()


def _play(bases: Sequence[str], name: str, books: Books, stop: threading.Event, pause: float) -> None:
    told = count()
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(base)) for base in bases]

        def say(verb: str, run_id: str, body: dict[str, Any]) -> Any:
            path = f"/trace/{run_id}/{verb}" if run_id else f"/trace/{verb}"
            n = next(told)
            answer = clients[n % len(clients)].request("PUT", path, body | {"instant": INSTANT + n})
            assert answer.status == 200, answer
            books.request()
            stop.wait(pause)  # the pace of the load
            return answer.json

        books.silent.append(begin(say, f"{name}-silent"))
        for n in count():
            run_id = begin(say, f"{name}-{n}")
            books.ended(run_id, work(say, run_id))
            if stop.is_set():
                return


def begin(say: Say, run: str) -> str:
    """Create a run of this name and begin it; its id."""
    run_id: str = say("create", "", {"runName": run, "sessionId": run})["workflowId"]
    say("begin", run_id, {"workflow": {"runName": run, "start": "2026-11-24T18:00:00Z"}})
    return run_id


def work(say: Say, run_id: str, requests: int = _REQUESTS) -> Counter[str]:
    """All tasks of a run, 20 a request, each told as running and as over, and its end; what must be counted then."""
    counts = Counter[str]()
    for r in range(requests):
        tasks = [_task(r * _TASKS + t) for t in range(_TASKS)]
        say("progress", run_id, {"tasks": [t | {"status": "RUNNING", "complete": None} for t in tasks]})
        say("progress", run_id, {"tasks": tasks})
        counts.update(_SHOWN[t["status"]] for t in tasks)
    say("complete", run_id, {"workflow": {"success": True, "duration": 1000}})
    return counts


def _task(n: int) -> dict[str, Any]:
    process = f"P{n % 3}"
    return {
        "taskId": n + 1,
        "name": f"{process} ({n})",
        "process": process,
        "attempt": 1,
        "status": _FINAL[n % len(_FINAL)],
        "submit": "2026-11-24T18:00:01Z",
        "start": "2026-11-24T18:00:02Z",
        "complete": f"2026-11-24T18:00:{3 + n % 50:02d}Z",
    }
