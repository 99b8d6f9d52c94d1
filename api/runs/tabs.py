"""Which tabs the page of a run has, and which one it opens on. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.core.problems import bad_request
from api.runs.models import Run
from api.tasks.models import Process
from schemas.statuses import ReportedState, RunStatus


@dataclass(frozen=True, slots=True)
class Tab:
    """`name` is its address on the page."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Known:
    """What beside the run decides about tabs."""

    resumed: bool
    cycles: int
    analysed: bool = False


def costs_count(run: Run, resumed: bool) -> bool:
    """Whether the run's cost stands for all of the work: it succeeded and is no resume."""
    return run.status == RunStatus.SUCCEEDED and not resumed


def tabs(run: Run, known: Known) -> list[Tab]:
    """The tabs in their order."""
    failed = run.reported_state in (ReportedState.FAILED, ReportedState.CANCELLED)
    all_tabs = (
        (True, "overview", "Overview"),
        (failed, "error", "Error & Resume"),
        (True, "timeline", "Task Timeline"),
        (True, "config", "Config & Params"),
        (True, "notes", "Notes"),
        (True, "logs", "Logs"),
        (costs_count(run, known.resumed), "cost", "Cost and Performance"),
        (known.analysed, "ai", "AI Analysis"),
        (known.cycles > 1, "history", "Run History"),
    )
    return [Tab(name, title) for there, name, title in all_tabs if there]


def opens_on(run: Run) -> str:
    """The tab that is open when the address names none."""
    return "error" if run.reported_state == ReportedState.FAILED else "overview"


#: Columns of the process table: field, heading.
COLUMNS = (
    ("process", "Process"),
    ("succeeded", "Succeeded"),
    ("failed", "Failed"),
    ("aborted", "Aborted"),
    ("running", "Running"),
    ("cached", "Cached"),
    ("retried", "Retried"),
    ("submitted", "Submitted"),
)


def sorted_processes(processes: Sequence[Process], sort: str) -> list[Process]:
    """By a column, with `-` before it for descending; '' leaves the pipeline's own order. Raises Problem 400."""
    if not sort:
        return list(processes)
    column = sort.removeprefix("-")
    names = [name for name, _ in COLUMNS]
    if column not in names:
        raise bad_request(f"sort: give one of {', '.join(names)}, with - before it for descending")
    if column == "process":
        return sorted(processes, key=lambda p: (p.label, p.process), reverse=sort.startswith("-"))
    sign = -1 if sort.startswith("-") else 1
    return sorted(processes, key=lambda p: sign * int(getattr(p, column)))
