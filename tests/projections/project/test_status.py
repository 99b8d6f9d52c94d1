"""Status in the log's own time: to the ms at the thresholds, healing, what the end overrides, what is no silence of a run."""

import pytest

from schemas import events as e
from schemas.statuses import Dialect, ReportedState
from stores.tables.client import Tables
from tests.support.projection import T0, Stage, event, task
from tests.support.reference.compare import differences
from tests.support.reference.reducer import Limits, reduce

#: Ticks come every minute, so that few rounds make a long time.
LIMITS = Limits(disconnected_ms=180_000, stalled_ms=360_000, gone_ms=300_000)
MINUTE = 60_000

SUCCEEDED = e.Completed(state=ReportedState.SUCCEEDED, instant=T0)
NOTHING_LEFT = e.Progress(succeeded=1)


@pytest.fixture
def stage(tables: Tables) -> Stage:
    stage = Stage(tables, LIMITS)
    stage.history.tick(interval_ms=MINUTE)  # from here on time is counted
    return stage


def wait(stage: Stage, minutes: float, *beating: str) -> None:
    """Time passes, with a tick a minute; these runs are heard just before each."""
    end = stage.history.now + round(minutes * MINUTE)
    while stage.history.now < end:
        stage.history.now = min(end, stage.history.now + MINUTE)
        for run in beating:
            stage.history.say(run, e.Heartbeat())
        stage.history.tick(interval_ms=MINUTE)


def path(stage: Stage, run_id: str = "run") -> list[str]:
    """The statuses that the run went through, after all is projected; the reducer must agree."""
    stage.project()
    expected = reduce(stage.history.messages, LIMITS, lambda _: 0)
    assert differences(stage.tables, expected, LIMITS) == []
    assert set(stage.tables.published) == set(expected.transitions)
    return stage.path(run_id)


@pytest.mark.parametrize(("off", "disconnected"), [(-1, False), (0, False), (1, True)])
def test_disconnected_is_longer_than_the_threshold(stage: Stage, off: int, disconnected: bool) -> None:
    stage.history.say("run", e.Begun(instant=T0))
    wait(stage, 2)
    stage.history.now += MINUTE + off
    stage.history.tick(interval_ms=MINUTE)
    assert path(stage) == ["running", "disconnected"][: 1 + disconnected]


@pytest.mark.parametrize(("off", "disconnected"), [(-1, False), (0, False), (1, True)])
def test_a_sign_of_life_between_two_rounds_counts_from_its_own_time(
    stage: Stage, off: int, disconnected: bool
) -> None:
    stage.history.now += 17_000
    stage.history.say("run", e.Begun(instant=T0))
    stage.history.now -= 17_000
    wait(stage, 3)
    stage.history.now += 17_000 + off
    stage.history.tick(interval_ms=MINUTE)
    assert path(stage) == ["running", "disconnected"][: 1 + disconnected]


@pytest.mark.parametrize(("off", "stalled"), [(-1, False), (0, False), (1, True)])
def test_stalled_is_longer_than_the_threshold(stage: Stage, off: int, stalled: bool) -> None:
    stage.history.say("run", e.TasksChanged(instant=T0), task("run", 1, "succeeded"))
    wait(stage, 5, "run")
    stage.history.now += MINUTE + off
    stage.history.say("run", e.Heartbeat())
    stage.history.tick(interval_ms=MINUTE)
    assert path(stage) == ["running", "stalled"][: 1 + stalled]
    [why] = [t.reason for t in stage.tables.published if t.to_status == "stalled"] or [""]
    assert why == ("heard, but no task for more than 360 s: every known task is over" if stalled else "")


@pytest.mark.parametrize("minutes", [1, 6])
@pytest.mark.parametrize(("off", "disconnected"), [(-1, False), (0, False), (1, True)])
def test_a_label_brings_a_run_its_own_disconnected_threshold(
    stage: Stage, off: int, disconnected: bool, minutes: int
) -> None:
    """Shorter or longer than the others'; of two runs beside it one has none and one has a label that is wrong."""
    wrong = {"plain": ["nightly"], "wrong": ["tracker.disconnected-after=soon"]}
    for run, labels in {"run": [f"tracker.disconnected-after={minutes * 60}"], **wrong}.items():
        stage.history.say(run, e.Begun(instant=T0))
        stage.history.say(run, e.Labelled(labels=labels))
    wait(stage, minutes - 0.5)
    stage.history.now += MINUTE // 2 + off
    stage.history.tick(interval_ms=MINUTE)
    assert path(stage) == ["running", "disconnected"][: 1 + disconnected]
    others = ["running", "disconnected"] if minutes > 3 else ["running"]
    assert stage.path("plain") == stage.path("wrong") == others
    if disconnected:
        [why] = [
            t.reason for t in stage.tables.published if t.run_id == "run" and t.to_status == "disconnected"
        ]
        assert why == f"no sign of life for more than {minutes * 60} s"


