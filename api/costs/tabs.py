"""The tab with what a run cost, by process, and when each process was at work."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from api.core.db import Reader
from api.core.params import check_sort
from api.costs.activity import Activity, Burst
from api.costs.models import ProcessCost
from api.costs.queries import activity_of, costs
from api.runs.models import RunFacts, Tab
from schemas.statuses import ReportedState

_OVER = (ReportedState.SUCCEEDED, ReportedState.FAILED, ReportedState.CANCELLED)

#: Columns of the table: name → what it is sorted by. What is not known goes last.
SORTS: Mapping[str, Callable[[ProcessCost], Any]] = {
    "process": lambda p: p.label.lower(),
    "tasks": lambda p: p.tasks,
    "cost": lambda p: _number(p.amount),
    "wasted": lambda p: _number(p.wasted),
    "if_all_spot": lambda p: _number(p.if_all_spot.amount if p.if_all_spot else None),
    "cpu_time": lambda p: p.cpu_ms,
    "cpu_used": lambda p: p.use.cpu_used if p.use else None,
    "memory_used": lambda p: p.use.memory_used if p.use else None,
    "unused": lambda p: _number(p.use.unused if p.use else None),
    "wallclock": lambda p: p.wallclock_ms,
    "simulated": lambda p: p.simulated_wallclock_ms,
    "capacity": lambda p: p.capacity,
    "carbon": lambda p: p.carbon.g_co2e if p.carbon else None,
}


def _number(amount: str | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)


def sorted_processes(processes: Sequence[ProcessCost], sort: str) -> list[ProcessCost]:
    """Pure. By a column, with `-` before it for descending; '' is highest cost first. Raises Problem 400."""
    check_sort(sort, frozenset(SORTS))
    if not sort:
        return list(processes)
    value = SORTS[sort.removeprefix("-")]
    known = [p for p in processes if value(p) is not None]
    return sorted(known, key=value, reverse=sort.startswith("-")) + [p for p in processes if value(p) is None]


@dataclass(frozen=True, slots=True)
class ProcessBar:
    """A process and when it was at work."""

    process: ProcessCost
    bursts: Sequence[Burst]

    @property
    def critical(self) -> bool:
        """Whether it is on the critical path."""
        return any(b.critical for b in self.bursts)


def bars(processes: Sequence[ProcessCost], found: Activity) -> list[ProcessBar]:
    """Pure. Of the processes that were at work, the earliest first."""
    at_work = [ProcessBar(p, found.bursts[p.process]) for p in processes if p.process in found.bursts]
    return sorted(at_work, key=lambda bar: (bar.bursts[0].x, bar.process.process))


def _costs(reader: Reader, facts: RunFacts, query: Mapping[str, str]) -> dict[str, Any]:
    found = costs(reader, facts.run.id)
    sort = query.get("sort", "")
    at_work = activity_of(reader, facts.run, found)
    return {
        "costs": found,
        "processes": sorted_processes(found.processes, sort),
        "sort": sort,
        "bars": bars(found.processes, at_work),
        "sync_points": at_work.sync_points,
    }


def _ran(facts: RunFacts) -> bool:
    """Whether there is something to price: tasks, or a run that is over."""
    return facts.run.tasks.total > 0 or facts.run.reported_state in _OVER


COST = Tab("cost", "Cost and Performance", "costs/run_cost.html", _costs, applies=_ran)
