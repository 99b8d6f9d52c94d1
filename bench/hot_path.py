"""CPU time of a `progress` by part, in this process, beside the limit of the same bytes: python -m bench.hot_path [--rounds N]

The limit is `json.loads` and `json.dumps` of the same body: what reading and writing JSON in Python costs with nothing checked.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from api.app import create_app
from bench.freshness import machine
from bench.load import INSTANT, KINDS, RECORDS
from ingest import fast_path, message, tower
from ingest.app import routes
from ingest.request import Request
from schemas.settings import Settings
from schemas.statuses import Dialect
from stores.tables.client import Tables
from tests.support.log import NOW, MemoryLog

_CALLS = 40


def main() -> None:
    """Print the machine and, for each kind of record, µs of CPU a record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds: int = parser.parse_args().rounds
    print(machine())
    table = Table("µs of CPU a record", "limit", "mapping", "to the limit", "patient path", "request in all")
    for kind, real in KINDS.items():
        records = real()[: 20 * RECORDS]
        bodies = [body(records[n : n + RECORDS]) for n in range(0, len(records), RECORDS)]
        limit = of_a_record(bodies, _through_json, rounds)
        mapping = of_a_record(bodies, _through_mapping, rounds)
        with nothing_usual():
            patient = of_a_record(bodies, _through_mapping, rounds)
        whole = asyncio.run(_requests(bodies, rounds))
        size = len(bodies[0]) / RECORDS
        figures = (
            f"{limit:.1f}",
            f"{mapping:.1f}",
            f"{mapping / limit:.2f}",
            f"{patient:.1f}",
            f"{whole:.1f}",
        )
        table.add_row(f"{kind}, {size:,.0f} bytes", *figures)
    Console(width=110).print(table)
    print(
        f"{RECORDS} records a request, each request another; the least of {rounds} rounds. The log is in memory."
    )


def body(tasks: list[dict[str, Any]]) -> bytes:
    """A request with these tasks."""
    return json.dumps({"tasks": tasks, "progress": {"succeeded": len(tasks)}, "instant": INSTANT}).encode()


def of_a_record(bodies: list[bytes], call: Callable[[bytes], object], rounds: int) -> float:
    """µs of CPU a record, of the round that took least."""
    took = []
    for _ in range(rounds):
        began = time.thread_time()
        for n in range(_CALLS):
            call(bodies[n % len(bodies)])
        took.append(time.thread_time() - began)
    return min(took) / _CALLS / RECORDS * 1e6


@contextmanager
def nothing_usual() -> Iterator[None]:
    """All requests take the patient path."""

    def read(body: bytes, run_id: str) -> Any:
        raise fast_path.NotUsual

    usual, fast_path.read = fast_path.read, read
    try:
        yield
    finally:
        fast_path.read = usual


def _through_json(body: bytes) -> str:
    return json.dumps(json.loads(body))


def _through_mapping(body: bytes) -> message.Message:
    request = Request("run1", "progress", body, "", NOW, "bench")
    return message.message_of(request, tower.read, "PUT /", Dialect.TOWER, 2**25)


async def _requests(bodies: list[bytes], rounds: int) -> float:
    """µs of CPU a record, of requests to the application of `tracker up` without its server."""
    log, settings = MemoryLog(), Settings()
    runners = routes(log, settings, "bench", lambda: NOW)
    app = create_app(Tables("chdb", Path("never-opened")), log, settings, lambda: NOW, extra_routes=runners)
    took = []
    for _ in range(rounds):
        began = time.process_time()
        for n in range(_CALLS):
            await _put(app, bodies[n % len(bodies)])
        took.append(time.process_time() - began)
        log.partitions[0].clear()
    return min(took) / _CALLS / RECORDS * 1e6


async def _put(app: Any, body: bytes) -> None:
    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/trace/run1/progress",
        "raw_path": b"/trace/run1/progress",
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer any"), (b"content-length", str(len(body)).encode())],
        "client": ("127.0.0.1", 1),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(sent: dict[str, Any]) -> None:
        if sent.get("status", 200) != 200:
            raise RuntimeError(f"answered {sent['status']}")

    await app(scope, receive, send)


if __name__ == "__main__":
    main()
