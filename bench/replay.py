"""How long a replay takes: python -m bench.replay [--days 30] [--records 500000]

Of a log of nothing but the ticks of an idle tracker, and of a log of runs of 5,000 tasks with a tick after every 100 messages.
Both are local logs that are replayed into shadow tables on chDB, as `tracker replay` does. Prints seconds, CPU time, and
messages and task records a second; asserts nothing.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from bench.freshness import machine
from bench.growth import BATCH_MESSAGES, RECORDS, TICK_MS, log_of, tick_at
from projections.replay.replay import into_shadow
from schemas.settings import Settings
from schemas.topics import EVENTS
from stores.log.local import LocalLog
from stores.log.port import Record
from stores.tables.client import open_tables
from tracker.startup import prepare

_AT_ONCE = 2_000
_RUN_TASKS = 5_000


def main() -> None:
    """Print the machine, and a line for each log."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=float, default=30.0, help="of ticks")
    parser.add_argument("--records", type=int, default=500_000, help="of tasks")
    asked = parser.parse_args()
    print(machine())
    now_ms = time.time_ns() // 1_000_000
    ticks = round(asked.days * 86_400_000 / TICK_MS)
    idle = (tick_at(n, now_ms + n * TICK_MS) for n in range(ticks))
    asyncio.run(measure(f"{asked.days:g} days of ticks", idle, 0))
    batches = asked.records // (BATCH_MESSAGES * RECORDS)
    runs = [f"{n:032x}" for n in range(max(1, asked.records // _RUN_TASKS))]
    busy = (record for batch in islice(log_of(runs, _RUN_TASKS, now_ms), batches) for record in batch)
    asyncio.run(measure(f"{asked.records:,} task records", busy, batches * BATCH_MESSAGES * RECORDS))


async def measure(name: str, records: Iterable[Record], told: int) -> None:
    """Write the log, replay it, and print how long that took. `told`: task records in it."""
    with tempfile.TemporaryDirectory(prefix="tracker-bench-") as folder:
        settings = Settings(data=Path(folder))
        log, tables = LocalLog(settings.data / "log.sqlite", 1), open_tables(settings)
        await log.start()
        try:
            await asyncio.to_thread(prepare, tables, settings)
            messages = await fill(log, records)
            began, used = time.monotonic(), time.process_time()
            shadow = await into_shadow(log, tables, settings, lambda _count: None, {0: messages})
            took, cpu = time.monotonic() - began, time.process_time() - used
            shadow.close()
        finally:
            await log.stop()
            tables.close()
    print(
        f"{name}: {took:.1f} s, {cpu:.1f} s of CPU; {messages / took:,.0f} messages and {told / took:,.0f} task records a second",
        flush=True,
    )


async def fill(log: LocalLog, records: Iterable[Record]) -> int:
    """Append them all; how many they were."""
    rest, count = iter(records), 0
    while chunk := list(islice(rest, _AT_ONCE)):
        await asyncio.gather(*(log.append(EVENTS, r.key, r.type, r.value, 0) for r in chunk))
        count += len(chunk)
    return count


if __name__ == "__main__":
    main()
