"""Memory of every process over a million task events of 5,000 runs, and over outages: python -m bench.memory [--away Kafka]

Scaled: two ingest, two projectors, an api, a real Kafka and ClickHouse. First the million as fast as it goes; then ClickHouse
is away, and then Kafka, at five times the load of 20 live runs. Memory is flat if the last rows are like the second.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.freshness import machine
from bench.load import RECORDS, LiveRuns, Sent, Wire, begin, bodies
from tests.support.stacks.client import Reader, imbalance, until
from tests.support.stacks.stack import ScaledStack, scaled

_REQUESTS = 2  # of a run, with 100 task records each
_CLIENTS = 8
_NORMAL_RUNS = 20
_TIMES_NORMAL = 5
_SAMPLE_SECONDS = 1.0


def main() -> None:
    """Print the machine and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--minutes", type=float, default=10, help="length of each outage")
    parser.add_argument("--away", nargs="+", default=["ClickHouse", "Kafka"], choices=["ClickHouse", "Kafka"])
    told = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="tracker-memory-") as folder, scaled(Path(folder)) as stack:
        phases: list[tuple[str, dict[str, list[int]]]] = []
        for quarter in range(4):
            with sampled(stack) as memory:
                sent = send_runs(stack, quarter, told.runs // 4)
            phases.append((f"{sent.records * (quarter + 1) / 1e6:.2f} M events", memory))
        with sampled(stack) as memory, Reader(stack.api_url) as reader:
            until("all is projected", lambda: imbalance(reader), 600)
        phases.append(("all projected", memory))
        for name, part in (("ClickHouse", stack.server), ("Kafka", stack.broker)):
            if name not in told.away:
                continue
            with sampled(stack) as memory:
                part.kill()
                with LiveRuns(
                    stack.ingest_urls, _NORMAL_RUNS * _TIMES_NORMAL, requests=round(told.minutes * 60)
                ) as live:
                    threading.Event().wait(told.minutes * 60)  # the outage
                part.start()
            phases.append((f"{name} away", memory))
            began = time.monotonic()
            with sampled(stack) as memory, Reader(stack.api_url) as reader:
                until("all is projected", lambda: imbalance(reader), 1200)
            phases.append(("caught up", memory))
            print(
                f"{name} away for {told.minutes:g} min: {len(live.answers)} requests accepted, slowest answer "
                f"{max(live.answers) * 1000:.0f} ms, caught up {time.monotonic() - began:.0f} s after it came back"
            )
    report(phases)


def send_runs(stack: ScaledStack, part: int, runs: int) -> Sent:
    """So many whole runs, from 8 clients as fast as it goes."""
    requests, numbers, lock = bodies(_REQUESTS, RECORDS), count(), threading.Lock()
    began = time.monotonic()

    def client(n: int) -> int:
        sent = 0
        with Wire(stack.ingest_urls[n % 2]) as wire:
            while True:
                with lock:
                    number = next(numbers)
                if number >= runs:
                    return sent
                run_id = begin(wire, f"memory-{part}-{number}")
                for body in requests:
                    wire.put(f"/trace/{run_id}/progress", body)
                    sent += 1
                wire.put(
                    f"/trace/{run_id}/complete", b'{"workflow": {"success": true}, "instant": 1795546999000}'
                )

    with ThreadPoolExecutor(_CLIENTS) as pool:
        total = sum(pool.map(client, range(_CLIENTS)))
    return Sent(total, time.monotonic() - began, time.monotonic())


@contextmanager
def sampled(stack: ScaledStack) -> Iterator[dict[str, list[int]]]:
    """Process → resident memory (MiB), one sample a second while the block runs, and one at its end."""
    found: dict[str, list[int]] = {service.name: [] for service in stack.services}
    over = threading.Event()

    def sample() -> None:
        while True:
            last = over.wait(_SAMPLE_SECONDS)
            for service in stack.services:
                if service.alive():
                    found[service.name].append(resident(service.pid))
            if last:
                return

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()
    if dead := [f"{s.name} ended with {s.ended()}" for s in stack.services if not s.alive()]:
        raise RuntimeError(f"{', '.join(dead)}:\n{stack.logs()}")


def resident(pid: int) -> int:
    """Resident memory of a process in MiB (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [kib] = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    return int(kib) // 1024


def report(phases: Sequence[tuple[str, dict[str, list[int]]]]) -> None:
    """A row a phase, a column a process: resident MiB at the quarters of the phase, and the most within it."""
    services = list(phases[0][1])
    table = Table("MiB resident at quarters (most)", *services)
    for name, memory in phases:
        table.add_row(name, *(f"{quarters(memory[s])} ({max(memory[s])})" for s in services))
    Console(width=150).print(table)
    # Of the million: what a process holds once it has warmed up, and at the end. Over an outage: from its first quarter on.
    (_, second), (_, fourth) = phases[1], phases[3]
    growth = [("from 2nd to 4th quarter of the events", {s: fourth[s][-1] - second[s][-1] for s in services})]
    growth += [
        (name, {s: memory[s][-1] - memory[s][len(memory[s]) // 4] for s in services})
        for name, memory in phases
        if name.endswith("away")
    ]
    for name, grown in growth:
        print(f"growth, {name}: " + ", ".join(f"{s} {n:+d} MiB" for s, n in grown.items()))


def quarters(samples: Sequence[int]) -> str:
    """The samples at the end of each quarter."""
    return " ".join(str(samples[max(0, len(samples) * n // 4 - 1)]) for n in (1, 2, 3, 4))


if __name__ == "__main__":
    main()
