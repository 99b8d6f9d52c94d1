"""What costs on shared hosts take: python -m bench.cost [--quick]

Attempts of finished runs over 10,000 hosts, priced by shares of their hosts, and by share of machine beside it; then live runs on
500 shared hosts, of which some report a task: how long until these and all that share a host with them are priced again.
Embedded, in a folder of its own. Of each step seconds, and seconds of CPU; and the most memory that the process had.
"""

import json
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.freshness import machine
from projections.costs.in_force import put_default_in_force
from projections.hosts.sharing import MARKED_AT_ONCE, HostShares
from projections.project.refresh import RUNS_AT_ONCE, refresh
from projections.project.writer import Writer
from schemas.sql import sql
from stores.tables.client import Tables
from stores.tables.migrate import migrate

#: Attempts of one finished run, and the hosts that it is spread over.
OF_RUN, HOSTS_OF_RUN = 1_000, 100
HOSTS = 10_000
LIVE_RUNS, LIVE_HOSTS, TASKS_OF_LIVE = 1_000, 500, 50
#: Live runs that report at the same time.
REPORTING = 20


def main() -> None:
    """Print the machine and a line a step."""
    quick = "--quick" in sys.argv
    print(machine())
    table = Table("step", "s", "s of CPU", "MiB at most")
    for attempts in (10**4,) if quick else (10**5, 10**6):
        with Stage() as stage:
            stage.attempts(attempts, OF_RUN, HOSTS_OF_RUN, HOSTS, live=False)
            name = f"{attempts:,} attempts"
            with measured(table, f"{name}, share of machine"):
                stage.refresh_all()
            stage.announce(HOSTS)
            with measured(table, f"{name}, {HOSTS:,} hosts, host-sliced"):
                stage.refresh_all()
    with Stage() as stage:
        runs = 50 if quick else LIVE_RUNS
        stage.announce(LIVE_HOSTS)
        stage.attempts(runs * TASKS_OF_LIVE, TASKS_OF_LIVE, TASKS_OF_LIVE, LIVE_HOSTS, live=True)
        stage.refresh_all()
        stage.priced_again()
        with measured(table, f"{runs:,} live runs on {LIVE_HOSTS} hosts: {REPORTING} report a task"):
            stage.report(REPORTING)
        marked = stage.marked
        with measured(table, f"… and the {marked:,} runs beside them are priced again"):
            stage.priced_again()
    Console(width=120).print(table)


@contextmanager
def measured(table: Table, what: str) -> Iterator[None]:
    """Add a line of what the block took."""
    began, cpu = time.monotonic(), _cpu()
    yield
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    table.add_row(what, f"{time.monotonic() - began:.1f}", f"{_cpu() - cpu:.1f}", f"{most:,}")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Stage:
    """Tables in a folder that goes, and what a projector keeps beside them."""

    def __enter__(self) -> "Stage":
        self._folder = tempfile.TemporaryDirectory()
        self.tables = Tables("chdb", Path(self._folder.name))
        migrate(self.tables)
        self.version = put_default_in_force(self.tables)
        self.writer = Writer(self.tables, threading.Event())
        self.shares = HostShares(self.tables, self.writer.retrying)
        self.offset = 1
        return self

    def __exit__(self, *_: object) -> None:
        self.tables.close()
        self._folder.cleanup()

    @property
    def marked(self) -> int:
        """How many runs wait to be priced again."""
        return len(self.shares.waiting)

    def attempts(self, attempts: int, of_run: int, hosts_of_run: int, hosts: int, live: bool) -> None:
        """Tasks and their runs."""
        parameters = {
            "attempts": attempts,
            "of_run": of_run,
            "hosts_of_run": hosts_of_run,
            "hosts": hosts,
            "live": int(live),
        }
        self.tables.command(sql("bench/sql/tasks_on_hosts"), **parameters)
        self.tables.command(
            "INSERT INTO runs (run_id, partition, offset, last_instant) "
            "SELECT run_id, 0, 1, max(ifNull(completed_at, addMinutes(started_at, 20))) FROM tasks GROUP BY run_id"
        )

    def announce(self, hosts: int) -> None:
        """All hosts are said to be machines of one type."""
        said = (
            "(1, 10413791999999, 'm5.4xlarge', 'spot', 'us-east-1a', 16000, 65536)::Tuple(offset Int64, until_ms Int64, "
            "machine_type String, price_model String, zone String, cpu_thousandths Int64, memory_mib Int64)"
        )
        self.tables.command(
            f"INSERT INTO hosts SELECT concat('node-', toString(number)), '', 0, {said}, {said} FROM numbers({hosts})"
        )

    def refresh_all(self) -> None:
        """Every run, in groups as a projector makes them."""
        ids = [r["run_id"] for r in self.tables.rows("SELECT run_id FROM runs FINAL ORDER BY run_id")]
        for start in range(0, len(ids), RUNS_AT_ONCE):
            self.refresh(ids[start : start + RUNS_AT_ONCE])

    def refresh(self, run_ids: list[str]) -> None:
        refresh(self.writer, dict.fromkeys(run_ids, self.offset), self.version, self.shares)

    def priced_again(self) -> None:
        """All runs that are marked, in slices as a projector makes them, without its pauses."""
        while self.shares.has_marked():
            if behind := self.shares.marked([0]):
                self.refresh([r["run_id"] for r in behind][:MARKED_AT_ONCE])

    def report(self, runs: int) -> None:
        """Some live runs tell of the end of a task."""
        self.offset += 1
        rows = self.tables.rows(
            "SELECT run_id, task_id, hostname, started_at FROM tasks FINAL WHERE status = 'running' "
            "ORDER BY cityHash64(run_id) LIMIT 1 BY run_id LIMIT {most:UInt32}",
            most=runs,
        )
        ended = [r | {"status": "succeeded", "started_at": str(r["started_at"]), "cpus": 2.0} for r in rows]
        for r in ended:
            r["completed_at"] = r["started_at"].replace("2026-07-01", "2026-07-02")
        self.tables.insert("tasks", "\n".join(map(json.dumps, ended)).encode())
        self.refresh([r["run_id"] for r in rows])


if __name__ == "__main__":
    main()
