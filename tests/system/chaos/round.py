"""One round: load, faults, and what must be true after them."""

import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count

from tests.support.progress import Patience
from tests.support.stacks.client import Reader, imbalance, until
from tests.support.stacks.stack import EmbeddedStack, ScaledStack
from tests.system.chaos.monkey import Fault, Monkey, faults_of
from tests.system.chaos.patient import NEXTFLOW_26_04, Books, Manners, Patient

_CALM_SECONDS = 240  # for all that is spooled and behind to be projected
_COMMAND_SECONDS = 1800  # a replay sweeps every round again: about as many as the round lasted seconds
_MARGIN = 3.0  # between the client's clock and the log's: what is spooled is appended a moment later


@dataclass(frozen=True)
class Plan:
    """How much and how long (seconds)."""

    seed: int
    seconds: float
    runs: int
    at_once: int
    longest_fault: float
    pause: float
    strikes: float = (
        math.inf
    )  # so many faults of each group, then no more; the load goes on until they are over
    disconnected_after: float = 20  # what the stack's setting says
    drops: float = 0.01  # share of connections that the client closes before the answer
    manners: tuple[Manners, ...] = (NEXTFLOW_26_04,)  # the runners take turns


@dataclass
class Outcome:
    """What happened. `wrong` is empty when every promise was kept."""

    books: Books
    faults: Counter[str] = field(default_factory=Counter)
    exits: list[str] = field(default_factory=list)
    seconds: float = 0
    calm: float = 0  # s from the last fault to balanced books
    wrong: list[str] = field(default_factory=list)


def play(
    stack: ScaledStack | EmbeddedStack, plan: Plan, groups: Sequence[Sequence[Fault]] | None = None
) -> Outcome:
    """Run the load through the faults, wait until all is projected, and compare. The stack is running, and then stopped.

    `groups`: the faults, by default all that are known of the stack; those of two groups overlap.
    """
    outcome = Outcome(Books())
    began = time.monotonic()
    with ExitStack() as block:
        monkeys = [
            block.enter_context(
                Monkey(
                    faults,
                    stack.services if n == 0 else [],
                    random.Random(plan.seed + n),
                    plan.pause,
                    plan.strikes,
                )
            )
            for n, faults in enumerate(groups or faults_of(stack, plan.longest_fault))
        ]
        _load(stack, plan, outcome.books, began, monkeys)
    outcome.seconds = time.monotonic() - began
    for monkey in monkeys:
        outcome.faults += monkey.done
        outcome.exits += monkey.exits
    for service in stack.services:
        service.wait_ready()
    with Reader(stack.api_url) as reader:
        until("the books balance", lambda: imbalance(reader), _CALM_SECONDS)
        # What is projected is counted in the run's figures a moment later.
        outcome.wrong += settled(lambda: list(differences(reader, outcome.books, plan.disconnected_after)))
        outcome.calm = time.monotonic() - began - outcome.seconds
    outcome.wrong += [
        f"{s.name} ended by itself with {code}, without a fault:\n{s.last_lines()}"
        for s in stack.services
        if (code := s.ended()) is not None
    ]
    outcome.wrong += [
        f"{s.name} ended with {code}:\n{s.last_lines()}"
        for s in stack.services
        if s.alive() and (code := s.stop()) != 0
    ]
    outcome.wrong += _compared(stack, "verify", "figures, tables and log agree")
    # A projector that was killed is a member of its group until its session times out, and replay refuses so long.
    outcome.wrong += settled(lambda: _compared(stack, "replay", "the rebuilt tables are identical"))
    return outcome


def settled(wrong: Callable[[], list[str]], seconds: float = 30) -> list[str]:
    """What is still wrong after so many seconds, asked again and again."""
    patience = Patience(seconds)
    while (found := wrong()) and patience.left():
        time.sleep(0.5)
    return found


def _compared(stack: ScaledStack | EmbeddedStack, command: str, said: str) -> list[str]:
    code, output = stack.command(command, seconds=_COMMAND_SECONDS)
    if code == 0 and output.strip().endswith(said):
        return []
    return [f"tracker {command} ended with {code}: {output[-2000:]}"]


def _load(
    stack: ScaledStack | EmbeddedStack, plan: Plan, books: Books, began: float, monkeys: list[Monkey]
) -> None:
    numbers, lock = count(), threading.Lock()
    a_run = plan.seconds * plan.at_once / plan.runs

    def enough(started: int) -> bool:
        struck = plan.strikes == math.inf or all(monkey.done.total() >= plan.strikes for monkey in monkeys)
        return started >= plan.runs and time.monotonic() - began >= plan.seconds and struck

    def runner(thread: int) -> None:
        patient = Patient(
            stack.ingest_urls,
            plan.manners[thread % len(plan.manners)],
            books,
            random.Random(plan.seed * 1000 + thread),
            plan.drops,
            timeout=5,
        )
        while True:
            with lock:
                n = next(numbers)
            if enough(n):
                return
            patient.play(f"chaos-{n}", a_run)

    with ThreadPoolExecutor(plan.at_once) as pool:
        for done in [pool.submit(runner, n) for n in range(plan.at_once)]:
            done.result()


def differences(reader: Reader, books: Books, disconnected_after: float) -> Iterator[str]:
    """Where the tracker's books and runs are unlike the client's."""
    yield from (f"given up by the runner: {what}" for what in books.lost)
    ours = reader.books()
    if (got := ours["on_log"] - ours["repeats"]) != books.accepted:
        yield f"{got} different requests are on the log, {books.accepted} were accepted ({ours})"
    if ours["dead_lettered"]:
        yield f"dead letters: {reader.dead_letters()[:3]}"
    runs = {run["id"]: run for run in reader.paged("/runs", "runs")}
    for stranger in runs.keys() - books.runs.keys():
        yield f"{stranger} is shown, but was never told: {runs[stranger]['name']}"
    for run_id, counts in books.runs.items():
        run = runs.get(run_id)
        shown = {k: v for k, v in (run or {"tasks": {}})["tasks"].items() if v and k != "total"}
        if run is None or (run["status"], shown) != ("succeeded", dict(counts)):
            yield f"{run_id}: {run and run['status']} {shown}, not succeeded {dict(counts)}"
        elif books.silence[run_id] < disconnected_after - _MARGIN and "disconnected" in _told(reader, run_id):
            yield f"{run_id} was called disconnected, but never silent for more than {books.silence[run_id]:.1f} s"


def _told(reader: Reader, run_id: str) -> set[str]:
    """Every status that the run was given."""
    return {t["to"] for t in reader.get(f"/runs/{run_id}/transitions")["transitions"]}
