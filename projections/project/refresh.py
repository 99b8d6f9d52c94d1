"""Figures of the runs that batches touched: when to refresh which run (pure), and the refresh itself."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from projections.project.writer import Writer
from projections.sql import sql
from stores.tables.client import Tables

#: Tables of figures and the query that fills each, in the order in which they are written: the second reads the first.
FIGURES = {"run_processes": "project/refresh_processes", "run_figures": "project/refresh_figures"}
#: A run waits this many times as long as its share of the last refresh took, so that giant runs cannot starve the others.
PATIENCE = 5
#: Runs with more task records than this are refreshed alone, so that the others need not share their wait.
GIANT_RECORDS = 50_000
#: Most runs of one refresh: the ids stand in the statement.
RUNS_AT_ONCE = 200


@dataclass(slots=True)
class Dirty:
    """A run whose figures are behind."""

    partition: int
    offset: int  # greatest offset inserted
    tasks_observed: int  # observed time (ms) of the last task records since its last refresh; -1: none came
    ended: bool = False


@dataclass(slots=True)
class Schedule:
    """Which runs are dirty, and from when on (seconds of the given clock) each may be refreshed. Pure: time is an argument."""

    dirty: dict[str, Dirty] = field(default_factory=dict)
    not_before: dict[str, float] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    #: Run → the least stalled threshold (ms) of its own that is known of.
    impatient: dict[str, int] = field(default_factory=dict)

    def touch(
        self,
        run_id: str,
        partition: int,
        offset: int,
        records: int = 0,
        tasks_observed: int = -1,
        ended: bool = False,
    ) -> None:
        """A message of the run was inserted, with about this many task records."""
        entry = self.dirty.setdefault(run_id, Dirty(partition, offset, tasks_observed))
        entry.offset = max(entry.offset, offset)
        entry.tasks_observed = max(entry.tasks_observed, tasks_observed)
        entry.ended |= ended
        self.records[run_id] = self.records.get(run_id, 0) + records

    def hurry(self, run_id: str, stalled_ms: int) -> None:
        """The run brings a stalled threshold of its own, or (0) none. The least counts: it need not be in force any more."""
        if stalled_ms:
            self.impatient[run_id] = min(stalled_ms, self.impatient.get(run_id, stalled_ms))

    def needed_at(self, clocks: Mapping[int, int], stalled_ms: int) -> list[str]:
        """Dirty runs whose figures must be exact before a sweep at these clocks (partition → ms), so that a replay finds the same
        transitions: they told tasks since the last refresh, but none within the threshold, so they may be stalled."""
        return [
            run_id
            for run_id, dirty in self.dirty.items()
            if dirty.tasks_observed >= 0
            and (clock := clocks.get(dirty.partition)) is not None
            and clock - dirty.tasks_observed > min(stalled_ms, self.impatient.get(run_id, stalled_ms))
        ]

    def due(self, now: float) -> list[str]:
        """Dirty runs that may be refreshed now."""
        return [r for r in self.dirty if self.not_before.get(r, 0.0) <= now]

    def groups(self, run_ids: Iterable[str]) -> list[list[str]]:
        """The runs in groups to refresh together; giants stand alone."""
        small: list[str] = []
        giants: list[list[str]] = []
        for r in run_ids:
            if self.records.get(r, 0) > GIANT_RECORDS:
                giants.append([r])
            else:
                small.append(r)
        return [small[i : i + RUNS_AT_ONCE] for i in range(0, len(small), RUNS_AT_ONCE)] + giants

    def refreshed(self, offsets: Mapping[str, int], now: float, took: float) -> None:
        """The runs were refreshed up to these offsets, ending now, in this many seconds: each is charged its share."""
        wait = PATIENCE * took / max(1, len(offsets))
        for run_id, offset in offsets.items():
            entry = self.dirty[run_id]
            self.not_before[run_id] = now + wait
            if entry.offset <= offset:
                del self.dirty[run_id]
                if entry.ended:
                    self.records.pop(run_id, None)
                    self.impatient.pop(run_id, None)
        if len(self.not_before) > 10_000:
            self.not_before = {r: t for r, t in self.not_before.items() if t > now}

    def keep(self, partitions: Set[int]) -> None:
        """Other partitions went to another worker, which refreshes their runs."""
        self.dirty = {r: d for r, d in self.dirty.items() if d.partition in partitions}


def refresh(writer: Writer, offsets: Mapping[str, int], price_version: int) -> None:
    """Make the figures of the runs anew. `offsets`: each run's greatest offset that is inserted. Raises Stopped."""
    parameters = {"run_ids": list(offsets), "offsets": list(offsets.values()), "price_version": price_version}
    for table, query in FIGURES.items():
        statement = f"INSERT INTO {table}\n{sql(query)}"
        writer.steadily(query, partial(writer.tables.command, statement, **parameters))


def stale(tables: Tables, partitions: Sequence[int], price_version: int) -> list[dict[str, Any]]:
    """Runs of the partitions whose figures are behind what is inserted: run_id, partition, offset."""
    return tables.rows(sql("project/stale_figures"), partitions=list(partitions), price_version=price_version)


def impatient(tables: Tables, partitions: Sequence[int]) -> dict[str, int]:
    """Live runs of the partitions that bring a stalled threshold of their own → that, in ms."""
    rows = tables.rows(sql("project/impatient"), partitions=list(partitions))
    return {r["run_id"]: r["stalled_ms"] for r in rows}
