"""No false alarm: faults of the tracker, of its log and of clocks, with many live runs, in the log's own time."""

from dataclasses import replace
from itertools import count

import pytest

from projections.alerts.storage import Storage
from schemas import events as e
from schemas.statuses import ReportedState
from stores.tables.client import Tables
from tests.support.examples import stride
from tests.support.projection import T0, Crash, Stage, empty, task
from tests.support.reference.compare import differences
from tests.support.reference.reducer import Expected, Limits, Message, reduce

#: What is asked of ClickHouse here is asked of a server too, in the other tests of the projections.

LIMITS = Limits(disconnected_ms=180_000, stalled_ms=900_000, gone_ms=300_000)
SECOND, MINUTE, DAY = 1000, 60_000, 86_400_000
RUNS = [f"run{n:02}" for n in range(60)]
A, B = "ingest-a", "ingest-b"


@pytest.fixture
def stage(tables: Tables) -> Stage:
    """Live runs on two partitions, each with a task that runs."""
    return crowd(tables)


def crowd(tables: Tables, *processes: str) -> Stage:
    stage = Stage(tables, LIMITS, partitions=2)
    for process in processes or (A,):
        stage.history.tick(process, MINUTE)
    for run in RUNS:
        say(stage, run, e.Begun(instant=T0))
        stage.history.say(
            run, e.TasksChanged(instant=T0), task(run, 1, "running", started_at=T0), partition=place(run)
        )
    return stage


def place(run: str) -> int:
    return int(run[3:]) % 2


def say(stage: Stage, run: str, data: object) -> None:
    stage.history.say(run, data, partition=place(run))


def beat(stage: Stage, *runs: str, instant: int | None = None) -> None:
    for run in runs or RUNS:
        say(stage, run, e.Heartbeat(instant=instant))


def go_on(
    stage: Stage,
    minutes: int,
    *processes: str,
    runs: list[str] = RUNS,
) -> None:
    """Minutes with a tick of these processes each, and a sign of life of these runs."""
    for _ in range(minutes):
        stage.history.now += MINUTE
        for run in runs:
            say(stage, run, e.Heartbeat())
        for process in processes or (A,):
            stage.history.tick(process, MINUTE)


def expected(stage: Stage) -> Expected:
    return reduce(stage.history.messages, LIMITS, lambda _: 0)


def check(stage: Stage) -> None:
    """The tables are what the reducer says, and all that it says was published."""
    stage.projector.refresh_all()
    wanted = expected(stage)
    assert differences(stage.tables, wanted, LIMITS) == []
    assert set(stage.tables.published) == set(wanted.transitions)


def all_quiet(stage: Stage, batch: int = 200) -> None:
    """Project the rest: every run was and is running, and nothing else was ever said of any."""
    stage.project(batch)
    assert stage.paths() == {run: ["running"] for run in RUNS}
    check(stage)


@pytest.mark.parametrize("batch", [50, 5000])
def test_the_projector_was_stopped_for_15_minutes_of_the_log(stage: Stage, batch: int) -> None:
    go_on(stage, 2)
    stage.project()
    go_on(stage, 15)
    stage.projector = stage.worker()
    all_quiet(stage, batch)


@pytest.mark.parametrize("end", ["said", "killed"])
@pytest.mark.parametrize("next_process", [A, B])
def test_ingest_was_stopped_for_15_minutes(stage: Stage, end: str, next_process: str) -> None:
    go_on(stage, 2)
    if end == "said":
        stage.history.leave(A)
    stage.project()
    stage.history.now += 15 * MINUTE
    go_on(stage, 2, next_process, runs=[])  # runners retry: it takes them two minutes to be heard again
    go_on(stage, 3, next_process)
    all_quiet(stage)


