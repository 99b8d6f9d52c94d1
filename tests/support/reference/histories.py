"""Histories that property tests draw, and plans of how they are projected. No test stands here."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

from hypothesis import strategies as st

from projections.project import refresh
from schemas import events as e
from schemas.statuses import Dialect, ReportedState, TaskStatus
from tests.support import projection as help
from tests.support.projection import History
from tests.support.reference.reducer import Limits, Message

LIMITS = Limits(disconnected_ms=12_000, stalled_ms=20_000, gone_ms=11_000)
DAY = 86_400_000
RUNS = 3
PROCESSES = ("ingest-0", "ingest-1", "ingest-2")


# --- what may happen, as a list of small steps: it shrinks well ----------------------------------


@dataclass(frozen=True)
class Pass:
    """Time passes, and then these processes tick, on all partitions or on the first alone; so many times. A run that `beats`
    is heard each time."""

    times: int
    milliseconds: int
    processes: tuple[str, ...]
    everywhere: bool = True
    beats: tuple[int, ...] = ()


@dataclass(frozen=True)
class Leave:
    process: str


@dataclass(frozen=True)
class Say:
    """A request of a run; with `again` the request that it made so many steps before."""

    run: int
    data: Any
    tasks: tuple[dict[str, Any], ...] = ()
    again: int = 0
    reread: bool = False
    owner: str = "ann"
    on_any_run: bool = False


@dataclass(frozen=True)
class Show:
    """A run is put back into the lists."""

    run: int


@dataclass(frozen=True)
class Garbage:
    partition: int


#: The runners' clocks: one is a day ahead, and sometimes more than the log believes, one a day behind.
SKEW = (0, DAY, -DAY)
#: An instant of a run that nobody can believe, after its own clock's.
FUTURE = 270 * 365 * DAY

_maybe_ms = st.none() | st.integers(0, 20).map(lambda s: s * 500)
_when = st.none() | st.integers(0, 10).map(lambda s: s * 1000)
_instant = st.one_of(_when, _when, _when, st.sampled_from([FUTURE, FUTURE + 1000, 2 * DAY]))
#: Mostly the one owner; sometimes somebody else, who may be an operator, or nobody, as while the tracker is open.
_sender = st.sampled_from(
    [("ann", False)] * 8 + [("bob", False)] * 2 + [("eve", False), ("", False), ("ops", True), ("", True)]
)
_counts = st.integers(0, 2)
_progress = (
    st.none()
    | st.just(e.Progress())
    | st.builds(e.Progress, pending=_counts, submitted=_counts, running=_counts, failed=_counts)
    | st.builds(
        e.Progress,
        **dict.fromkeys(("succeeded", "failed", "retries", "ignored", "aborted", "cached"), _counts),
    )
)
#: With batches that never came the totals count tasks, and processes, that no record told of.
_processes = st.none() | st.lists(
    st.builds(
        e.ProcessTotals,
        process=st.sampled_from(["A", "B", "C"]),
        **dict.fromkeys(
            ("succeeded", "failed", "retries", "ignored", "aborted", "cached", "stored"), _counts
        ),
    ),
    max_size=3,
)
_stored = st.none() | st.lists(
    st.builds(e.Stored, process=st.sampled_from(["A", "D"]), stored=_counts), min_size=1, max_size=2
)
_dialect = st.sampled_from([Dialect.TOWER] * 4 + [Dialect.WEBLOG, Dialect.NATIVE])
_no_asides: list[e.SetAside] = []
_aside = st.just(_no_asides) | st.lists(
    st.builds(
        e.SetAside, part=st.sampled_from(["tasks[0].exit", "x"]), reason=st.just("no"), raw=st.just("1")
    ),
    min_size=1,
    max_size=2,
)
_workflow = st.builds(
    e.Workflow,
    name=st.sampled_from(["a", "b"]),
    resume=st.booleans(),
    started_at=_instant,
    command_line=st.just("run"),
)


def _payload(kind: type[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, dialect=_dialect, instant=_instant, set_aside=_aside, **fields)


_tasks = st.lists(
    st.fixed_dictionaries(
        {
            "task_id": st.integers(1, 4),
            "status": st.sampled_from(TaskStatus),
            "name": st.sampled_from(["x", "y"]),
            "process": st.sampled_from(["A", "B"]),
            "attempt": st.integers(1, 3),
            "error_action": st.sampled_from([None, "RETRY", "IGNORE", "retry", "TERMINATE"]),
            "submitted_at": _maybe_ms,
            "started_at": _maybe_ms,
            "completed_at": _maybe_ms,
            "cpus": st.sampled_from([None, 0.1, 1.001, 4.0]),
            "memory_bytes": st.sampled_from([None, 2**30, 3 * 2**28 + 5]),
            "machine_type": st.sampled_from([None, "m5.large", "unheard-of"]),
            "price_model": st.sampled_from([None, "Spot", "ondemand"]),
            "cloud_zone": st.sampled_from([None, "us-east-1b", "eu-west-1a"]),
        }
    ),
    min_size=1,
    max_size=4,
)

#: Thresholds of a run's own, shorter and longer than the others', some of them wrong.
_label = st.sampled_from(
    [
        *(
            "l",
            "tracker.disconnected-after=4.999",
            "tracker.disconnected-after=25",
            "tracker.disconnected-after=0",
        ),
        *(
            "tracker.stalled-after=5",
            "tracker.stalled-after=9.999",
            "tracker.stalled-after=60",
            "tracker.stalled-after=x",
        ),
    ]
)

_run = st.integers(0, RUNS - 1)
_says = st.one_of(
    st.builds(Say, _run, _payload(e.Created, name=st.sampled_from(["a", "b"]))),
    st.builds(
        Say, _run, _payload(e.Begun, workflow=_workflow, process_names=st.none() | st.just(["A", "B"]))
    ),
    st.builds(Say, _run, _payload(e.TasksChanged, progress=_progress, stored=_stored), _tasks.map(tuple)),
    st.builds(Say, _run, _payload(e.TasksChanged, progress=_progress, stored=_stored), _tasks.map(tuple)),
    st.builds(Say, _run, _payload(e.Heartbeat, progress=_progress, stored=_stored)),
    st.builds(Say, _run, _payload(e.Heartbeat, progress=_progress, processes=_processes)),
    st.builds(
        Say,
        _run,
        _payload(
            e.Completed,
            state=st.sampled_from([ReportedState.SUCCEEDED, ReportedState.FAILED, ReportedState.CANCELLED]),
            completed_at=_instant,
            duration_ms=st.none() | st.just(5),
            error_message=st.sampled_from(["", "SIGINT"]),
            workflow=st.none() | _workflow,
            progress=_progress,
            processes=_processes,
        ),
    ),
    st.builds(Say, _run, _payload(e.Labelled, labels=st.lists(_label, max_size=3))),
    st.builds(
        Say,
        _run,
        _payload(e.LabelsChanged, add=st.lists(_label, max_size=2), remove=st.lists(_label, max_size=2)),
    ),
    st.builds(Say, _run, _payload(e.Hiding, by=st.sampled_from(["", "ada"]))),
    st.builds(Say, _run, st.just(e.Unreadable(reason="no JSON", request="PUT /x", raw="eA=="))),
    st.builds(Say, _run, st.none(), again=st.integers(1, 5)),
    st.builds(Say, _run, st.none(), again=st.integers(1, 5), reread=st.just(True)),
    st.builds(
        Say,
        _run,
        _payload(e.Completed, state=st.just(ReportedState.SUCCEEDED), completed_at=_instant),
        reread=st.just(True),
    ),
)
_passes = st.builds(
    Pass,
    st.integers(1, 6),
    # with two ticks a threshold to the ms; a jump; the log's clock steps back
    st.sampled_from([0, 1999, 2000, 2001, *[5000] * 9, 10_000, 60_000, -30_000]),
    st.sampled_from([(), *[PROCESSES[:1]] * 6, *[PROCESSES[:2]] * 3, PROCESSES[1:], PROCESSES]),
    st.sampled_from([True, True, True, True, False]),
    st.lists(_run, max_size=3, unique=True).map(tuple),
)
_note = st.builds(
    e.Note, note_id=st.sampled_from(["1", "2"]), author=st.just("me"), text=st.sampled_from(["", "why"])
)
_rare = st.builds(Leave, st.sampled_from(PROCESSES)) | st.builds(Garbage, _run) | st.builds(Say, _run, _note)


def _sent(says: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(lambda say, who: replace(say, owner=who[0], on_any_run=who[1]), says, _sender)


def _flat(steps: Sequence[Any]) -> list[Any]:
    return [s for step in steps for s in (step if isinstance(step, tuple) else (step,))]


def falls_idle(run: int) -> tuple[Any, ...]:
    """Its one task ends, a while after it began, and then the run is heard and tells nothing more."""
    told = e.TasksChanged()
    times = dict.fromkeys(("submitted_at", "started_at", "completed_at"))
    began, ended = (
        {"task_id": 1, "process": "A", **times, "status": status} for status in ("running", "succeeded")
    )
    beats = (PROCESSES[:1], True, (run,))
    return Say(run, told, (began,)), Pass(1, 5000, *beats), Say(run, told, (ended,)), Pass(6, 5000, *beats)


def ends_at_work(run: int) -> tuple[Any, ...]:
    """Its end comes when its figures count a task that runs."""
    began = {"task_id": 1, "process": "A", "status": "running", "started_at": 0}
    began |= dict.fromkeys(("submitted_at", "completed_at"))
    return (
        Say(run, e.TasksChanged(), (began,)),
        Pass(1, 5000, PROCESSES[:1], True, (run,)),
        Say(run, e.Completed(state=ReportedState.FAILED), ()),
    )


_said = st.one_of(_sent(_says), st.builds(Show, _run))
_often = (_said, _said, _said, _passes, _passes)
STEPS = st.lists(
    st.one_of(*_often, *_often, _rare, _run.map(falls_idle), _run.map(ends_at_work)), min_size=6, max_size=18
).map(_flat)


def written(partitions: int, steps: Sequence[Any]) -> list[Message]:
    """The log that the steps make."""
    h = History(partitions)
    h.tick()
    said: dict[int, list[tuple[Any, tuple[Any, ...]]]] = {}
    for step in steps:
        match step:
            case Pass():
                for _ in range(step.times):
                    _pass(h, step)
            case Leave():
                h.leave(step.process)
            case Garbage():
                h.append(step.partition % partitions, None)
            case Show():
                h.show(f"run{step.run}", step.run % partitions)
            case Say(again=0):
                request = _request(step)
                said.setdefault(step.run, []).append(request)
                say = h.reread if step.reread else h.say
                say(f"run{step.run}", request[0], *request[1], **_envelope(step, partitions))
            case Say() if earlier := said.get(step.run):
                request = earlier[-min(step.again, len(earlier))]
                again = (
                    step.reread
                    and isinstance(request[0], e.Payload)
                    and not isinstance(request[0], e.Unreadable)
                )
                say = h.reread if again else h.say
                say(f"run{step.run}", request[0], *request[1], **_envelope(step, partitions))
    return h.messages


def _envelope(step: Say, partitions: int) -> dict[str, Any]:
    return {"partition": step.run % partitions, "owner": step.owner, "on_any_run": step.on_any_run}


def _pass(h: History, step: Pass) -> None:
    h.now += step.milliseconds
    for run in step.beats:
        h.say(f"run{run}", e.Heartbeat(), partition=run % h.partitions)
    for process in step.processes:
        for p in range(h.partitions if step.everywhere else 1):
            tick = e.Tick(process=process, interval_ms=5000)
            h.append(p, e.ClockTick(id="t", source="host", received_at=0, data=tick))


def _request(step: Say) -> tuple[Any, tuple[e.TaskRecord, ...]]:
    """What is said, by the run's own clock."""
    now = help.T0 + SKEW[step.run]
    times = {
        k: now + v for k in ("instant", "completed_at") if (v := getattr(step.data, k, None)) is not None
    }
    tasks = []
    for known in step.tasks:
        old = 30 * DAY if known["status"] == TaskStatus.CACHED else 0  # as in the run that it was cached from
        own = {k: now + v - old if k.endswith("_at") and v is not None else v for k, v in known.items()}
        tasks.append(help.task(f"run{step.run}", **own))
    return step.data.model_copy(update=times), tuple(tasks)


# --- how it is projected -------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """Batch sizes, which of two workers takes each batch, after which all parts are merged; where a process dies (steps since
    the last time, and whether after the step), and how many messages before the batch the next one reads again."""

    sizes: tuple[int, ...]
    workers: tuple[int, ...]
    merges: tuple[bool, ...]
    crashes: tuple[tuple[int, bool, int], ...]
    giants: bool  # every run is a giant whose refreshes are put off


PLANS = st.builds(
    Plan,
    st.lists(st.sampled_from([1, 2, 3, 5, 8, 13, 50]), min_size=1, max_size=6).map(tuple),
    st.lists(st.integers(0, 1), min_size=1, max_size=4).map(tuple),
    st.just((False,)) | st.lists(st.booleans(), min_size=1, max_size=4).map(tuple),
    st.lists(st.tuples(st.integers(1, 40), st.booleans(), st.sampled_from([0, 0, 1, 4, 50])), max_size=4).map(
        tuple
    ),
    st.booleans(),
)


def put_off(plan: Plan) -> AbstractContextManager[Any]:
    if plan.giants:
        return mock.patch.multiple(refresh, LARGE_RUN_RECORDS=-1, PATIENCE=1e9)
    return mock.patch.multiple(refresh, PATIENCE=0)
