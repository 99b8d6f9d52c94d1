"""Figures of the runs that batches touched: when to refresh which run (pure), and the refresh itself."""

import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from projections.hosts.sharing import HostShares
from projections.project.writer import Writer
from projections.sql import sql
from schemas.values import INT64_MAX
from stores.tables.client import Tables

#: Tables of figures and the query that fills each, in the order in which they are written: the second reads the first.
FIGURES = {"run_processes": "project/refresh_processes", "run_figures": "project/refresh_figures"}
#: A run waits this many times as long as its share of the last refresh took, so that large runs cannot starve the others.
PATIENCE = 5
#: And at least this many times as long as all of it took: so refreshes take a third of the time at most, and messages go first.
#: Measured with 8 runs under full load: 31 % less CPU time a task record. What a sweep and a run's end need never waits.
GROUP_PATIENCE = 2
#: Runs with more task records than this are refreshed alone, so that the others need not share their wait.
LARGE_RUN_RECORDS = 50_000
#: Runs of one refresh, however many records they have.
RUNS_AT_ONCE = 200
#: Runs of one refresh, where they have few records in all. Most of what it costs is to plan the statements: of runs without tasks
#: 200 at once cost 1.3 ms of CPU each, 1,000 at once 0.3. The ids are parameters, so not any number.
SMALL_RUNS_AT_ONCE = 1_000
#: Most runs of which is kept in memory that another price book priced them: to find them reads all runs, so not too few.
OUTDATED_AT_ONCE = 10_000


@dataclass(slots=True)
class Dirty:
    """A run whose figures are behind."""

    partition: int
    offset: int  # greatest offset inserted
    tasks_observed: int  # observed time (ms) of the last task records since its last refresh; -1: none came
    ended: bool = False
    unlisted: bool = False  # more than its figures changed since its row of the list was written


@dataclass(slots=True)
class Schedule:
    """Which runs are dirty, and from when on (seconds of the given clock) each may be refreshed. Pure: time is an argument."""

    dirty: dict[str, Dirty] = field(default_factory=dict)
    not_before: dict[str, float] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    #: Run → the least own stalled threshold (ms) that was recorded.
    own_stalled_ms: dict[str, int] = field(default_factory=dict)

    def touch(
        self,
        run_id: str,
        partition: int,
        offset: int,
        records: int = 0,
        tasks_observed: int = -1,
        ended: bool = False,
        unlisted: bool = False,
    ) -> None:
        """Record that a message of the run, with about this many task records, was inserted. `unlisted`: the list of runs is to
        show it at once."""
        entry = self.dirty.setdefault(run_id, Dirty(partition, offset, tasks_observed))
        entry.offset = max(entry.offset, offset)
        entry.tasks_observed = max(entry.tasks_observed, tasks_observed)
        entry.ended |= ended
        entry.unlisted |= unlisted
        self.records[run_id] = self.records.get(run_id, 0) + records

    def set_own_stalled(self, run_id: str, stalled_ms: int) -> None:
        """Record a stalled threshold of the run's own (0: none). The least ever recorded counts, even after a new label."""
        if stalled_ms:
            self.own_stalled_ms[run_id] = min(stalled_ms, self.own_stalled_ms.get(run_id, stalled_ms))

    def needed_at(self, clocks: Mapping[int, int], stalled_ms: int) -> list[str]:
        """Dirty runs whose figures must be exact before a sweep at these clocks (partition → ms), so that a replay makes the same
        transitions: they reported tasks since the last refresh, but none within the threshold, so they may be stalled."""
        return [
            run_id
            for run_id, dirty in self.dirty.items()
            if dirty.tasks_observed >= 0
            and (clock := clocks.get(dirty.partition)) is not None
            and clock - dirty.tasks_observed > min(stalled_ms, self.own_stalled_ms.get(run_id, stalled_ms))
        ]

    def ended(self) -> list[str]:
        """Dirty runs whose end was inserted since their last refresh."""
        return [r for r, dirty in self.dirty.items() if dirty.ended]

    def unlisted(self) -> list[str]:
        """Dirty runs whose rows of the list of runs are to be written at once."""
        return [r for r, dirty in self.dirty.items() if dirty.unlisted]

    def listed(self, run_ids: Iterable[str]) -> None:
        """Record that the rows of the list of these runs were written."""
        for run_id in run_ids:
            self.dirty[run_id].unlisted = False

    def due(self, now: float) -> list[str]:
        """Dirty runs that may be refreshed now."""
        return [r for r in self.dirty if self.not_before.get(r, 0.0) <= now]

    def groups(self, run_ids: Iterable[str]) -> list[list[str]]:
        """The runs in groups to refresh together; large stand alone."""
        groups: list[list[str]] = []
        large: list[list[str]] = []
        group: list[str] = []
        in_group = 0
        for r in run_ids:
            records = self.records.get(r, 0)
            if records > LARGE_RUN_RECORDS:
                large.append([r])
                continue
            most = SMALL_RUNS_AT_ONCE if in_group + records <= LARGE_RUN_RECORDS else RUNS_AT_ONCE
            if not groups or len(group) >= most:
                group, in_group = [], 0
                groups.append(group)
            group.append(r)
            in_group += records
        return groups + large

    def refreshed(self, offsets: Mapping[str, int], now: float, took: float) -> None:
        """Record that the runs were refreshed up to these offsets in `took` seconds, after which they wait (above)."""
        wait = took * max(PATIENCE / max(1, len(offsets)), GROUP_PATIENCE)
        for run_id, offset in offsets.items():
            entry = self.dirty[run_id]
            self.not_before[run_id] = now + wait
            if entry.offset <= offset:
                del self.dirty[run_id]
                if entry.ended:
                    self.records.pop(run_id, None)
                    self.own_stalled_ms.pop(run_id, None)
        if len(self.not_before) > 10_000:
            self.not_before = {r: t for r, t in self.not_before.items() if t > now}

    def keep(self, partitions: Set[int]) -> None:
        """Drop the runs of other partitions: another worker refreshes them."""
        self.dirty = {r: d for r, d in self.dirty.items() if d.partition in partitions}


