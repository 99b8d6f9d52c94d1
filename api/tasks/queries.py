"""What a run's tasks give: processes, tasks, concurrency, transitions. All take the run's id."""

import json
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from api.carbon.queries import carbon_of_task
from api.core.cursor import OFFSET_MAX, OffsetCursor, to_token
from api.core.db import Reader, Row
from api.core.figures import money, time_of
from api.core.params import PROCESSES_MAX
from api.core.problems import not_found
from api.tasks.models import Concurrency, Level, Process, ProcessTrend, Task, TaskDetail, TaskList
from api.tasks.params import TaskFilter as TaskFilter  # what `page_of_tasks` is asked with
from schemas.statuses import TaskStatus
from schemas.values import INT64_MAX, iso

#: Tasks that one statement of an export reads: their ids stand in it.
EXPORTED_AT_ONCE = 2_000

#: Processes of all runs of a list together that it looks at.
_PROCESSES_OF_RUNS = 100_000

_COUNTS = (
    "pending",
    "submitted",
    "running",
    "succeeded",
    "failed",
    "ignored",
    "aborted",
    "cached",
    "retried",
    "total",
    "stored",
    "never_run",
)
_TIMES = {"submitted_ms": "submitted_at", "started_ms": "started_at", "completed_ms": "completed_at"}
_DURATIONS = ("duration_ms", "realtime_ms")
_OBJECTS = ("resource_allocation", "gpu_metrics")  # as JSON text
_TEXTS = ("hash", "name", "process")  # '' where not told; the others are NULL then


@dataclass(frozen=True, slots=True)
class RunSpan:
    """When a run began and ended and its last word, by the runner's clock (ms); None where not known."""

    began_ms: int | None = None
    ended_ms: int | None = None
    last_word_ms: int | None = None

    def within(self, at_ms: int) -> int:
        """The moment, moved to the nearest that is within the run."""
        if self.ended_ms is not None:
            at_ms = min(at_ms, self.ended_ms)
        return at_ms if self.began_ms is None else max(at_ms, self.began_ms)


#: Segments of a label at most; beyond that the full name tells more.
_LABEL_SEGMENTS = 8


def labels_of(processes: Iterable[str]) -> dict[str, str]:
    """Pure. Full name of each process → its last two colon-separated segments, or as many as tell it from the others."""
    labels: dict[str, str] = {}
    alike = {process: process.rsplit(":", _LABEL_SEGMENTS) for process in processes}
    for segments in range(2, _LABEL_SEGMENTS + 2):
        tried = {process: ":".join(parts[-segments:]) for process, parts in alike.items()}
        times = Counter(tried.values())
        labels |= tried
        alike = {process: parts for process, parts in alike.items() if times[tried[process]] > 1}
    return labels


def processes(reader: Reader, run_id: str) -> list[Process]:
    """Processes of the run, also those that were announced and have no task yet."""
    return processes_of(reader, [run_id])[run_id]


