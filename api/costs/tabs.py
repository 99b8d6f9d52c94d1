"""The tab with what a run cost, by process, and when each process was at work."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from api.core.db import Reader
from api.core.params import check_sort
from api.costs.models import ProcessCost
from api.costs.queries import costs
from api.html.formats import ms_of
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
    """From the first submission of a process to its last completion; `x` and `width` in per cent of the run's time."""

    process: ProcessCost
    x: float
    width: float


def bars(processes: Sequence[ProcessCost]) -> list[ProcessBar]:
    """Pure. Of the processes that submitted something, the earliest first."""
    spans = [
        (ms_of(p.first_submitted_at), ms_of(p.last_completed_at or p.first_submitted_at), p)
        for p in processes
        if p.first_submitted_at
    ]
    if not spans:
        return []
    start = min(first for first, _, _ in spans)
    whole = max(1, max(last for _, last, _ in spans) - start)
    return [
        ProcessBar(
            p, round(100 * (first - start) / whole, 2), round(max(0.4, 100 * (last - first) / whole), 2)
        )
        for first, last, p in sorted(spans, key=lambda s: (s[0], s[2].process))
    ]


def _costs(reader: Reader, facts: RunFacts, query: Mapping[str, str]) -> dict[str, Any]:
    found = costs(reader, facts.run.id)
    sort = query.get("sort", "")
    return {
        "costs": found,
        "processes": sorted_processes(found.processes, sort),
        "sort": sort,
        "bars": bars(found.processes),
    }


def _ran(facts: RunFacts) -> bool:
    """Whether there is something to price: tasks, or a run that is over."""
    return facts.run.tasks.total > 0 or facts.run.reported_state in _OVER


COST = Tab("cost", "Cost and Performance", "costs/run_cost.html", _costs, applies=_ran)