@dataclass(slots=True)
class Repricing:
    """Runs that another price book priced, which are refreshed in slices between batches. Pure: time is an argument.

    Nothing of it is kept: figures carry the version of their price book, so whoever takes over finds what is left.
    """

    waiting: deque[dict[str, Any]] = field(default_factory=deque)
    #: Whether no run is left but those that wait.
    all_found: bool = False
    not_before: float = 0.0

    def found(self, runs: Sequence[dict[str, Any]]) -> None:
        """Add runs (run_id, offset, tasks); fewer than `OUTDATED_AT_ONCE` are the last."""
        self.waiting.extend(runs)
        self.all_found = len(runs) < OUTDATED_AT_ONCE

    def slice(self) -> dict[str, int]:
        """Take out the runs (id → offset) of one refresh: a large one alone, or several with few tasks together."""
        taken: dict[str, int] = {}
        tasks = 0
        while self.waiting and len(taken) < SMALL_RUNS_AT_ONCE:
            tasks += self.waiting[0]["tasks"]
            if taken and tasks > LARGE_RUN_RECORDS:
                break
            run = self.waiting.popleft()
            taken[run["run_id"]] = run["offset"]
        return taken

    def refreshed(self, now: float, took: float) -> None:
        """Record that a slice took so long: the next waits `PATIENCE` times as long, so that messages go first."""
        self.not_before = now + PATIENCE * took


def refresh(
    writer: Writer,
    offsets: Mapping[str, int],
    price_version: int,
    shares: HostShares,
    ended: Mapping[str, int] | None = None,
) -> None:
    """Compute the figures of the runs anew, and their rows of the list. `offsets` gives each run's greatest inserted offset,
    `ended` the partitions of those whose end came: once the figures count it, they are over. Raises Stopped."""
    parameters = {
        "run_ids": list(offsets),
        "offsets": list(offsets.values()),
        "marks": shares.price(offsets, price_version),
        "price_version": price_version,
    }
    for table, query in FIGURES.items():
        statement = f"INSERT INTO {table}\n{sql(query)}"
        writer.retrying(query, partial(writer.tables.command, statement, **parameters))
    if ended:
        marks = b"\n".join(
            json.dumps({"run_id": r, "partition": p, "over": 1}).encode() for r, p in ended.items()
        )
        writer.retrying("insert into runs", lambda: writer.tables.insert("runs", marks))
    list_runs(writer, list(offsets))


def list_runs(writer: Writer, run_ids: Sequence[str]) -> None:
    """Write the rows of these runs in the list of runs, as the tables are now. Raises Stopped."""
    statement = sql("project/list_runs")
    for start in range(0, len(run_ids), SMALL_RUNS_AT_ONCE):
        ids = run_ids[start : start + SMALL_RUNS_AT_ONCE]
        writer.retrying("list_runs", partial(writer.tables.command, statement, run_ids=ids))


def list_all_runs(tables: Tables) -> None:
    """Fill the list of runs where it is empty: tables from before it have none. What comes later is newer, or the same."""
    if not tables.value("SELECT count() FROM run_list"):
        tables.command(sql("project/list_all"))


def stale(tables: Tables, partitions: Sequence[int]) -> list[dict[str, Any]]:
    """Rows (run_id, partition, offset, tasks) of the partitions' runs whose figures are behind what is inserted."""
    return outdated(tables, partitions, price_version=0, most=INT64_MAX)


def outdated(
    tables: Tables, partitions: Sequence[int], price_version: int, most: int | None = None
) -> list[dict[str, Any]]:
    """The same, and runs priced by a book before `price_version`: live runs first, at most `OUTDATED_AT_ONCE` if not said."""
    return tables.rows(
        sql("project/stale_figures"),
        partitions=list(partitions),
        price_version=price_version,
        most=most or OUTDATED_AT_ONCE,
    )


def own_stalled_thresholds(tables: Tables, partitions: Sequence[int]) -> dict[str, int]:
    """Map live runs of the partitions to their own stalled threshold in ms, where they have one."""
    rows = tables.rows(sql("project/own_stalled_thresholds"), partitions=list(partitions))
    return {r["run_id"]: r["stalled_ms"] for r in rows}
