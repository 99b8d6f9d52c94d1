"""Fuzzes ingest in this process: python -m tests.system.fuzz.ingest [--inputs N] [--seconds S] [--seed N].

Of each input: an answer below 500, within a second of CPU; a runner's dialect accepts it (or says 413); what is on the
log is what the projector can read. Over all: the memory does not grow.
"""

import argparse
import asyncio
import math
import secrets
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from starlette.applications import Starlette

from ingest.app import create_app
from projections.project.event_rows import event_rows, read
from schemas.settings import Settings
from stores.log.port import Record
from tests.support.log import NOW, MemoryLog
from tests.system.fuzz.mutate import Input, mutated, seeds

SLOWEST_SECONDS = 1.0
#: What RSS may grow by after the first tenth: arenas are not given back at once.
MOST_GROWTH = 48 * 2**20
_MAX_BODY = 256 * 1024


@dataclass
class Found:
    """What a round came to."""

    seed: int
    inputs: int = 0
    messages: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    rss_early: int = 0
    rss_late: int = 0

    def __str__(self) -> str:
        answers = ", ".join(f"{status}: {n}" for status, n in sorted(self.statuses.items()))
        on_log = ", ".join(f"{type_}: {n}" for type_, n in self.types.most_common())
        return (
            f"seed {self.seed}: {self.inputs} inputs, {self.messages} messages; answers {answers}; on the log {on_log}; "
            f"slowest {self.slowest * 1000:.0f} ms; "
            f"RSS {self.rss_early >> 20} MiB after a tenth, {self.rss_late >> 20} MiB at the end"
        )


class Wrong(AssertionError):
    """An input that was not treated as it must be; the message has all that it takes to do it again."""


class Target:
    """Ingest over a log in memory."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.app = create_app(self.log, Settings(max_body_bytes=_MAX_BODY), "fuzz", lambda: NOW)

    async def try_one(self, what: Input) -> tuple[int, list[Record], float]:
        """Status, what was appended, seconds of CPU. Raises Wrong."""
        began = time.process_time()  # of this process alone, whatever else the machine does
        try:
            async with asyncio.timeout(30):
                status = await answer(self.app, what)
        except Exception as e:
            raise Wrong(f"{type(e).__name__}: {e}") from e
        took = time.process_time() - began
        records = self.log.records
        self.log.partitions[0].clear()
        if status >= 500:
            raise Wrong(f"status {status}")
        if "/v1/events" not in what.path and status not in (200, 404, 405, 413):
            raise Wrong(f"status {status}: that would end a run")
        for record in records:
            try:
                event, tasks, unreadable = read(record)
                if event is None:
                    raise Wrong(f"ingest put on the log what the projector cannot read: {unreadable}")
                event_rows(record, 0, event, tasks, unreadable)
            except Exception as e:
                raise Wrong(f"the projector, on {record.value[:500]!r}: {type(e).__name__}: {e}") from e
        return status, records, took


async def answer(app: Starlette, what: Input) -> int:
    """The status of one request, over ASGI."""
    path, _, query = what.path.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": what.method,
        "scheme": "http",
        "path": _unquoted(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(what.body))],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }
    messages = [{"type": "http.request", "body": what.body, "more_body": False}]
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    [status] = statuses
    return status


def _unquoted(path: str) -> str:
    """As uvicorn does it."""
    from urllib.parse import unquote

    return unquote(path)


def rss() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def fuzz(seed: int, inputs: int, seconds: float = math.inf) -> Found:
    """Try so many inputs, or as many as the seconds allow (but at least a thousand). Raises Wrong."""
    all_seeds = seeds()
    target = Target()
    found = Found(seed)
    deadline = time.monotonic() + seconds

    async def work() -> None:
        early = max(inputs // 10, 500)
        for n in range(inputs):
            if time.monotonic() > deadline and n >= 1000:
                break
            what = mutated(Random(f"{seed}/{n}"), all_seeds)
            try:
                status, records, took = await target.try_one(what)
            except Wrong as e:
                raise Wrong(f"seed {seed}, input {n}: {e}\n{what}") from e
            found.inputs += 1
            found.messages += len(records)
            found.statuses[status] += 1
            found.types.update(r.type for r in records)
            found.slowest = max(found.slowest, took)
            if n == early:
                found.rss_early = rss()

    asyncio.run(work())
    found.rss_late = rss()
    found.rss_early = found.rss_early or found.rss_late
    return found


def check(found: Found) -> None:
    """Raises Wrong where the round as a whole is not as it must be."""
    if found.slowest > SLOWEST_SECONDS:
        raise Wrong(f"an answer took {found.slowest:.2f} s; {found}")
    if found.rss_late - found.rss_early > MOST_GROWTH:
        raise Wrong(f"the memory grew; {found}")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    chosen = parser.parse_args()
    print(f"fuzzing ingest, seed {chosen.seed}", flush=True)
    try:
        found = fuzz(chosen.seed, chosen.inputs, chosen.seconds)
        check(found)
    except Wrong as e:
        print(e, file=sys.stderr)
        return 1
    print(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
