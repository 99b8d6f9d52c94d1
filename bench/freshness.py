"""Freshness, answer times and throughput, embedded and scaled, beside nextflow-turret: python -m bench.freshness [--quick]"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.load import INSTANT, LiveRuns, Sent, Wire, as_fast_as_possible, begin, real_records
from bench.peer import TURRET, turret
from tests.support.stacks.stack import EmbeddedStack, Stack, scaled

LIVE_RUNS = 20
CLIENTS = 8
FRESH_LIMIT_MS = 1000.0
ANSWER_LIMIT_MS = 50.0
_GIVE_UP_SECONDS = 120.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Figures:
    """What was measured of one of our two ways to run."""

    fresh: list[float]  # s, from the 2xx to the API's answer that shows it
    answers: list[float]  # s, of `progress`
    sent: Sent
    all_in_tables: float  # s after the first request


def main() -> None:
    """Print the machine, what was measured, and the limits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short round, whose figures say little")
    quick: bool = parser.parse_args().quick
    probes, seconds = (20, 3.0) if quick else (150, 10.0)
    print(machine())
    with tempfile.TemporaryDirectory(prefix="tracker-bench-") as root:
        ours: dict[str, Figures] = {}
        stacks: dict[str, Callable[[Path], AbstractContextManager[Stack]]] = {
            "embedded": EmbeddedStack,
            "scaled": scaled,
        }
        for name, make in stacks.items():
            print(f"measuring {name}…", flush=True)
            ours[name] = measure(make, Path(root) / name, probes, seconds)
        print(f"measuring {TURRET}…", flush=True)
        with turret(Path(root) / "turret") as url:
            theirs = as_fast_as_possible([url], CLIENTS, seconds)
    report(ours, theirs)


def measure(
    make: Callable[[Path], AbstractContextManager[Stack]], folder: Path, probes: int, seconds: float
) -> Figures:
    """Freshness with live runs on a new stack, then throughput on another, so that neither bears the other's load."""
    with make(folder / "fresh") as stack, LiveRuns(stack.ingest_urls, LIVE_RUNS - 1) as live:
        fresh = freshness(stack, probes)
    with make(folder / "load") as stack:
        began = time.monotonic()
        sent = as_fast_as_possible(stack.ingest_urls, CLIENTS, seconds)
        shown = wait_for_all(stack, sent)
    return Figures(fresh, live.answers, sent, shown - began)


def freshness(stack: Stack, probes: int) -> list[float]:
    """One more live run tells one finished task after the other; how long each takes to be in the run's answer."""
    [record, *_] = real_records()
    found = []
    with Wire(stack.ingest_urls[0]) as ingest, Wire(stack.api_url) as api:
        run_id = begin(ingest, "fresh")
        for n in range(1, probes + 1):
            body = {"tasks": [record | {"taskId": n}], "instant": INSTANT + n}
            ingest.put(f"/trace/{run_id}/progress", json.dumps(body).encode())
            accepted = time.monotonic()
            while n == 1 and not _listed(api, run_id):
                _patient(accepted, "the run")
            while api.get(f"/api/v1/runs/{run_id}")["tasks"]["succeeded"] < n:
                _patient(accepted, f"task {n}")
            found.append(time.monotonic() - accepted)
    return found[1:]


def wait_for_all(stack: Stack, sent: Sent) -> float:
    """When every accepted task is counted in its run's answer; fails if one is lost."""
    with Wire(stack.api_url) as api:
        while (counted := _counted(api)) < sent.records:
            _patient(sent.last_sent, f"all {sent.records} tasks: {counted} of them")
        if counted > sent.records:
            raise RuntimeError(f"{counted} tasks are counted, but {sent.records} were sent")
        return time.monotonic()


def _counted(api: Wire) -> int:
    total: int = 0
    token = ""
    while True:
        page = api.get(f"/api/v1/runs?page_size=500{token}")
        total += sum(run["tasks"]["succeeded"] for run in page["runs"])
        if not page["next_page_token"]:
            return total
        token = f"&page_token={page['next_page_token']}"


def _listed(api: Wire, run_id: str) -> bool:
    return any(run["id"] == run_id for run in api.get("/api/v1/runs?page_size=500")["runs"])


def _patient(since: float, what: str) -> None:
    if time.monotonic() - since > _GIVE_UP_SECONDS:
        raise RuntimeError(f"still not there after {_GIVE_UP_SECONDS:g} s: {what}")
    time.sleep(_POLL_SECONDS)


def machine() -> str:
    """Cores, processor, memory and versions in a line."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    cores = len(os.sched_getaffinity(0))
    python = platform.python_version()
    return f"{cores} cores of {model}, {memory:.0f} GiB, Python {python}, {platform.system()}; load before: {load:.1f}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def report(ours: dict[str, Figures], theirs: Sent) -> None:
    """The table. An over-long line is said so, but is no failure: machines differ."""
    table = Table("measured", *ours, TURRET, "limit")
    percentiles = [("p50", 50), ("p95", 95)]
    for name, percent in percentiles:
        row = [f"{_ms(f.fresh, percent):.0f} ms" for f in ours.values()]
        worst = max(_ms(f.fresh, percent) for f in ours.values())
        table.add_row(f"accepted to shown, {name}", *row, "", _verdict(worst, FRESH_LIMIT_MS, percent))
    for name, percent in percentiles:
        row = [f"{_ms(f.answers, percent):.1f} ms" for f in ours.values()]
        worst = max(_ms(f.answers, percent) for f in ours.values())
        table.add_row(f"answer of progress, {name}", *row, "", _verdict(worst, ANSWER_LIMIT_MS, percent))
    rate = theirs.per_second
    accepted = [f.sent.per_second for f in ours.values()]
    shown = [f.sent.records / f.all_in_tables for f in ours.values()]
    table.add_row("task events/s accepted", *(f"{x:,.0f}" for x in accepted), f"{rate:,.0f}", "")
    table.add_row("the same, until all is shown", *(f"{x:,.0f}" for x in shown), "", "")
    table.add_row("accepted, to turret's", *(f"{x / rate:.2f}" for x in accepted), "1.00", "above 1")
    table.add_row("until all is shown, to turret's", *(f"{x / rate:.2f}" for x in shown), "1.00", "above 1")
    Console(width=110).print(table)
    print(
        f"{LIVE_RUNS} live runs for the times; {CLIENTS} clients with 100 records a request for the throughput. "
        "turret keeps counters only, and stores no task."
    )


def _ms(seconds: Sequence[float], percent: int) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1000


def _verdict(ms: float, limit_ms: float, percent: int) -> str:
    if percent != 95:
        return ""
    return f"{limit_ms:.0f} ms: {'met' if ms < limit_ms else 'MISSED'}"


if __name__ == "__main__":
    main()
