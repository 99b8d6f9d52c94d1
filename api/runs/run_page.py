"""What the page of one run shows, put together from the same answers as the JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from starlette.responses import HTMLResponse

from api.auth.request_context import SEEN
from api.core.db import Judgement, Reader, Row, ahead
from api.core.figures import money, time_of
from api.costs import queries as costs
from api.html.charts import curve
from api.html.links import s3_link
from api.html.render import ms_of, render
from api.html.repositories import links
from api.notes import queries as notes
from api.runs import queries as runs
from api.runs.models import Cost, Run, Transition
from api.runs.tabs import COLUMNS, Known, costs_count, opens_on, sorted_processes, tabs
from api.tasks import queries as tasks
from api.tasks.models import Process, Task
from schemas.access import Act, may
from schemas.statuses import ReportedState, RunStatus

#: Failing tasks that Error & Resume lists; the rest is a click away.
_FAILING_MAX = 10
#: Ends that have an error to show.
_WENT_WRONG = (ReportedState.FAILED, ReportedState.CANCELLED)
#: Earlier cycles that Run History gives with their processes.
_CYCLES_MAX = 20
#: Points of the picture of tasks at once, and tasks up to which the page draws it: of 100,000 it takes 0.2 s of CPU each time.
_CURVE_POINTS = 240
CURVE_TASKS_MAX = 20_000


def run_page(reader: Reader, ref: str, sort: str) -> HTMLResponse:
    """The page of a run. Raises Problem 404."""
    run_id = runs.resolve(reader, ref)
    processes_of_it = ahead(lambda: tasks.processes(reader, run_id))
    judged = ahead(reader.judgement)
    [facts] = reader.rows("runs/page_facts", run_id=run_id)
    failing = (
        ahead(lambda: tasks.failing_tasks(reader, run_id, _FAILING_MAX))
        if facts["ended"] in _WENT_WRONG
        else None
    )
    told = ahead(lambda: notes.all_notes(reader, run_id))
    changes = ahead(lambda: runs.transitions(reader, run_id))
    processes = processes_of_it.result()
    few = sum(p.total for p in processes) <= CURVE_TASKS_MAX
    levels = ahead(lambda: tasks.concurrency(reader, run_id, _CURVE_POINTS)) if few else None
    cycles = runs_of_session(reader, run_id, facts, judged.result())
    [run] = [c for c in cycles if c.id == run_id]
    noted, analysis = told.result()
    known = Known(bool(facts["resume"]) or run.cycle > 1, len(cycles), bool(analysis))
    shown_tabs = tabs(run, known)
    names = {tab.name for tab in shown_tabs}
    return render(
        "runs/run.html",
        run=run,
        now_ms=reader.clock(),
        may_change=may(SEEN.get().caller, Act.CHANGE_RUN, run.owner),
        since=since(run, changes.result()),
        tabs=shown_tabs,
        names=names,
        open_tab=opens_on(run),
        links=links(
            run.workflow.repository,
            run.workflow.revision,
            run.workflow.commit_id,
            reader.settings.repository_kinds,
        ),
        work_dir_link=s3_link(run.workflow.work_dir, reader.settings.s3_browser),
        curve=curve(levels.result(), run.started_at, run.completed_at) if levels else None,
        curve_tasks_max=CURVE_TASKS_MAX,
        processes=sorted_processes(processes, sort),
        columns=COLUMNS,
        sort=sort,
        tasks_seen_at=time_of(facts["tasks_seen_ms"] or None),
        costs_count=costs_count(run, known.resumed),
        failing=failing.result() if failing and "error" in names else [],
        cycles=_cycles(reader, run, cycles, processes) if "history" in names else [],
        together=together(cycles),
        notes=notes.shown(noted),
        analysis=notes.shown(analysis),
        costs=_costs(reader, run) if "cost" in names else None,
    )


def runs_of_session(reader: Reader, run_id: str, facts: Row, judgement: Judgement) -> list[Run]:
    """The runs of this run's session, oldest first, this one among them. `facts`: its row of `page_facts.sql`."""
    rows = reader.rows("runs/sessions", session_ids=[facts["session"]]) if facts["session"] else []
    cycles = {r["run_id"]: r["cycle"] for r in rows if r["workspace"] == facts["workspace"]}
    return runs.runs_of(reader, list(cycles or {run_id: 1}), judgement, cycles)


def since(run: Run, transitions: list[Transition]) -> str | None:
    """Pure. When the run came to stand as it does, as well as it is known."""
    if run.status == RunStatus.DISCONNECTED:
        return run.last_seen_at
    if run.status == RunStatus.UNKNOWN:
        return run.as_of
    if run.completed_at and run.liveness is None:
        return run.completed_at
    if transitions and transitions[-1].to == run.status:
        return transitions[-1].at
    return run.started_at or run.submitted_at


@dataclass(frozen=True, slots=True)
class Cycle:
    """A run of the session, its processes, and its failed tasks as far as they are listed."""

    run: Run
    processes: Sequence[Process]
    failing: Sequence[Task]


def _cycles(reader: Reader, run: Run, cycles: list[Run], processes: list[Process]) -> list[Cycle]:
    """Newest first."""
    newest = list(reversed(cycles))[:_CYCLES_MAX]

    failing = {
        c.id: ahead(partial(tasks.failing_tasks, reader, c.id, _FAILING_MAX))
        for c in newest
        if c.tasks.failed
    }
    by_run = {run.id: processes} | tasks.processes_of(reader, [c.id for c in newest if c.id != run.id])
    return [Cycle(c, by_run[c.id], failing[c.id].result() if c.id in failing else []) for c in newest]


def together(cycles: Sequence[Run]) -> Cost | None:
    """Pure. What all cycles cost: each attempt counts in the cycle that ran it, once. None where no cost is known."""
    known = [c.cost for c in cycles if c.cost]
    if not known:
        return None
    return Cost(
        amount=money(sum((Decimal(c.amount) for c in known), Decimal(0))),
        currency=known[0].currency,
        wasted=money(sum((Decimal(c.wasted) for c in known), Decimal(0))),
        complete=len(known) == len(cycles) and all(c.complete for c in known),
    )


def _costs(reader: Reader, run: Run) -> dict[str, Any]:
    spans = {r["process"]: r for r in reader.rows("costs/process_spans", run_id=run.id)}
    ends = [r["last_ms"] or r["first_ms"] for r in spans.values()]
    first_ms = min((r["first_ms"] for r in spans.values()), default=0)
    whole = max([*ends, first_ms + 1]) - first_ms
    return {
        "told": costs.costs(reader, run.id),
        "spans": {
            name: {
                "first": time_of(r["first_ms"]),
                "last": time_of(r["last_ms"]),
                "wallclock_ms": None if r["last_ms"] is None else max(0, r["last_ms"] - r["first_ms"]),
                "x": round(100 * (r["first_ms"] - first_ms) / whole, 2),
                "width": round(max(0.4, 100 * ((r["last_ms"] or r["first_ms"]) - r["first_ms"]) / whole), 2),
            }
            for name, r in spans.items()
        },
        "order": list(spans),
        "wallclock_ms": run.duration_ms,
        "began_ms": ms_of(run.started_at) if run.started_at else first_ms,
    }
