"""What one token can leave behind, and how long the pages of others take then: python -m tests.system.hostile.large [--scale 0.1]

100,000 runs that fall silent together, a run of a million tasks, 100,000 labels on a run, 10,000 notes on a run, one after the
other on one `tracker up`. Prints, asserts nothing: run by hand. Beside each time stands what the tracker's process took of CPU
meanwhile, for one page, and the machine's load: where others work too, times are long of which the tracker needs little.
"""

import argparse
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from tests.support.services.process import cpu_seconds, most_resident
from tests.support.stacks.client import Client, Reader
from tests.support.stacks.stack import EmbeddedStack

#: A page of others is to take no longer (ms).
LIMIT_MS = 500
#: How often each page is asked for.
ASKED = 7
SILENT_SECONDS = 30
OTHER = "other"
TIMES = {
    "submitted_at": "2026-11-24T19:01:50Z",
    "started_at": "2026-11-24T19:01:51Z",
    "completed_at": "2026-11-24T19:02:50Z",
}


def pages_of(run: str) -> tuple[str, ...]:
    return (f"/runs/{run}", f"/runs/{run}?tab=notes", f"/runs/{run}/tasks", f"/runs/{run}/timeline")


EVERYBODYS = ("/", "/ops", "/?search=other", "/api/v1/runs", "/pipelines", "/costs")


def batches(events: Iterable[dict[str, Any]], size: int) -> Iterable[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for event in events:
        batch.append(event)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def send(url: str, events: Iterable[dict[str, Any]], size: int = 1000) -> None:
    with Client(url) as client:
        for batch in batches(events, size):
            answer = client.request("POST", "/v1/events", {"events": batch})
            assert answer.status == 200, answer.body[:300]


def task(n: int, process: str) -> dict[str, Any]:
    return {"task_id": n, "status": "succeeded", "name": f"t{n}", "process": process} | TIMES


def other_run(url: str) -> None:
    tasks = [task(n, f"P{n % 5}") for n in range(1, 201)]
    send(
        url,
        [
            {"type": "run.created", "run_id": OTHER, "name": OTHER, "session_id": "theirs"},
            {
                "type": "run.begun",
                "run_id": OTHER,
                "data": {"workflow": {"name": OTHER, "session_id": "theirs"}},
            },
            {"type": "tasks.changed", "run_id": OTHER, "data": {"tasks": tasks}},
            {"type": "run.completed", "run_id": OTHER, "data": {"state": "succeeded"}},
        ],
    )


def silent_runs(url: str, scale: float) -> None:
    """Half of them of one session."""
    names = ((f"s{n}", f"x{n}" if n % 2 else "x") for n in range(int(100_000 * scale)))
    send(url, ({"type": "run.begun", "run_id": n, "name": n, "session_id": session} for n, session in names))


def many_tasks(url: str, scale: float) -> None:
    def events() -> Iterable[dict[str, Any]]:
        for start in range(0, int(1_000_000 * scale), 10_000):
            tasks = [task(n, "P") for n in range(start, start + 10_000)]
            yield {"type": "tasks.changed", "run_id": "giant", "data": {"tasks": tasks}}

    send(url, events(), size=1)


def many_labels(url: str, scale: float) -> None:
    def hundred(n: int) -> list[str]:
        return [f"l{n}-{i}" for i in range(100)]

    def events() -> Iterable[dict[str, Any]]:
        for n in range(int(1000 * scale)):
            yield {
                "type": "labels.changed",
                "run_id": "giant",
                "data": {"add": hundred(n), "remove": hundred(n - 1)},
            }

    send(url, events(), size=200)


def many_notes(url: str, scale: float) -> None:
    def write(part: int) -> None:
        with Client(url) as client:
            for n in range(int(10_000 * scale) // 8):
                answer = client.request(
                    "POST", "/api/v1/runs/giant/notes", {"text": f"*{part}* {n} " + "[[](" * 100}
                )
                assert answer.status in (201, 202), answer.body[:300]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))


ATTACKS: dict[str, Callable[[str, float], None]] = {
    "100,000 silent runs": silent_runs,
    "1,000,000 tasks": many_tasks,
    "100,000 labels": many_labels,
    "10,000 notes": many_notes,
}