def test_the_log_was_away_for_15_minutes(stage: Stage) -> None:
    """Ingest lives and spools, but nobody can append; then the spool drains, after the first tick."""
    go_on(stage, 2)
    stage.history.now += 15 * MINUTE
    stage.history.tick(A, MINUTE)
    beat(stage)
    go_on(stage, 2)
    all_quiet(stage)


def test_one_of_two_ingest_processes_spools_for_4_minutes(tables: Tables) -> None:
    stage = crowd(tables, A, B)
    go_on(stage, 2, A, B)
    go_on(stage, 4, A, runs=RUNS[:30])  # the others speak to B, which cannot reach the log
    stage.history.now += 30 * SECOND
    beat(stage, *RUNS[30:])  # the spool drains, then B ticks again
    go_on(stage, 3, A, B)
    all_quiet(stage)


def test_one_of_two_ingest_processes_dies(tables: Tables) -> None:
    """Its runs speak to the other one after a while; those that died with it are found, once it is gone for good."""
    stage = crowd(tables, A, B)
    go_on(stage, 2, A, B)
    go_on(stage, 4, A, runs=RUNS[:30])
    go_on(stage, 2, A, runs=RUNS[:59])
    all_quiet(stage)
    go_on(stage, 4, A, runs=RUNS[:59])
    stage.project()
    assert stage.paths() == {run: ["running"] for run in RUNS[:59]} | {RUNS[59]: ["running", "disconnected"]}
    check(stage)


@pytest.mark.parametrize("off", [DAY, -DAY])
def test_two_ingest_processes_whose_clocks_differ_by_a_day_and_one_dies(tables: Tables, off: int) -> None:
    """What they write of their own clocks decides nothing."""
    stage = crowd(tables, A, B)
    go_on(stage, 2, A, B)
    go_on(stage, 4, A, runs=RUNS[:30])
    go_on(stage, 6, A, runs=RUNS[:59])
    stage.history.messages = [_by_clock_of_b(m, off) for m in stage.history.messages]
    stage.project()
    assert stage.paths() == {run: ["running"] for run in RUNS[:59]} | {RUNS[59]: ["running", "disconnected"]}
    check(stage)


def _by_clock_of_b(m: Message, off: int) -> Message:
    """B's ticks, and what half of the runs said to it."""
    ticks = isinstance(m.event, e.ClockTick) and m.event.data.process == B
    assert m.event is not None
    if not ticks and m.event.run_id not in RUNS[30:]:
        return m
    return replace(m, event=m.event.model_copy(update={"received_at": m.event.received_at + off}))


@pytest.mark.parametrize("end", ["said", "killed"])
def test_the_tracker_was_restarted(stage: Stage, end: str) -> None:
    """All of it: ingest and projector, in the middle of a batch, and more than once."""
    for n in range(4):
        go_on(stage, 2, f"{A}{n}")
        stage.project(70)
        if end == "said":
            stage.history.leave(f"{A}{n}")
        stage.projector = stage.worker()
        stage.history.now += 20 * SECOND
    go_on(stage, 7, A)
    all_quiet(stage)


@pytest.mark.parametrize("skew", [DAY, -DAY])
def test_a_runners_clock_is_a_day_off_and_steps_back(stage: Stage, skew: int) -> None:
    for minute in range(8):
        stage.history.now += MINUTE
        beat(stage, instant=T0 + skew - minute * MINUTE)
        stage.history.tick(A, MINUTE)
    all_quiet(stage)


@pytest.mark.parametrize("back", [2 * SECOND, 10 * MINUTE, DAY])
def test_the_clock_of_the_log_steps_back(tables: Tables, back: int) -> None:
    """One of two ingest processes dies at that moment too: nobody waits for it for longer than without the step."""
    stage = crowd(tables, A, B)
    go_on(stage, 3, A, B)
    stage.history.now -= back
    go_on(stage, 6, A)
    all_quiet(stage)
    go_on(stage, 5, A, runs=RUNS[1:])
    stage.project()
    assert stage.path(RUNS[0]) == ["running", "disconnected"]
    check(stage)
    newest = {p: mark.tick_ms for p, mark in Storage(stage.tables).marks().items()}
    assert newest == dict.fromkeys(range(2), stage.history.now), "the last tick, not the latest time"