@pytest.mark.parametrize("minutes", [1, 9])
@pytest.mark.parametrize(("off", "stalled"), [(-1, False), (0, False), (1, True)])
def test_a_label_brings_a_run_its_own_stalled_threshold(
    stage: Stage, off: int, stalled: bool, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the refresh of its figures was put off."""
    monkeypatch.setattr("projections.project.refresh.PATIENCE", 1e9)
    labels = [f"tracker.stalled-after={minutes * 60}"]
    for run in ("run", "plain"):
        stage.history.say(run, e.TasksChanged(instant=T0), task(run, 1, "running"))
    stage.history.say("run", e.Labelled(labels=labels))
    stage.project()
    for run in ("run", "plain"):
        stage.history.say(run, e.TasksChanged(instant=T0 + 1), task(run, 1, "succeeded"))
    wait(stage, minutes - 0.5, "run", "plain")
    stage.history.now += MINUTE // 2 + off
    stage.history.say("run", e.Heartbeat())
    stage.history.say("plain", e.Heartbeat())
    stage.history.tick(interval_ms=MINUTE)
    assert path(stage) == ["running", "stalled"][: 1 + stalled]
    assert stage.path("plain") == (["running", "stalled"] if minutes > 6 else ["running"])


def test_the_newest_labels_decide_and_without_one_the_settings_do(stage: Stage) -> None:
    stage.history.say("run", e.Labelled(labels=["tracker.disconnected-after=60"]))
    stage.history.say("run", e.Begun(instant=T0))
    wait(stage, 2)
    stage.history.say("run", e.Labelled(labels=[]))
    wait(stage, 1)
    stage.history.say("run", e.Labelled(labels=["tracker.disconnected-after=120"]))
    wait(stage, 1)
    assert path(stage) == ["running", "disconnected", "running", "disconnected"]


def test_a_heartbeat_exactly_on_the_threshold_keeps_it_connected(stage: Stage) -> None:
    stage.history.say("run", e.Begun(instant=T0))
    wait(stage, 3)
    stage.history.say("run", e.Heartbeat())
    wait(stage, 3)
    assert path(stage) == ["running"]


def test_a_run_that_was_only_created_is_submitted_then_disconnected(stage: Stage) -> None:
    stage.history.say("run", e.Created(name="n", session_id="s", instant=T0))
    wait(stage, 4)
    assert path(stage) == ["submitted", "disconnected"]
    row = stage.tables.rows(
        "SELECT tupleElement(created, 'name') AS name, tupleElement(created, 'session_id') AS s FROM runs FINAL"
    )
    assert row == [{"name": "n", "s": "s"}]


def test_a_run_that_began_and_was_never_heard_again_is_disconnected(stage: Stage) -> None:
    stage.history.say("run", e.Created(instant=T0))
    stage.history.say("run", e.Begun(instant=T0 + 1))
    wait(stage, 4)
    assert path(stage) == ["running", "disconnected"]


@pytest.mark.parametrize("heard", ["repeat", "heartbeat", "unreadable"])
def test_any_request_heals(stage: Stage, heard: str) -> None:
    begun = stage.history.say("run", e.Begun(instant=T0))
    wait(stage, 4)
    if heard == "repeat":
        stage.history.append(0, begun.event)
    elif heard == "heartbeat":
        stage.history.say("run", e.Heartbeat())
    else:
        stage.history.say("run", e.Unreadable(reason="?", request="PUT", raw=""))
    wait(stage, 1)
    assert path(stage) == ["running", "disconnected", "running"]


def test_a_label_is_no_sign_of_life(stage: Stage) -> None:
    stage.history.say("run", e.Begun(instant=T0))
    wait(stage, 3)
    stage.history.say("run", e.Labelled(labels=["mine"]))
    stage.history.say("never heard", e.Labelled(labels=["mine"]))
    wait(stage, 4)
    assert path(stage) == ["running", "disconnected"]
    assert stage.path("never heard") == ["unknown"]


def test_a_stalled_run_heals_when_it_tells_of_tasks(stage: Stage) -> None:
    stage.history.say("run", e.TasksChanged(instant=T0), task("run", 1, "failed"))
    wait(stage, 7, "run")
    stage.history.say("run", e.TasksChanged(instant=T0 + 1), task("run", 2, "pending"))
    wait(stage, 1, "run")
    assert path(stage) == ["running", "stalled", "running"]


@pytest.mark.parametrize("beats", [True, False])
def test_a_late_completion_wins_at_once_and_for_good(stage: Stage, beats: bool) -> None:
    stage.history.say("run", e.TasksChanged(instant=T0), task("run", 1, "succeeded"))
    wait(stage, 7, *["run"] * beats)
    stage.history.say("run", SUCCEEDED)
    wait(stage, 2)
    stage.history.say("run", e.Heartbeat(instant=T0 + 9))
    stage.history.say("run", e.TasksChanged(instant=T0 + 9), task("run", 2, "running"))
    wait(stage, 4)
    assert path(stage) == ["running", "stalled" if beats else "disconnected", "succeeded"]


@pytest.mark.parametrize("batch", [1, 3, 100])
@pytest.mark.parametrize("first", ["completion", "round"])
def test_completion_and_silence_in_one_batch(stage: Stage, first: str, batch: int) -> None:
    stage.history.say("run", e.Begun(instant=T0))
    wait(stage, 3)
    stage.history.now += MINUTE
    if first == "completion":
        stage.history.say("run", SUCCEEDED)
        stage.history.tick(interval_ms=MINUTE)
    else:
        stage.history.tick(interval_ms=MINUTE)
        stage.history.say("run", SUCCEEDED)
    wait(stage, 1)
    stage.project(batch)
    assert path(stage) == (
        ["running", "succeeded"] if first == "completion" else ["running", "disconnected", "succeeded"]
    )


def test_weblog_is_never_disconnected_nor_stalled(stage: Stage) -> None:
    stage.history.say("run", e.Begun(dialect=Dialect.WEBLOG, instant=T0))
    stage.history.say("run", e.TasksChanged(dialect=Dialect.WEBLOG, instant=T0), task("run", 1, "succeeded"))
    wait(stage, 9)
    assert path(stage) == ["running"]


@pytest.mark.parametrize(
    ("first", "later"), [(Dialect.WEBLOG, Dialect.TOWER), (Dialect.TOWER, Dialect.WEBLOG)]
)
def test_whoever_created_the_run_says_whether_it_has_heartbeats(
    stage: Stage, first: Dialect, later: Dialect
) -> None:
    stage.history.say("run", e.Begun(dialect=first, instant=T0))
    stage.history.say("run", e.Heartbeat(dialect=later, instant=T0))
    wait(stage, 9)
    assert path(stage) == (["running"] if first == Dialect.WEBLOG else ["running", "disconnected"])


def test_a_long_task_is_not_stalled(stage: Stage) -> None:
    records = [task("run", 1, "succeeded"), task("run", 2, "running")]
    stage.history.say("run", e.TasksChanged(instant=T0, progress=e.Progress(running=1)), *records)
    wait(stage, 9, "run")
    assert path(stage) == ["running"]


def test_a_run_before_its_first_task_is_not_stalled(stage: Stage) -> None:
    stage.history.say("run", e.Begun(instant=T0))
    stage.history.say("run", e.Heartbeat(instant=T0, progress=e.Progress()))
    wait(stage, 9, "run")
    assert path(stage) == ["running"]


@pytest.mark.parametrize("told", ["nothing left", "older", "one running"])
def test_open_tasks_are_over_when_the_runners_totals_say_so(stage: Stage, told: str) -> None:
    """Quick tasks may never tell their end. Of the totals those of the greatest instant count, whenever they arrive."""
    stage.history.say("run", e.TasksChanged(instant=T0), task("run", 1, "running"))
    one_left = e.Heartbeat(instant=T0 + 5, progress=e.Progress(running=1))
    none_left = e.Heartbeat(instant=T0 + 9 if told == "nothing left" else T0 + 1, progress=NOTHING_LEFT)
    stage.history.say("run", one_left)
    if told != "one running":
        stage.history.say("run", none_left)
        stage.history.say("run", one_left)
    wait(stage, 7, "run")
    assert path(stage) == ["running", "stalled"][: 1 + (told == "nothing left")]
    assert stage.tables.published[-1].reason.endswith("by the runner's totals no task is left") == (
        told == "nothing left"
    )


def test_stalled_is_found_though_the_refresh_was_put_off(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.project.refresh.PATIENCE", 1e9)
    stage.history.say("run", e.TasksChanged(instant=T0), task("run", 1, "running"))
    wait(stage, 1, "run")
    stage.project()
    stage.history.say("run", e.TasksChanged(instant=T0), task("run", 1, "succeeded"))
    wait(stage, 7, "run")
    assert path(stage) == ["running", "stalled"]


def test_the_same_event_has_the_same_id() -> None:
    """What `repeat` above stands on."""
    assert event("r", SUCCEEDED).id == event("r", SUCCEEDED).id != event("s", SUCCEEDED).id


def test_a_completion_that_was_read_again_ends_the_run(stage: Stage) -> None:
    """Its dead letter is no sign of life, but the run is over: `disconnected` must not last for ever."""
    stage.history.say("run", e.Begun(instant=T0))
    stage.history.say("never heard", e.Labelled(labels=["mine"]))
    stage.history.wait(60_000)
    stage.project()
    stage.history.reread("run", SUCCEEDED)
    stage.history.reread("never heard", SUCCEEDED)
    stage.history.wait(10_000)
    stage.project()
    assert stage.path("run")[-1] == stage.path("never heard")[-1] == "succeeded"
