"""How far a live run is, and when it may be done, from earlier runs of its pipeline.

A process counts by the CPU time that it took in earlier runs (the median), so that a hundred short tasks do not weigh more than a
long one; of a process the share of tasks that are over counts, of as many as there are or, where more are to come, of as many as
there were. What is left of the run takes the same share of the time that each earlier run took: the median of these is the
estimate, the least and the greatest its range.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from api.core.db import Reader, Row
from api.core.params import RunFilter
from api.html.formats import ms_of
from api.runs.models import Progress, Run
from api.runs.queries import page_of_ids, runs_of
from api.tasks.models import Process
from api.tasks.queries import processes, processes_with_tasks
from schemas.statuses import Liveness, RunStatus
from schemas.values import MS_MAX, iso

#: Earlier runs that are gone by: the newest that succeeded.
_RUNS = 10
_DAYS = 90
#: Pipelines whose earlier runs one list asks for; what others had is asked for by the next, and then remembered.
_NEW_PIPELINES = 3
#: A live run is never all done.
_MOST = 0.99


@dataclass(frozen=True, slots=True)
class Expected:
    """What a process had in earlier runs: tasks, and the CPU time (ms) that they took together; medians."""

    tasks: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class EarlierRuns:
    """`durations`: in ms."""

    durations: Sequence[int]
    processes: Mapping[str, Expected]


def progress(reader: Reader, run: Run, of_run: Sequence[Process] | None = None) -> Progress | None:
    """Of a live run; None where no earlier run tells. `of_run`: its processes, if they are known already."""
    if run.liveness != Liveness.LIVE or not run.pipeline:
        return None
    earlier = _earlier(reader, run.pipeline)
    if not earlier.durations:
        return None
    return estimate(processes(reader, run.id) if of_run is None else of_run, earlier, ms_of(run.as_of))


def add_progress(reader: Reader, of_list: Sequence[Run]) -> None:
    """Say it of the live runs among these, as far as earlier runs tell. One question for all of them, and those for the earlier
    runs of a few pipelines that are not remembered."""
    now_ms = reader.clock()
    live = [r for r in of_list if r.liveness == Liveness.LIVE and r.pipeline]
    pipelines = dict.fromkeys(r.pipeline or "" for r in live)
    known = [p for p in pipelines if reader.memo.has(_key(p), now_ms)]
    new = [p for p in pipelines if p not in known][:_NEW_PIPELINES]
    earlier = {p: found for p in (*known, *new) if (found := _earlier(reader, p)).durations}
    told = [r for r in live if r.pipeline in earlier]
    of_runs = processes_with_tasks(reader, [r.id for r in told]) if told else {}
    for run in told:
        run.progress = estimate(of_runs[run.id], earlier[run.pipeline or ""], ms_of(run.as_of))


def _key(pipeline: str) -> tuple[str, str]:
    return "earlier runs", pipeline


def _earlier(reader: Reader, pipeline: str) -> EarlierRuns:
    now_ms = reader.clock()
    return reader.memo.get(_key(pipeline), now_ms, lambda: _read(reader, pipeline, now_ms))


def _read(reader: Reader, pipeline: str, now_ms: int) -> EarlierRuns:
    judgement = reader.judgement()
    good = RunFilter([RunStatus.SUCCEEDED], pipeline=pipeline, after_ms=now_ms - _DAYS * 86_400_000)
    ids, _ = page_of_ids(reader, judgement, good, "-started_at", "", _RUNS)
    runs = _comparable(runs_of(reader, ids, judgement, dict.fromkeys(ids, 1)))
    rows = reader.rows("runs/earlier_processes", run_ids=[r.id for r in runs]) if runs else []
    return EarlierRuns([r.duration_ms for r in runs if r.duration_ms], expected(rows))


def _comparable(runs: Sequence[Run]) -> list[Run]:
    """Pure. Of earlier runs those that did most of the work themselves, unless none did: the cache takes no time."""
    timed = [r for r in runs if r.duration_ms and not r.stub and not r.preview]
    return [r for r in timed if 2 * r.tasks.cached <= r.tasks.total] or timed


def expected(rows: Iterable[Row]) -> dict[str, Expected]:
    """Pure. Of rows of `earlier_processes.sql`."""
    return {r["process"]: Expected(r["tasks"], r["cpu_ms"]) for r in rows}


def estimate(of_run: Iterable[Process], earlier: EarlierRuns, as_of_ms: int) -> Progress:
    """Pure. `earlier` has a duration."""
    share = fraction(of_run, earlier.processes)
    left = [(1 - share) * d for d in earlier.durations]
    at = {
        name: iso(min(MS_MAX, as_of_ms + int(ms)))
        for name, ms in (("eta_at", median(left)), ("eta_low_at", min(left)), ("eta_high_at", max(left)))
    }
    return Progress(fraction=round(share, 4), basis_runs=len(left), **at)


def fraction(of_run: Iterable[Process], earlier: Mapping[str, Expected]) -> float:
    """Pure. The part of the work that is over, 0 to 0.99."""
    by_name = {p.process: p for p in of_run}
    whole = done = 0.0
    for name in earlier.keys() | by_name.keys():
        process, before = by_name.get(name), earlier.get(name)
        over = _over(process) if process else 0
        known = over + process.pending + process.submitted + process.running if process else 0
        total = max(known, before.tasks if before else 0)
        if not total:
            continue
        weight = before.cpu_ms if before and before.cpu_ms else 1.0
        whole += weight
        done += weight * min(1.0, over / total)
    return min(_MOST, done / whole) if whole else 0.0


def _over(process: Process) -> int:
    return process.succeeded + process.failed + process.aborted + process.cached
