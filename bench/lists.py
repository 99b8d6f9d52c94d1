"""How long lists and sums over runs take with very many runs: python -m bench.lists [--runs N …] [--server] [--live N]

Fills the tables with runs and figures (no tasks: lists read none), starts `tracker up` on them, and asks each list over HTTP.
With `--server` the tables are a ClickHouse server, else chDB. Prints times, CPU time an answer, and memory; asserts nothing.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path

from bench.fill import fill_runs
from bench.freshness import machine
from bench.pages import Meter, ask, opened_report
from schemas.settings import Settings
from tests.support.services.clickhouse import ClickHouseServer
from tests.support.stacks.stack import EmbeddedStack

_LONG = 86_400
_SMALL, _LARGE = 100_000, 1_000_000
_MIB = 2**20


def main() -> None:
    """Print the machine, and a table for each number of runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, nargs="+", default=[_SMALL, _LARGE])
    parser.add_argument("--live", type=int, default=20, help="how many of them are live")
    parser.add_argument("--rounds", type=int, default=20, help="how often each is asked")
    parser.add_argument("--server", action="store_true", help="tables on a ClickHouse server that it starts")
    asked = parser.parse_args()
    print(machine())
    for runs in asked.runs:
        with tempfile.TemporaryDirectory(prefix="tracker-bench-") as root:
            _measure(Path(root), runs, asked.live, asked.rounds, asked.server)


def _measure(folder: Path, runs: int, live: int, rounds: int, on_server: bool) -> None:
    server = ClickHouseServer(folder / "clickhouse") if on_server else nullcontext()
    limit_ms = 100.0 if runs <= _SMALL else 200.0
    with server as running:
        clickhouse = "chdb" if running is None else running.url
        began = time.monotonic()
        settings = Settings(data=folder / "data", clickhouse=clickhouse)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
            other.submit(fill_runs, settings, runs, live).result()
        print(f"{runs:,} runs, {live:,} live, filled in {time.monotonic() - began:.0f} s", flush=True)
        patience = {"disconnected_after_seconds": _LONG, "stalled_after_seconds": _LONG}
        began = time.monotonic()
        with EmbeddedStack(folder, clickhouse=clickhouse, **patience) as stack:
            print(f"ready after {time.monotonic() - began:.1f} s", flush=True)
            pids = [stack.up.pid] if running is None else [stack.up.pid, running.pid]
            meter = Meter(*pids)
            print(f"idle: {meter.idle * 100:.1f} % of a core")
            with opened_report(f"{runs:,} runs, {clickhouse.split(':')[0]}, ms") as table:
                for name, path in questions(runs):
                    table(ask(stack.api_url, name, path, limit_ms, rounds, meter))
            for pid in pids:
                print(
                    f"memory, MiB: {_memory(pid, 'VmRSS'):.0f}, at most {_memory(pid, 'VmHWM'):.0f}",
                    flush=True,
                )


def questions(runs: int) -> Iterator[tuple[str, Callable[[], str]]]:
    """A name, and the path."""
    few = runs // 2 + 1
    for name, path in (
        ("page of runs", "/"),
        ("list", "/api/v1/runs"),
        ("list, status failed", "/api/v1/runs?status=failed"),
        ("list, status running", "/api/v1/runs?status=running"),
        ("list, text that one has", f"/api/v1/runs?search=_{few}"),
        ("list, text that nobody has", "/api/v1/runs?search=nobodyhasthis"),
        ("list, label that few have", "/api/v1/runs?label=rare"),
        ("list, of a user", "/api/v1/runs?user=ann"),
        ("list, last week", "/api/v1/runs?started_after=-7d"),
        ("list by name", "/api/v1/runs?sort=name"),
        ("list by cost, greatest first", "/api/v1/runs?sort=-cost"),
        ("list by pipeline", "/api/v1/runs?sort=pipeline"),
        ("list by status", "/api/v1/runs?sort=status"),
        ("list of failed by duration", "/api/v1/runs?status=failed&sort=-duration_ms"),
        ("operations", "/ops"),
        ("metrics", "/metrics"),
        ("pipelines", "/pipelines"),
        ("costs", "/costs"),
        ("dashboard", "/dashboard"),
        ("dashboard, all time, largest first", "/dashboard?time=all&sort=largest"),
        ("dashboard, text that nobody has", "/dashboard?time=all&search=nobodyhasthis"),
    ):
        yield name, lambda path=path: path


def _memory(pid: int, which: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [kib] = [line.split()[1] for line in lines if line.startswith(which + ":")]
    return int(kib) * 1024 / _MIB


if __name__ == "__main__":
    main()
