"""What every answer is read with: the queries by name, and the moment at which live runs are judged."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from api.core.memo import Memo
from schemas.settings import Settings
from schemas.sql import sql as of_path
from stores.tables.client import Tables

Row = dict[str, Any]
T = TypeVar("T")

# Most of what a small answer takes is planning, one core a query, so what an answer needs is asked at once.
_AHEAD = ThreadPoolExecutor(8, thread_name_prefix="ahead")


def ahead(ask: Callable[[], T]) -> "Future[T]":
    """Ask now, take the result later; never ask ahead from within: the threads are few."""
    return _AHEAD.submit(ask)


def sql(name: str, **variables: bool) -> str:
    """The statement in `api/FOLDER/FILE.sql` for the name `FOLDER/FILE`, with these variables of its template."""
    return of_path(f"api/{name}", **variables)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The moment at which live runs are judged. `as_of_ms`: the oldest over all partitions, for many runs."""

    as_of_ms: int
    by_partition: Mapping[int, int]
    clocks: Mapping[int, int]  # partition → its observed clock, ms
    behind: Sequence[int]  # partitions of which nothing current is projected
    disconnected_ms: int
    stalled_ms: int

    def as_of(self, partition: int) -> int:
        """The moment (ms) up to which a run of this partition is projected."""
        return self.by_partition.get(partition, self.as_of_ms)

    def parameters(self) -> dict[str, Any]:
        """Parameters of the macro `run_statuses`."""
        return {
            "clock_partitions": list(self.clocks),
            "clock_times": list(self.clocks.values()),
            "behind": list(self.behind),
            "disconnected_ms": self.disconnected_ms,
            "stalled_ms": self.stalled_ms,
        }


def judge(partitions: Sequence[Row], now_ms: int, settings: Settings) -> Judgement:
    """Pure. `partitions`: rows of `partitions.sql`; one is behind if its newest tick is old or missing.

    `as_of` is the newest tick that is projected, else the newest append, else now.
    """
    by_partition = {
        p["partition"]: p["appended_ms"] if p["tick_ms"] is None else p["tick_ms"] for p in partitions
    }
    oldest_ms = now_ms - int(settings.behind_after_seconds * 1000)
    return Judgement(
        as_of_ms=min(by_partition.values(), default=now_ms),
        by_partition=by_partition,
        clocks={p["partition"]: p["clock_ms"] for p in partitions},
        behind=[p["partition"] for p in partitions if p["tick_ms"] is None or p["tick_ms"] < oldest_ms],
        disconnected_ms=int(settings.disconnected_after_seconds * 1000),
        stalled_ms=int(settings.stalled_after_seconds * 1000),
    )


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the tables. Blocking: call from a thread. `clock` gives the wall clock in ms.

    Raises TablesUnavailable when ClickHouse cannot be reached.
    """

    tables: Tables
    settings: Settings
    clock: Callable[[], int]
    memo: Memo = field(default_factory=Memo)

    def rows(self, query: str, **parameters: Any) -> list[Row]:
        """Rows of the query of this name. Runs are not judged for a filter by status that lets all pass, as planning that takes
        more than half of such a query."""
        variables = {"any_status": True} if parameters.get("statuses") == [] else {}
        return self.tables.rows(sql(query, **variables), **parameters)

    def columns(self, query: str, **parameters: Any) -> Iterator[Sequence[Sequence[Any]]]:
        """The result of the query of this name by blocks of rows, each as its columns: for many rows."""
        return self.tables.columns(sql(query), **parameters)

    def judgement(self) -> Judgement:
        """Now."""
        return judge(self.rows("core/partitions"), self.clock(), self.settings)
