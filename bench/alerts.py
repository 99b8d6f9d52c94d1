"""How long it takes from a run's silence to a receiver, with many live runs, and what a tick costs. Prints, asserts nothing.

    python -m bench.alerts [--runs 10000] [--lost 20] [--tick 5] [--threshold 90] [--beat 60]

Everything in one process: the local log, chDB, the projector, the notifier, and a webhook on this machine. All runs beat in turn,
each every so many seconds, as Nextflow does; then some fall silent. Each waits for the threshold, then for the next round.
"""

import argparse
import asyncio
import json
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from ingest.ticker import Ticker
from projections.alerts import rules
from projections.alerts.notifier import Notifier
from projections.alerts.storage import Storage
from projections.consume import loop as projection_loop
from projections.consume import setup
from projections.project import projector as projecting
from schemas.events import Created, Heartbeat, RunCreated, RunHeartbeat
from schemas.settings import Settings
from schemas.topics import EVENTS
from schemas.wire import encode
from stores.log.local import LocalLog
from stores.tables.client import Tables
from stores.tables.migrate import migrate

_AT_ONCE = 500


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Target:
    """A webhook: run id → when (ms) its alert came."""

    def __init__(self) -> None:
        self.came: dict[str, int] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        [length] = [line.split(": ")[1] for line in head.split("\r\n") if line.startswith("Content-Length")]
        body = json.loads(await reader.readexactly(int(length)))
        self.came.setdefault(body["commonLabels"].get("run_id", body["commonLabels"]["alertname"]), now_ms())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()


async def create(log: LocalLog, runs: Sequence[str]) -> None:
    for start in range(0, len(runs), _AT_ONCE):
        events = [
            RunCreated(
                id=f"c{r}",
                source="bench",
                run_id=r,
                received_at=now_ms(),
                data=Created(name=r, instant=now_ms()),
            )
            for r in runs[start : start + _AT_ONCE]
        ]
        await asyncio.gather(*(log.append(EVENTS, e.run_id, e.type, encode(e)) for e in events))


async def beat(log: LocalLog, runs: Sequence[str], seconds: float, last: dict[str, int]) -> None:
    """Every run beats once, spread over so many seconds."""
    began = time.monotonic()
    for start in range(0, len(runs), 50):
        chunk = runs[start : start + 50]
        now = now_ms()
        events = [
            RunHeartbeat(
                id=f"{r}{now}", source="bench", run_id=r, received_at=now, data=Heartbeat(instant=now)
            )
            for r in chunk
        ]
        await asyncio.gather(*(log.append(EVENTS, e.run_id, e.type, encode(e)) for e in events))
        last |= dict.fromkeys(chunk, now_ms())
        await asyncio.sleep(max(0.0, began + seconds * (start + 50) / len(runs) - time.monotonic()))


def time_sweeps() -> list[tuple[float, float]]:
    """From now on: (ms that a sweep took, s that it lay behind its tick)."""
    took: list[tuple[float, float]] = []
    names: dict[str, Any] = vars(projecting)
    sweep = names["sweep"]

    def timed(writer: Any, rounds: Any, *rest: Any) -> Any:
        began = time.perf_counter()
        result = sweep(writer, rounds, *rest)
        behind = now_ms() - min(c.appended_at for c in rounds.values())
        took.append(((time.perf_counter() - began) * 1000, behind / 1000))
        return result

    names["sweep"] = timed
    return took


def describe(name: str, values: Sequence[float], unit: str) -> None:
    ordered = sorted(values)
    if not ordered:
        print(f"{name}: none")
        return
    high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    print(f"{name}: median {statistics.median(ordered):.1f} {unit}, p99 {high:.1f} {unit} ({len(ordered)})")


async def measure(asked: argparse.Namespace, folder: Path) -> None:
    target = Target()
    server = await asyncio.start_server(target.serve, "127.0.0.1", 0)
    settings = Settings(
        data=folder,
        tick_seconds=asked.tick,
        disconnected_after_seconds=asked.threshold,
        alert_webhook=SecretStr(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"),
        alert_allow_private=True,
    )
    log = LocalLog(folder / "log.sqlite", 1)
    tables = Tables("chdb", folder)
    await log.start()
    await asyncio.to_thread(migrate, tables)
    runs = [f"{n:016d}" for n in range(asked.runs)]
    last: dict[str, int] = {}
    stop = threading.Event()
    publish = projection_loop.publisher(log, asyncio.get_running_loop(), stop.wait)
    projector = setup.projector(tables, settings, publish, stop)
    sweeps = time_sweeps()
    tasks = [
        asyncio.create_task(projection_loop.run(log, projector, settings)),
        asyncio.create_task(Notifier(log, tables, settings, rules.load(settings), now_ms).run()),
    ]
    async with Ticker(log, "bench", asked.tick, now_ms):
        await create(log, runs)
        rest = runs[asked.lost :]
        print(f"{len(runs)} runs created; they beat, and {asked.lost} fall silent")
        await beat(log, runs, asked.beat, last)
        sweeps.clear()
        used = resource.getrusage(resource.RUSAGE_SELF)
        began = time.monotonic()
        while time.monotonic() - began < asked.threshold + 4 * asked.tick:
            await beat(log, rest, asked.beat, last)
        cpu = resource.getrusage(resource.RUSAGE_SELF)
        storage = Storage(tables)
        marks = await asyncio.to_thread(storage.marks)
        rounds = {(marks[0].round_ms, 0)}
        asks = []
        for call in (storage.marks, lambda: storage.outage_counts(rounds, 0, marks)):
            at = time.perf_counter()
            await asyncio.to_thread(call)
            asks.append((time.perf_counter() - at) * 1000)
    seconds = time.monotonic() - began
    delays = [
        (target.came[r] - last[r]) / 1000 - asked.threshold for r in runs[: asked.lost] if r in target.came
    ]
    busy = (cpu.ru_utime + cpu.ru_stime - used.ru_utime - used.ru_stime) / seconds
    describe("from threshold to delivery", delays, "s")
    print(f"    that is {max(delays, default=0) / asked.tick:.2f} ticks of {asked.tick:g} s at most")
    describe("a tick: its sweep", [ms for ms, _ in sweeps], "ms")
    describe("a tick: from append to swept", [s for _, s in sweeps], "s")
    print(f"the notifier asks: marks {asks[0]:.1f} ms, outage_counts {asks[1]:.1f} ms")
    false_alarms = sorted(set(target.came) - set(runs[: asked.lost]) - {"Watchdog"})
    print(f"told: {len(delays)} of {asked.lost}; others: {false_alarms[:5]}; CPU {busy:.2f} cores")
    stop.set()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await log.stop()
    server.close()
    tables.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--lost", type=int, default=20)
    parser.add_argument("--tick", type=float, default=5)
    parser.add_argument("--threshold", type=float, default=90)
    parser.add_argument("--beat", type=float, default=60)
    with tempfile.TemporaryDirectory(prefix="tracker-bench-") as folder:
        asyncio.run(measure(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    main()