def test_a_consumer_lags_by_10_minutes(stage: Stage) -> None:
    go_on(stage, 14)
    records = stage.history.records
    behind = len(records) * 10 // 14
    for start in range(0, len(records), 150):  # catches up while the log grows
        stage.projector.project(records[start : start + 150])
        if start < behind:
            stage.projector.refresh_due()
    stage.projected = len(records)
    all_quiet(stage)


# --- in the middle of a sweep --------------------------------------------------------------------

_LONG = 150 * SECOND


def _sweep_with_changes(tables: Tables) -> Stage:
    """Before a batch that holds two rounds: at the first one run is silent, one completes; later the first is heard again."""
    empty(tables)
    stage = Stage(tables, LIMITS)
    stage.history.tick(A, _LONG)
    for run in RUNS[:4]:
        stage.history.say(run, e.Begun(instant=T0))
    _round(stage, *RUNS[1:4])
    stage.project()
    done = e.Completed(state=ReportedState.SUCCEEDED, instant=T0)
    stage.history.say(RUNS[1], e.TasksChanged(instant=T0), task(RUNS[1], 1, "running", started_at=T0))
    stage.history.say(RUNS[1], done)
    _round(stage, *RUNS[2:4])
    _round(stage, RUNS[0], *RUNS[2:4])
    return stage


def _round(stage: Stage, *beating: str) -> None:
    stage.history.now += _LONG
    for run in beating:
        stage.history.say(run, e.Heartbeat())
    stage.history.tick(A, _LONG)


_AFTERWARDS = {
    RUNS[0]: ["running", "disconnected", "running"],
    RUNS[1]: ["running", "succeeded"],
    RUNS[2]: ["running"],
    RUNS[3]: ["running"],
}


@pytest.fixture
def always_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refreshes wait for nothing, so that a batch takes the same steps each time."""
    monkeypatch.setattr("projections.project.refresh.PATIENCE", 0)


@pytest.mark.usefixtures("always_due")
def test_a_crash_between_each_two_steps(tables: Tables) -> None:
    for step in count(1, stride(3)):
        stage = _sweep_with_changes(tables)
        stage.tables.arm(step)
        try:
            stage.project()
        except Crash:
            stage.projector = stage.worker()
            stage.project()
            assert stage.paths() == _AFTERWARDS, f"step {step}"
            assert set(stage.tables.published) == set(expected(stage).transitions)
        else:
            break
    assert step > 15
    stage.tables.arm(None)  # the work had fewer steps: what follows is not to die of it
    check(stage)


@pytest.mark.usefixtures("always_due")
def test_a_projector_that_wakes_after_another_took_over(tables: Tables) -> None:
    """It sleeps between each two steps, also between those of a sweep: before it reads the runs, before it asks whether the round
    was swept, before it publishes, and so on. Meanwhile another one projects the same batch and what came later."""
    for step in count(1, stride(3)):
        stage = _sweep_with_changes(tables)
        sleeper, batch = stage.projector, stage.history.records[stage.projected :]

        def take_over(stage: Stage = stage) -> None:
            stage.tables.arm(None)
            stage.projector = stage.worker()
            _round(stage, RUNS[0], RUNS[3])  # run 2 falls silent, after all that the sleeper has in hand
            _round(stage, RUNS[0], RUNS[3])
            stage.project()

        stage.tables.meanwhile = take_over
        stage.tables.arm(step)
        sleeper.project(batch)
        if stage.projector is sleeper:
            break
        assert stage.paths() == _AFTERWARDS | {RUNS[2]: ["running", "disconnected"]}, f"step {step}"
        check(stage)
    assert step > 15