def processes_with_tasks(reader: Reader, run_ids: Sequence[str]) -> dict[str, list[Process]]:
    """The processes of each of these runs that have a task. Of many runs fewer of each, so that all together stay few."""
    most = min(PROCESSES_MAX, _PROCESSES_OF_RUNS // max(1, len(run_ids)))
    return {i: merge_processes([], rows) for i, rows in _process_rows(reader, run_ids, most).items()}


def processes_of(reader: Reader, run_ids: Sequence[str]) -> dict[str, list[Process]]:
    """The processes of each of these few runs, those that it announced too."""
    announced = {r["run_id"]: r["names"] for r in reader.rows("tasks/announced", run_ids=run_ids)}
    rows = _process_rows(reader, run_ids, PROCESSES_MAX)
    return {i: merge_processes(announced.get(i, []), rows[i]) for i in run_ids}


def _process_rows(reader: Reader, run_ids: Sequence[str], most: int) -> dict[str, list[Row]]:
    by_run: dict[str, list[Row]] = {i: [] for i in run_ids}
    for row in reader.rows("tasks/processes", run_ids=run_ids, most=most):
        by_run[row["run_id"]].append(row)
    return by_run


def processes_of_announced(reader: Reader, run_id: str, announced: Sequence[str]) -> list[Process]:
    """Processes of the run, where the names that it announced are known already."""
    return merge_processes(announced, reader.rows("tasks/processes", run_ids=[run_id], most=PROCESSES_MAX))


def process_trend(reader: Reader, run_ids: Sequence[str], process: str) -> list[ProcessTrend]:
    """How the process of this name went in these runs, in their order; those in which it had no task are left out."""
    rows = reader.rows("tasks/process_trend", run_ids=run_ids, process=process) if run_ids else []
    by_run = {r["run_id"]: ProcessTrend(**r) for r in rows}
    return [by_run[i] for i in run_ids if i in by_run]


def merge_processes(announced: Iterable[str], rows: Sequence[Row]) -> list[Process]:
    """Pure. In order of announcement, then those that nobody announced by name."""
    by_name = {r["process"]: r for r in rows}
    labels = labels_of(dict.fromkeys([*announced, *sorted(by_name)]))
    zero = dict.fromkeys(_COUNTS, 0)
    return [
        Process(process=n, label=label, told=n in by_name, **{k: by_name.get(n, zero)[k] for k in _COUNTS})
        for n, label in labels.items()
    ]


def attempts_of(rows: Sequence[Row], task_id: int) -> list[Row]:
    """Pure. The attempts of this task among `rows` (of `attempts.sql`, by task id), oldest first.

    Tasks may share a name: an attempt follows the oldest failed one that was to be tried again and has no successor yet, of the
    next lower number that is known, since an attempt in between may never have been told.
    """
    waiting: dict[int, list[list[Row]]] = {}
    chains: dict[int, list[Row]] = {}
    for row in rows:
        before = max(
            (n for n, open_chains in waiting.items() if n < row["attempt"] and open_chains), default=0
        )
        chain = waiting[before].pop(0) if before else []
        chain.append(row)
        chains[row["task_id"]] = chain
        if row["status"] == TaskStatus.FAILED and (row["error_action"] or "RETRY").upper() == "RETRY":
            waiting.setdefault(row["attempt"], []).append(chain)
    return chains.get(task_id, [])


def page_of_tasks(
    reader: Reader, run_id: str, filter: TaskFilter, place: OffsetCursor, page_size: int
) -> TaskList:
    """One page. While the run is live, tasks may move between pages, as they do in the list itself."""
    rows = reader.rows(
        "tasks/tasks_page",
        run_id=run_id,
        statuses=filter.statuses,
        process=filter.process,
        search=filter.search,
        sort=filter.column,
        descending=filter.descending,
        limit=page_size + 1,
        offset=place.offset,
    )
    ids = [r["task_id"] for r in rows[:page_size]]
    after = place.offset + page_size
    more = len(rows) > page_size and after <= OFFSET_MAX
    return TaskList(
        tasks=_tasks(reader, run_id, ids),
        next_page_token=to_token(OffsetCursor(filter.sort, after)) if more else None,
    )


def all_tasks(reader: Reader, run_id: str, filter: TaskFilter) -> Iterator[Task]:
    """All tasks that the filter finds, by their ids, whatever its order: they are sorted once, not for each part."""
    ids = array("q")
    for [block] in reader.columns(
        "tasks/tasks_page",
        run_id=run_id,
        statuses=filter.statuses,
        process=filter.process,
        search=filter.search,
        sort="task_id",
        descending=False,
        limit=2**32 - 1,
        offset=0,
    ):
        ids.extend(block)
    for start in range(0, len(ids), EXPORTED_AT_ONCE):
        yield from _tasks(reader, run_id, ids[start : start + EXPORTED_AT_ONCE].tolist())


def _tasks(reader: Reader, run_id: str, ids: Sequence[int]) -> list[Task]:
    """These tasks, in this order."""
    rows = reader.rows("tasks/tasks", run_id=run_id, task_ids=ids) if ids else []
    by_id = {r["task_id"]: r for r in rows}
    return [Task(**_task(by_id[i])) for i in ids if i in by_id]


@dataclass(frozen=True, slots=True)
class FailedTasks:
    """Attempts that failed for good, what ended the run first, and those that were retried, of which there are `retries`."""

    for_good: Sequence[Task] = ()
    retried: Sequence[Task] = ()
    retries: int = 0


def failed_tasks(reader: Reader, run_id: str, most: int) -> FailedTasks:
    """At most so many of each kind."""
    rows = reader.rows("tasks/failed", run_id=run_id, limit=most)
    retried = {r["task_id"] for r in rows if r["retried"]}
    found = _tasks(reader, run_id, [r["task_id"] for r in rows])
    return FailedTasks(
        [t for t in found if t.task_id not in retried],
        [t for t in found if t.task_id in retried],
        next((r["of_kind"] for r in rows if r["retried"]), 0),
    )


def one_task(reader: Reader, run_id: str, task_id: int) -> TaskDetail:
    """The task with all that was told of it. Raises Problem 404."""
    rows = reader.rows("tasks/task", run_id=run_id, task_id=task_id) if 0 <= task_id <= INT64_MAX else []
    if not rows:
        raise not_found("task", str(task_id))
    found = TaskDetail(**_task(rows[0]) | {k: json.loads(rows[0][k] or "null") for k in _OBJECTS})
    found.g_co2e = carbon_of_task(reader.settings, found, rows[0]["ran_ms"])
    return found


def _task(row: Row) -> Row:
    """The row with the names and types of the answer."""
    task = {_TIMES.get(k, k): time_of(v) if k in _TIMES else v for k, v in row.items()}
    task |= {k: row[k] or None for k in _TEXTS}
    # Where the clocks of two machines differ, a difference of their times is no duration.
    task |= {k: None if row[k] is None or row[k] < 0 else row[k] for k in _DURATIONS}
    task["cost"] = None if row["cost"] is None else money(row["cost"])
    task["cost_method"] = row["cost_method"] or None
    return task


def concurrency(reader: Reader, run_id: str, points: int) -> Concurrency:
    """Tasks at once over time, as at most `points` (at least 3) points."""
    span = [RunSpan(**r) for r in reader.rows("tasks/last_word", run_id=run_id)]
    return concurrency_within(reader, run_id, points, span[0] if span else RunSpan())


def concurrency_within(reader: Reader, run_id: str, points: int, span: RunSpan) -> Concurrency:
    """As above, where the run's times are known already."""
    rows = reader.rows("tasks/concurrency", run_id=run_id, points=points - 1)
    return curve([(r["at"], r["running"]) for r in rows], span)


def curve(levels: Sequence[tuple[int, int]], span: RunSpan) -> Concurrency:
    """Pure. `levels`: (ms, tasks from then on); what still runs is drawn up to the runner's last word.

    Other machines' clocks may differ from the runner's: what they tell of times outside of the run is drawn at its bounds.
    A run without any such task still has a curve: nothing, at its last word.
    """
    drawn = list(levels)
    last_at, last_level = drawn[-1] if drawn else (-1, 0)
    last_word_ms = span.last_word_ms
    if last_word_ms is not None and last_at < last_word_ms and (last_level > 0 or not drawn):
        drawn.append((last_word_ms, last_level))
    return Concurrency(
        peak=max((level for _, level in drawn), default=0),
        points=[Level(at=iso(span.within(at)), running=level) for at, level in drawn],
    )
