"""What a task record costs when much is there already: python -m bench.growth [--seconds 10] [--tasks N …] [--live N …]

One projector on chDB takes records as fast as it can: of a run that has so many tasks; of so many live runs in turn, with a
tick and a sweep every 5 s of their time; of 20 live runs beside so many others. Prints the CPU time of the whole process (the
projector's and chDB's) a task record, refreshes of figures included, beside that of the first row. Asserts nothing.
"""

import argparse
import resource
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from bench import fill
from bench.freshness import machine
from projections.consume import setup
from schemas.events import ClockTick, TaskRecord, TasksChanged, TasksChangedEvent, Tick
from schemas.settings import Settings
from schemas.statuses import TaskStatus
from schemas.wire import encode
from stores.log.port import Record
from stores.tables.client import open_tables

_DAY = 86_400.0
TICK_MS = 5_000
BATCH_MESSAGES = 100  # of one call of the projector, and between two ticks
RECORDS = 20  # of one message


@dataclass(frozen=True, slots=True)
class Situation:
    """What is in the tables, and whose tasks are told: of each of `live` runs in turn, task ids up to `tasks`."""

    name: str
    tasks: int = 12
    live: int = 1
    runs: int = 1


@dataclass(frozen=True, slots=True)
class Cost:
    """µs of CPU a task record, records taken, MiB of memory at most."""

    microseconds: float
    records: int
    mib: float


def main() -> None:
    """Print the machine, and a row for each situation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--tasks", type=int, nargs="*", default=[10**n for n in range(2, 7)])
    parser.add_argument("--live", type=int, nargs="*", default=[10, 1_000, 10_000])
    parser.add_argument("--runs", type=int, nargs="*", default=[1_000_000])
    asked = parser.parse_args()
    situations = [Situation(f"a run of {n:,} tasks", tasks=n) for n in asked.tasks]
    situations += [Situation(f"{n:,} live runs", live=n, runs=n) for n in asked.live]
    situations += [Situation(f"beside {n:,} runs, {12 * n:,} tasks", live=20, runs=n) for n in asked.runs]
    print(machine())
    print(f"{'':40} {'µs a record':>12} {'to the first':>13} {'records':>9} {'MiB':>6}")
    first = 0.0
    for situation in situations:
        # A process for each, as chDB lives as long as its process.
        with (
            tempfile.TemporaryDirectory(prefix="tracker-bench-") as folder,
            ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other,
        ):
            cost = other.submit(measure, Path(folder), situation, asked.seconds).result()
        first = first or cost.microseconds
        ratio = cost.microseconds / first
        print(
            f"{situation.name:40} {cost.microseconds:12.1f} {ratio:13.2f} {cost.records:9,} {cost.mib:6,.0f}",
            flush=True,
        )


def measure(folder: Path, situation: Situation, seconds: float) -> Cost:
    """Fill the tables, then project for so long."""
    settings = Settings(data=folder, disconnected_after_seconds=_DAY, stalled_after_seconds=_DAY)
    ids = filled(settings, situation)
    tables = open_tables(settings)
    try:
        projector = setup.projector(tables, settings, lambda _topic, _messages: None, threading.Event())
        projector.assign([0])
        batches = log_of(ids, situation.tasks, time.time_ns() // 1_000_000)
        projector.project(next(batches))  # chDB is warm, and the runs are known
        began, used, taken = time.monotonic(), 0.0, 0
        while time.monotonic() < began + seconds:
            batch = next(batches)
            before = time.process_time()
            projector.project(batch)
            used += time.process_time() - before
            taken += BATCH_MESSAGES * RECORDS
    finally:
        tables.close()
    return Cost(used / taken * 1e6, taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def filled(settings: Settings, situation: Situation) -> Sequence[str]:
    """The ids of the live runs whose tasks will be told."""
    if situation.runs == 1:
        return [fill.fill_giant(settings, situation.tasks)]
    fill.fill_runs(settings, situation.runs, situation.live, tasks=situation.runs > situation.live)
    tables = open_tables(settings)
    try:
        return [r["run_id"] for r in tables.rows("SELECT run_id FROM runs WHERE over = 0 ORDER BY run_id")]
    finally:
        tables.close()


def log_of(ids: Sequence[str], tasks: int, now_ms: int) -> Iterator[list[Record]]:
    """Batches of messages without end, each run's in turn; each batch ends with a tick."""
    offset, told = 0, 0
    while True:
        batch = []
        for _ in range(BATCH_MESSAGES):
            run_id = ids[(told // RECORDS) % len(ids)]
            records = [record_of(run_id, (told + n) % tasks + 1, now_ms) for n in range(RECORDS)]
            told += RECORDS
            event = TasksChangedEvent(
                id=f"{offset:032x}",
                source="bench",
                run_id=run_id,
                received_at=now_ms,
                data=TasksChanged(instant=now_ms),
            )
            batch.append(Record(0, offset := offset + 1, now_ms, run_id, event.type, encode(event, records)))
        now_ms += TICK_MS
        batch.append(tick_at(offset := offset + 1, now_ms))
        yield batch


def tick_at(offset: int, now_ms: int) -> Record:
    """A tick of the only process of ingest."""
    data = Tick(process="bench", interval_ms=TICK_MS)
    tick = ClockTick(id=f"{offset:032x}", source="bench", received_at=now_ms, data=data)
    return Record(0, offset, now_ms, "clock", tick.type, encode(tick))


def record_of(run_id: str, task_id: int, now_ms: int) -> TaskRecord:
    """A task of one of 40 processes that has just succeeded."""
    process = f"NFCORE_SAREK:SAREK:STEP_{task_id % 40}:TOOL_{task_id % 40}"
    return TaskRecord(
        run_id=run_id,
        task_id=task_id,
        status=TaskStatus.SUCCEEDED,
        name=f"{process} (sample_{task_id})",
        process=process,
        cpus=4.0,
        memory_bytes=8 * 2**30,
        executor="awsbatch",
        machine_type="m5.large",
        price_model="spot",
        cloud_zone="us-east-1a",
        submitted_at=moment(now_ms - 70_000),
        started_at=moment(now_ms - 60_000),
        completed_at=moment(now_ms),
        realtime_ms=59_000,
    )


def moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


if __name__ == "__main__":
    main()
