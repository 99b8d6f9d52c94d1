"""Faults at random: kills, pauses and outages, each healed after a while. The seed fixes which and how long."""

import math
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from tests.support.stacks.stack import EmbeddedStack, ScaledStack, Service

#: A projector that is silent for so long is no member of its group any more (broker_session_timeout).
SESSION_SECONDS = 10.0


@dataclass(frozen=True)
class Fault:
    """Something bad that lasts between `shortest` and `longest` seconds."""

    kind: str
    strike: Callable[[], object]
    heal: Callable[[], object]
    longest: float
    shortest: float = 0


class _Part(Protocol):
    def kill(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


def process_faults(services: Sequence[Service], longest: float) -> list[Fault]:
    """Each process of the tracker: killed and started again, or stopped and continued."""
    found = []
    for service in services:
        stage = service.name.partition("-")[0]
        found.append(Fault(f"kill -9 {stage}", service.kill, service.begin, longest / 4))
        found.append(Fault(f"SIGSTOP {stage}", service.pause, service.resume, longest))
    return found


def outages(name: str, part: _Part, start: Callable[[], object], longest: float) -> list[Fault]:
    """A service that the tracker depends on: restarted after kill -9, away for long, or hanging."""
    return [
        Fault(f"kill -9 {name}", part.kill, start, 1),
        Fault(f"{name} away", part.kill, start, longest),
        Fault(f"SIGSTOP {name}", part.pause, part.resume, longest / 2),
    ]


def restart_during_rejoin(stack: ScaledStack) -> Fault:
    """Both projectors are stopped until their sessions are over, and join again while the broker restarts."""

    def pause() -> None:
        for worker in stack.projectors:
            worker.pause()

    def rejoin() -> None:
        for worker in stack.projectors:
            worker.resume()
        stack.broker.restart()

    return Fault(
        "Kafka restarts while projectors rejoin", pause, rejoin, SESSION_SECONDS + 2, SESSION_SECONDS
    )


def faults_of(stack: ScaledStack | EmbeddedStack, longest: float) -> list[list[Fault]]:
    """Groups of faults; those of two groups overlap, those of one do not."""
    if isinstance(stack, EmbeddedStack):
        return [[Fault("kill -9 up", stack.up.kill, stack.up.start, longest / 4)]]
    parts = [
        *outages("Kafka", stack.broker, stack.broker.start, longest),
        *outages("ClickHouse", stack.server, stack.server.start, longest),
    ]
    return [[*process_faults(stack.services, longest), restart_during_rejoin(stack)], parts]


@dataclass
class Monkey:
    """Strikes in a thread while the block runs, at most `most` times: every fault, then again in another order."""

    faults: Sequence[Fault]
    services: Sequence[Service]  # started again when they end by themselves, as an orchestrator does
    chance: random.Random
    pause: float  # longest time between two faults, s; the shortest is half of it
    most: float = math.inf
    done: Counter[str] = field(default_factory=Counter)
    exits: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _error: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="monkey")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Heal what is broken. Raises what went wrong while it struck."""
        self._stop.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            for fault in self._choices():
                if self._stop.is_set() or self.done.total() >= self.most:
                    break
                self._strike(fault)
                self._stop.wait(self.chance.uniform(self.pause / 2, self.pause))
            self._stop.wait()
            self._tend()
        except BaseException as error:
            self._error = error

    def _choices(self) -> Iterator[Fault]:
        while True:
            yield from self.chance.sample(self.faults, len(self.faults))

    def _strike(self, fault: Fault) -> None:
        self._tend()
        fault.strike()
        try:
            self._stop.wait(self.chance.uniform(fault.shortest, fault.longest))
        finally:
            fault.heal()
        self.done[fault.kind] += 1

    def _tend(self) -> None:
        for service in self.services:
            if (code := service.ended()) is not None:
                self.exits.append(f"{service.name} ended by itself with {code}:\n{service.last_lines()}")
                service.begin()
