"""Delivers a run's events to the tracker from a thread of its own, so that whoever reports one never waits.

Standard library only. One file for all plugins: each has a link to it, and its wheel a copy.
"""

import json
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

#: An event of `POST /v1/events`, as docs/events.md has it.
Event = dict[str, Any]

#: Tasks that wait to be delivered at most, events beside them, and tasks of one request.
MOST_TASKS = 50_000
MOST_EVENTS = 1000
BATCH_TASKS = 200
BATCH_EVENTS = 100

#: Changes are gathered for so long, so that a burst of them costs one request.
_GATHER_SECONDS = 1.0
HEARTBEAT_SECONDS = 60.0
_REQUEST_SECONDS = 10.0
_LONGEST_PAUSE_SECONDS = 30.0
#: Answers below 500 after which the same request may be taken later, and those that are about this request alone.
_NOT_YET = frozenset({408, 425, 429})
_ABOUT_THIS_ONE = frozenset({400, 413, 422})


class Outbox:
    """What is still to be delivered: the run's events in their order, and of each task its newest snapshot. For several threads.

    It is bounded: of more tasks than `MOST_TASKS` that wait at once, and of events likewise, the newest are dropped and counted.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self.changed = threading.Condition()
        self._events: list[Event] = []
        self._tasks: dict[int, Any] = {}
        self._of_tasks: Event = {}
        self._last: Event | None = None

    def __len__(self) -> int:
        with self.changed:
            return len(self._events) + len(self._tasks) + (self._last is not None)

    def put(self, event: Event) -> None:
        """Never waits for the network. The run's end is taken out after everything else."""
        with self.changed:
            if event["type"] == "tasks.changed":
                self._of_tasks = event
                for task in event["data"]["tasks"]:
                    if task["task_id"] in self._tasks or len(self._tasks) < MOST_TASKS:
                        self._tasks[task["task_id"]] = task
                    else:
                        self.dropped += 1
            elif event["type"] == "run.completed":
                self._last = event
            elif len(self._events) < MOST_EVENTS:
                self._events.append(event)
            else:
                self.dropped += 1
            self.changed.notify_all()

    def take(self) -> list[Event]:
        """The events of the next request; [] if there is nothing to deliver."""
        with self.changed:
            batch, self._events = self._events[:BATCH_EVENTS], self._events[BATCH_EVENTS:]
            tasks = [self._tasks.pop(i) for i in list(self._tasks)[:BATCH_TASKS]]
            if tasks:
                data = self._of_tasks["data"] | {"tasks": tasks}
                batch.append(self._of_tasks | {"data": data})
            if self._last and not self._events and not self._tasks:
                batch.append(self._last)
                self._last = None
            return batch


class _NoRedirect(HTTPRedirectHandler):
    """A POST that is redirected arrives as a GET, with an answer of 200: nothing would be delivered, and nobody would know."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Sender:
    """Posts what the outbox holds to `url`/v1/events until `close`; `heartbeat` makes the event that says that the run lives.

    The thread begins with the first `put`. What the tracker cannot take now is sent again, with pauses of up to 30 s. A request
    that it refuses is dropped; once it refuses all, as by a wrong token, nothing more is sent. `problem` says why. Nothing
    raises.
    """

    def __init__(self, url: str, token: str, heartbeat: Callable[[], Event]) -> None:
        self.problem = ""
        self.outbox = Outbox()
        self._url = url.rstrip("/") + "/v1/events"
        self._token = token
        self._heartbeat = heartbeat
        self._opener = build_opener(_NoRedirect)
        self._thread: threading.Thread | None = None
        self._deadline: float | None = None
        self._undelivered = 0
        self._given_up = False

    def put(self, event: Event) -> None:
        if self._given_up:
            self._undelivered += _size([event])
            return
        self.outbox.put(event)
        if self._thread is None:
            self._thread = threading.Thread(target=self._deliver, name="runtracker", daemon=True)
            self._thread.start()

    def close(self, seconds: float) -> int:
        """Waits at most so long for the delivery of what is left; how many events and tasks were not delivered in all."""
        with self.outbox.changed:
            self._deadline = time.monotonic() + seconds
            self.outbox.changed.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)
        return self._undelivered + self.outbox.dropped + len(self.outbox)

    def _deliver(self) -> None:
        """Until it is closed, and then until the outbox is empty or the time is over."""
        heard = time.monotonic()
        while not self._is_over():
            self._wait(lambda: bool(len(self.outbox)), heard + HEARTBEAT_SECONDS - time.monotonic())
            if not len(self.outbox):
                if self._deadline is not None:
                    return
                self.outbox.put(self._heartbeat())
            elif self._deadline is None:
                self._wait(lambda: False, _GATHER_SECONDS)
            batch = self.outbox.take()
            self._undelivered += _size(batch)
            if self._post_until_taken(batch):
                self._undelivered -= _size(batch)
            if self._given_up:
                return
            heard = time.monotonic()

    def _post_until_taken(self, batch: list[Event]) -> bool:
        """Whether the tracker has taken the batch; False too once the time is over."""
        body = json.dumps({"events": batch}, default=str).encode()
        pause = 1.0
        while True:
            try:
                self._post(body)
                self.problem = ""
                return True
            except HTTPError as e:
                with e:
                    self.problem = f"it answered {e.code} {e.read(300).decode('utf-8', 'replace')}".strip()
                if e.code < 500 and e.code not in _NOT_YET:
                    self._given_up = e.code not in _ABOUT_THIS_ONE
                    return False
                pause = max(pause, _seconds(e.headers.get("Retry-After")))
            except (OSError, ValueError, HTTPException) as e:
                self.problem = f"it does not answer: {getattr(e, 'reason', e)}"
            self._wait(lambda: False, min(pause, _LONGEST_PAUSE_SECONDS))
            if self._is_over():
                return False
            pause *= 2

    def _post(self, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        left = _REQUEST_SECONDS if self._deadline is None else self._deadline - time.monotonic()
        request = Request(self._url, body, headers, method="POST")
        with self._opener.open(request, timeout=max(0.1, min(left, _REQUEST_SECONDS))) as answer:
            answer.read(2**20)

    def _wait(self, until: Callable[[], bool], seconds: float) -> None:
        """Until `until` says so, the time is over, or `close` begins."""
        closing = self._deadline is not None
        if closing:
            seconds = min(seconds, max(0.0, self._deadline - time.monotonic()), 0.5)  # type: ignore[operator]
        with self.outbox.changed:
            self.outbox.changed.wait_for(
                lambda: until() or (self._deadline is not None) != closing, max(0.0, seconds)
            )

    def _is_over(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline


def _size(batch: list[Event]) -> int:
    return sum(len(e["data"].get("tasks", ())) or 1 for e in batch)


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdigit() else 0.0