def projected(reader: Reader) -> None:
    while reader.books()["lag"]:
        time.sleep(0.5)


def pages(stack: EmbeddedStack, asked: Iterable[str] = (*EVERYBODYS, *pages_of(OTHER))) -> None:
    with Client(stack.api_url) as client:
        for page in asked:
            took, before = [], cpu_seconds(stack.up.pid)
            for _ in range(ASKED):
                began = time.perf_counter()
                answer = client.request("GET", page)
                took.append(1000 * (time.perf_counter() - began))
                assert answer.status == 200, (page, answer.status)
            cpu = 1000 * (cpu_seconds(stack.up.pid) - before) / ASKED
            mark = "  ABOVE THE LIMIT" if median(took) > LIMIT_MS else ""
            times = f"median {median(took):6.0f} ms, most {max(took):6.0f} ms, CPU {cpu:6.0f} ms"
            print(f"    {page:32} {times}, load {os.getloadavg()[0]:.1f}{mark}", flush=True)


def fallen_silent(stack: EmbeddedStack, reader: Reader) -> None:
    """Waits until all runs of the attack are disconnected and nothing is left to tell of, and prints what that took."""
    began, before = time.monotonic(), cpu_seconds(stack.up.pid)
    while live(reader, "running"):
        time.sleep(1)
    swept = time.monotonic() - began
    alerts: list[dict[str, Any]] = []
    while all(a["run_id"] for a in alerts):
        time.sleep(1)
        alerts = reader.get("/alerts?state=firing")["alerts"]
    took = time.monotonic() - began
    cpu = f"{cpu_seconds(stack.up.pid) - before:.0f} s of CPU, loop held {held(reader)}"
    print(
        f"they are silent after {swept:.0f} s, told of after {took:.0f} s: {len(alerts)} alerts, {cpu}",
        flush=True,
    )


def held(reader: Reader) -> str:
    """How often the event loop was held for longer than so many seconds, by its own code."""
    text = reader.request("GET", "/metrics").body.decode()
    looks = re.findall(r'tracker_event_loop_held_seconds_bucket\{le="([^"]+)"\} (\S+)', text)
    most = float(looks[-1][1])
    return ", ".join(f"> {le} s: {most - float(n):.0f}" for le, n in looks if float(n) < most) or "never long"


def live(reader: Reader, status: str) -> int:
    """Live runs of this status, as /metrics counts them."""
    text = reader.request("GET", "/metrics").body.decode()
    return sum(
        int(float(n)) for n in re.findall(rf'^tracker_live_runs{{status="{status}"}} (\S+)$', text, re.M)
    )


def all_attacks(stack: EmbeddedStack, reader: Reader, scale: float) -> None:
    """One after the other; after each the pages of others, and what it took."""
    other_run(stack.api_url)
    projected(reader)
    print("before", flush=True)
    pages(stack)
    for name, attack in ATTACKS.items():
        began, before = time.monotonic(), cpu_seconds(stack.up.pid)
        attack(stack.api_url, scale)
        sent = time.monotonic() - began
        projected(reader)
        took = time.monotonic() - began
        most = f"{most_resident(stack.up.pid) / 1e6:.0f} MB at most"
        cpu = f"{cpu_seconds(stack.up.pid) - before:.0f} s of CPU"
        print(f"{name}: sent in {sent:.0f} s, projected after {took:.0f} s, {cpu}, {most}", flush=True)
        pages(stack)
        if attack is silent_runs:
            fallen_silent(stack, reader)
            pages(stack)
    print("the run itself", flush=True)
    pages(stack, pages_of("giant"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="how much of it all")
    scale = parser.parse_args().scale
    settings = {"disconnected_after_seconds": SILENT_SECONDS, "rate_per_second": 0}
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedStack(Path(folder), **settings) as stack,
        Reader(stack.api_url) as reader,
    ):
        try:
            all_attacks(stack, reader, scale)
        except BaseException:
            print(stack.logs(200), flush=True)  # they go with the folder
            raise


if __name__ == "__main__":
    main()
