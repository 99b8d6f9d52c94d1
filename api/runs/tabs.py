"""The tabs that runs themselves bring: overview, configuration, history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from api.core.db import Reader, ahead
from api.core.figures import money
from api.core.problems import bad_request
from api.html.charts import curve
from api.html.formats import ms_of
from api.html.links import s3_link
from api.html.repositories import links
from api.runs.models import Cost, Run, RunFacts, Tab
from api.runs.progress import progress
from api.runs.queries import runs_of
from api.runs.texts import param_rows
from api.tasks import queries as tasks
from api.tasks.models import Process

#: Failed tasks that a tab lists; the rest is a click away.
_FAILED_MAX = 10
#: Points of the chart of tasks at once, and tasks up to which it is drawn: of 100,000 it takes 0.2 s of CPU each time.
_CURVE_POINTS = 240
CURVE_TASKS_MAX = 20_000

#: Processes above which their table can be filtered, above which it has pages, and how many a page has.
_FILTERED_ABOVE, _PAGED_ABOVE, _PROCESSES_PAGE = 30, 200, 100

#: Columns of the process table: field, heading; the first is headed by the runner's own word.
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
#: Those that are there only where some process has any.
RARE_COLUMNS = (("pending", "Pending"), ("stored", "From store"), ("never_run", "Never ran"))


def sorted_processes(processes: Sequence[Process], sort: str) -> list[Process]:
    """By a column, with `-` before it for descending; '' leaves the pipeline's own order. Raises Problem 400."""
    if not sort:
        return list(processes)
    column = sort.removeprefix("-")
    names = [name for name, _ in (*COLUMNS, *RARE_COLUMNS)]
    if column not in names:
        raise bad_request(f"sort: give one of {', '.join(names)}, with - before it for descending")
    if column == "process":
        return sorted(processes, key=lambda p: (p.label, p.process), reverse=sort.startswith("-"))
    sign = -1 if sort.startswith("-") else 1
    return sorted(processes, key=lambda p: sign * int(getattr(p, column)))


@dataclass(frozen=True, slots=True)
class ProcessPage:
    """The processes that a table shows, of `found` that the filter lets through, of `total`; `page` of `pages`, from 1."""

    shown: Sequence[Process]
    found: int
    total: int
    page: int
    pages: int

    @property
    def can_be_filtered(self) -> bool:
        return self.total > _FILTERED_ABOVE


def page_of_processes(processes: Sequence[Process], search: str, page: str) -> ProcessPage:
    """Pure. `search`: words, all of which a name holds; `page`: a number as the address has it, the nearest there is."""
    words = search.lower().split()
    found = [p for p in processes if all(w in p.process.lower() for w in words)]
    if len(found) <= _PAGED_ABOVE:
        return ProcessPage(found, len(found), len(processes), 1, 1)
    pages = -(-len(found) // _PROCESSES_PAGE)
    number = min(pages, int(page)) if page.isascii() and page.isdecimal() and 0 < len(page) < 7 else 1
    start = (max(1, number) - 1) * _PROCESSES_PAGE
    shown = found[start : start + _PROCESSES_PAGE]
    return ProcessPage(shown, len(found), len(processes), max(1, number), pages)


def _span(facts: RunFacts) -> tasks.RunSpan:
    began, ended = facts.run.started_at or facts.run.submitted_at, facts.run.completed_at
    return tasks.RunSpan(
        began_ms=ms_of(began) if began else None,
        ended_ms=ms_of(ended) if ended else None,
        last_word_ms=facts.last_word_ms,
    )


def _overview(reader: Reader, facts: RunFacts, query: Mapping[str, str]) -> dict[str, Any]:
    run, workflow, sort = facts.run, facts.run.workflow, query.get("sort", "")
    few = run.tasks.total <= CURVE_TASKS_MAX
    levels = (
        ahead(lambda: tasks.concurrency_within(reader, run.id, _CURVE_POINTS, _span(facts))) if few else None
    )
    processes = tasks.processes_of_announced(reader, run.id, facts.announced_processes)
    return {
        "progress": progress(reader, run, processes),
        "links": links(
            workflow.repository, workflow.revision, workflow.commit_id, reader.settings.repository_kinds
        ),
        "work_dir_link": s3_link(workflow.work_dir, reader.settings.s3_browser),
        "curve": curve(levels.result(), run.started_at, run.completed_at) if levels else None,
        "curve_tasks_max": CURVE_TASKS_MAX,
        "processes": page_of_processes(
            sorted_processes(processes, sort), query.get("process", ""), query.get("page", "")
        ),
        "process_search": query.get("process", "")[:200],
        "columns": [
            ("process", facts.words.process),
            *COLUMNS[1:],
            *(c for c in RARE_COLUMNS if any(getattr(p, c[0]) for p in processes)),
        ],
        "sort": sort,
    }


def _config(_: Reader, facts: RunFacts, __: Mapping[str, str]) -> dict[str, Any]:
    rows, whole = param_rows(facts.run.workflow.params or {})
    return {"params": rows, "params_whole": whole}


@dataclass(frozen=True, slots=True)
class Cycle:
    """A run of the session, its processes, and its failed tasks as far as they are listed."""

    run: Run
    processes: Sequence[Process]
    failed: tasks.FailedTasks


def _history(reader: Reader, facts: RunFacts, _: Mapping[str, str]) -> dict[str, Any]:
    """Newest first; the cost is that of all cycles, where all are listed."""
    places = {run_id: facts.cycles - n for n, run_id in enumerate(facts.newest_cycles)}
    newest = runs_of(reader, facts.newest_cycles, facts.judgement, places)
    failed = {
        c.id: ahead(partial(tasks.failed_tasks, reader, c.id, _FAILED_MAX)) for c in newest if c.tasks.failed
    }
    processes = tasks.processes_of(reader, [c.id for c in newest])
    return {
        "cycles": [
            Cycle(c, processes[c.id], failed[c.id].result() if c.id in failed else tasks.FailedTasks())
            for c in newest
        ],
        "together": together(newest) if len(newest) == facts.cycles else None,
    }


def together(cycles: Sequence[Run]) -> Cost | None:
    """Pure. What all cycles cost: each attempt counts in the cycle that ran it, once. None where no cost is known."""
    costs = [c.cost for c in cycles if c.cost]
    if not costs:
        return None
    methods = {c.method for c in costs if c.method}
    return Cost(
        amount=money(sum((Decimal(c.amount) for c in costs), Decimal(0))),
        currency=costs[0].currency,
        wasted=money(sum((Decimal(c.wasted) for c in costs), Decimal(0))),
        complete=len(costs) == len(cycles) and all(c.complete for c in costs),
        method=methods.pop() if len(methods) == 1 else "mixed" if methods else None,
        unpriced_tasks=sum(c.unpriced_tasks for c in costs),
    )


OVERVIEW = Tab("overview", "Overview", "runs/run_overview.html", _overview)
CONFIG = Tab("config", "Config & Params", "runs/run_config.html", _config)
HISTORY = Tab(
    "history",
    "Run History",
    "runs/run_history.html",
    _history,
    applies=lambda facts: facts.cycles > 1,
    count=lambda facts: facts.cycles,
)
