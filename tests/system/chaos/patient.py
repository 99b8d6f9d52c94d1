"""Runners that retry as Nextflow does, and a client's own books of what was accepted, resent, dropped and refused."""

import http.client
import itertools
import json
import random
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.support.stacks import load

TASKS_A_REQUEST = 20
REQUESTS_A_RUN = 10
#: Requests of one run: create, begin, twice as many progress as there are portions of tasks, complete.
SAID_A_RUN = 3 + 2 * REQUESTS_A_RUN


@dataclass(frozen=True)
class Manners:
    """How a version of Nextflow meets an answer that is not 2xx (times in seconds)."""

    name: str
    tries: int
    first_wait: float
    growth: float
    longest_wait: float
    retried: frozenset[int]
    #: Without more tries: 25.04 loses the request and goes on, 26.04 kills the run.
    aborts: bool

    def wait(self, attempt: int, told: float | None) -> float:
        """Before try number `attempt` + 1; `told` is the Retry-After of the answer, which 26.04 honours."""
        own = min(self.longest_wait, self.first_wait * self.growth**attempt)
        return own if told is None or not self.aborts else max(own, told)


NEXTFLOW_25_04 = Manners("25.04", 6, 0.75, 3, 60.75, frozenset(range(500, 600)), aborts=False)
NEXTFLOW_26_04 = Manners("26.04", 10, 0.35, 2, 90, frozenset((429, 500, 502, 503, 504)), aborts=True)

#: A load that is soon there again, where what is tested is not the runner's patience.
STUBBORN = Manners("stubborn", 100, 0.2, 1.5, 2, NEXTFLOW_26_04.retried, aborts=True)


@dataclass
class Books:
    """What the runners know. `accepted` are requests, each counted once however often it was sent."""

    accepted: int = 0
    tasks: int = 0
    resent: int = 0
    lost: list[str] = field(default_factory=list)  # given up, as a real runner would
    answers: Counter[str] = field(default_factory=Counter)  # of all tries, by status or error
    slowest: float = 0  # s until a 2xx, of one try
    runs: dict[str, Counter[str]] = field(default_factory=dict)
    silence: dict[str, float] = field(default_factory=dict)  # run → longest time without a 2xx, s
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tried(self, answer: str, seconds: float, again: bool) -> None:
        with self._lock:
            self.answers[answer] += 1
            self.resent += again
            if answer == "200":
                self.slowest = max(self.slowest, seconds)

    def request(self) -> None:
        with self._lock:
            self.accepted += 1

    def heard(self, run_id: str, seconds: float) -> None:
        with self._lock:
            self.silence[run_id] = max(seconds, self.silence.get(run_id, 0))

    def gave_up(self, what: str) -> None:
        with self._lock:
            self.lost.append(what)

    def ended(self, run_id: str, counts: Counter[str]) -> None:
        with self._lock:
            self.runs[run_id] = counts
            self.tasks += sum(counts.values())


class Aborted(Exception):
    """A runner of 26.04 got no 2xx: its pipeline is dead."""


class Patient:
    """One runner, in one thread. Each try goes to the next address, as through a load balancer.

    With `drops` it now and then closes the connection without waiting for the answer, and sends again.
    """

    def __init__(
        self,
        bases: Sequence[str],
        manners: Manners,
        books: Books,
        chance: random.Random,
        drops: float,
        timeout: float,
    ) -> None:
        self._addresses = itertools.cycle(urllib.parse.urlsplit(base).netloc for base in bases)
        self._manners, self._books, self._chance = manners, books, chance
        self._drops, self._timeout = drops, timeout
        self._told = itertools.count(load.INSTANT)

    def play(self, name: str, seconds: float) -> None:
        """One whole run that takes about so many seconds when nothing is in its way."""
        pause = threading.Event()
        heard = time.monotonic()

        def say(verb: str, run_id: str, body: dict[str, Any]) -> Any:
            nonlocal heard
            answer = self._say(verb, run_id, json.dumps(body | {"instant": next(self._told)}).encode())
            before, heard = heard, time.monotonic()
            if run_id:
                self._books.heard(run_id, heard - before)
            pause.wait(seconds / SAID_A_RUN)  # the pace of the load
            return answer

        try:
            run_id = load.begin(say, name)
            self._books.ended(run_id, load.work(say, run_id, REQUESTS_A_RUN))
        except Aborted as e:
            self._books.gave_up(f"{name}: {e}")

    def _say(self, verb: str, run_id: str, body: bytes) -> Any:
        path = f"/trace/{run_id}/{verb}" if run_id else f"/trace/{verb}"
        answer = "never tried"
        for attempt in range(self._manners.tries):
            began = time.monotonic()
            status, told, raw = self._try(path, body)
            answer = str(status) if isinstance(status, int) else status
            self._books.tried(answer, time.monotonic() - began, again=attempt > 0)
            if status == 200:
                self._books.request()
                return json.loads(raw)
            if isinstance(status, int) and status not in self._manners.retried:
                break
            time.sleep(self._manners.wait(attempt, told))  # the waiting is what is played here
        if self._manners.aborts or verb in ("create", "begin"):
            raise Aborted(f"{verb}: {answer}")
        self._books.gave_up(f"{run_id} {verb}: {answer}")
        return {}

    def _try(self, path: str, body: bytes) -> tuple[int | str, float | None, bytes]:
        """(status or kind of error, Retry-After, body) of one try on a connection of its own."""
        connection = http.client.HTTPConnection(next(self._addresses), timeout=self._timeout)
        try:
            headers = {"Content-Type": "application/json", "Authorization": "Bearer any"}
            connection.request("POST" if path.endswith("create") else "PUT", path, body, headers)
            if self._chance.random() < self._drops:
                return "connection dropped", None, b""
            response = connection.getresponse()
            told = response.getheader("Retry-After")
            return response.status, float(told) if told else None, response.read()
        except (OSError, http.client.HTTPException) as e:
            return type(e).__name__, None, b""
        finally:
            with suppress(OSError):
                connection.close()
