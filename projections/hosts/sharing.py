"""Keeps what runs on announced hosts cost: what they have at work there, their shares, and which other runs a change touches.

A run on a host changes what the others there cost. So each of those gets a mark, in a table, and whoever projects it makes its
figures anew when there is time. Marks are written after what they tell of, and read before it, so none is lost between workers.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from projections.sql import sql
from stores.tables.client import Tables

T = TypeVar("T")

#: Marked runs that one slice makes anew.
MARKED_AT_ONCE = 200
#: How often the marks that other workers wrote are looked for (s).
LOOK_SECONDS = 60.0

#: What is written for the runs of a refresh, in this order: table → the query for the rows that changed.
SHARES = {"host_attempts": "hosts/attempts", "host_costs": "hosts/costs"}


class Retrying(Protocol):
    """Returns the call's result, and calls again while the tables are away."""

    def __call__(self, what: str, call: Callable[[], T], /) -> T: ...


@dataclass(slots=True)
class HostShares:
    """It belongs to one projector. While no host was announced it asks one question a refresh, and does nothing."""

    tables: Tables
    retrying: Retrying
    #: Whether statements about hosts came of which the runs are not marked yet.
    announced: bool = True
    #: Marked runs, of any partition.
    waiting: dict[str, None] = field(default_factory=dict)
    _any_hosts: bool = False
    _look_at: float = 0.0

    def reassigned(self) -> None:
        """Look for what another worker left undone."""
        self.announced = True
        self._look_at = 0.0

    def price(self, offsets: Mapping[str, int], price_version: int) -> list[int]:
        """Write what the runs have on announced hosts and what it costs, and mark the runs whose shares that changes.

        Returns the mark of each run, in the order of `offsets`, for the version of its figures. Raises Stopped.
        """
        if not self._known():
            return [0] * len(offsets)
        found = self._rows("hosts/runs_on_hosts", run_ids=list(offsets))
        marks = {r["run_id"]: int(r["mark"]) for r in found}
        on_hosts = list(marks)
        if on_hosts:
            parameters = {
                "run_ids": on_hosts,
                "offsets": [offsets[r] for r in on_hosts],
                "marks": list(marks.values()),
                "price_version": price_version,
                "from_ms": min(r["from_ms"] for r in found),
            }
            self._insert("host_attempts", **parameters)
            self._mark(self._rows("hosts/neighbours", run_ids=on_hosts))
            self._insert("host_costs", **parameters)
        return [marks.get(run_id, 0) for run_id in offsets]

    def has_marked(self) -> bool:
        """Whether `marked` may find something."""
        return self.announced or bool(self.waiting) or (self._any_hosts and time.monotonic() >= self._look_at)

    def marked(self, partitions: Sequence[int]) -> list[dict[str, Any]]:
        """Some runs of the partitions whose figures are behind their mark, as rows (run_id, offset, tasks). Raises Stopped."""
        if not self._known():
            self.announced = False
            return []
        if self.announced:
            self._mark_announced()
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            self.waiting |= dict.fromkeys(r["run_id"] for r in self._behind([], partitions))
        some = list(self.waiting)[:MARKED_AT_ONCE]
        for run_id in some:
            del self.waiting[run_id]
        return self._behind(some, partitions) if some else []

    def _mark_announced(self) -> None:
        """Mark the runs on hosts of which something new was said, and then note that this is done."""
        self.announced = False
        new = self._rows("hosts/announced")
        if not new:
            return
        since: dict[str, int] = {}
        for row in new:
            since[row["hostname"]] = min(row["from_ms"], since.get(row["hostname"], row["from_ms"]))
        self._mark(self._rows("hosts/runs_to_mark", hostnames=list(since), from_ms=list(since.values())))
        done = [
            {k: row[k] for k in ("hostname", "owner", "from_ms")} | {"priced": row["said"]} for row in new
        ]
        self._put("hosts", done)

    def _mark(self, rows: Iterable[Mapping[str, Any]]) -> None:
        marks = [{"run_id": r["run_id"], "mark": r["mark"]} for r in rows]
        if marks:
            self._put("host_marks", marks)
            self.waiting |= dict.fromkeys(str(m["run_id"]) for m in marks)

    def _known(self) -> bool:
        if not self._any_hosts:
            self._any_hosts = bool(
                self.retrying("hosts", lambda: self.tables.value("SELECT count() > 0 FROM hosts"))
            )
        return self._any_hosts

    def _behind(self, run_ids: Sequence[str], partitions: Sequence[int]) -> list[dict[str, Any]]:
        return self._rows("hosts/marked", run_ids=run_ids, partitions=list(partitions))

    def _rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        return self.retrying(query, partial(self.tables.rows, sql(query), **parameters))

    def _insert(self, table: str, **parameters: Any) -> None:
        query = SHARES[table]
        statement = f"INSERT INTO {table}\n{sql(query)}"
        self.retrying(query, partial(self.tables.command, statement, **parameters))

    def _put(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        lines = "\n".join(map(json.dumps, rows)).encode()
        self.retrying(f"insert into {table}", partial(self.tables.insert, table, lines))
