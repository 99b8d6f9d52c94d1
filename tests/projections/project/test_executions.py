"""Executions of a weblog run: which request belongs to which, told by what came before it, in any batches and by any worker."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.project.executions import Execution, execution_of
from schemas import events as e
from schemas.run_ids import is_base, is_derived, log_key
from schemas.statuses import Dialect, ReportedState
from stores.tables.client import Tables
from tests.support import projection as help
from tests.support.projection import Stage
from tests.support.reference.figures import ms
from tests.support.reference.histories import LIMITS

BASE = "w0123456789abcde"
T0 = help.T0


def started(start: int | None, instant: int | None = None) -> tuple[Any, tuple[e.TaskRecord, ...]]:
    workflow = e.Workflow(name="n", session_id="s", started_at=start)
    return e.Begun(dialect=Dialect.WEBLOG, instant=instant or _second(start), workflow=workflow), ()


def told(at: int, task_id: int = 1) -> tuple[Any, tuple[e.TaskRecord, ...]]:
    record = help.task(BASE, task_id, "succeeded", submitted_at=at, started_at=at, completed_at=at + 100)
    return e.TasksChanged(dialect=Dialect.WEBLOG, instant=_second(at + 100)), (record,)


def ended(start: int | None, at: int) -> tuple[Any, tuple[e.TaskRecord, ...]]:
    workflow = e.Workflow(name="n", session_id="s", started_at=start)
    state: Any = ReportedState.SUCCEEDED
    data = e.Completed(dialect=Dialect.WEBLOG, instant=_second(at), state=state, completed_at=at)
    return data.model_copy(update={"workflow": workflow}), ()


def _second(ms: int | None) -> int | None:
    return None if ms is None else ms // 1000 * 1000


def numbers(requests: Sequence[tuple[Any, tuple[e.TaskRecord, ...]]]) -> list[int]:
    """Which execution each of the requests, in this order, is of."""
    known: dict[int, Execution] = {}
    found = []
    for data, tasks in requests:
        at = ms(tasks[0].submitted_at) if tasks else None
        execution = execution_of(list(known.values()), help.event(BASE, data), at)
        known[execution.number] = execution
        found.append(execution.number)
    return found


@given(st.data())
def test_requests_of_one_runner_after_another_belong_to_their_executions(data: st.DataObject) -> None:
    """Some runners were killed, some of their starts were lost, and any request may be sent again later."""
    requests, expected, at = [], [], T0
    lives = data.draw(st.lists(st.tuples(*[st.booleans()] * 3, st.integers(1, 3)), min_size=1, max_size=5))
    was_over = True
    for number, (start_is_told, killed, untimed, tasks) in enumerate(lives, 1):
        start = at + 300
        # Where the one before told no end, only its start can tell the next apart.
        if start_is_told or not was_over:
            requests.append(started(None if untimed else start, _second(start)))
            expected.append(number)
        for task_id in range(tasks):
            requests.append(told(at + 2000 + 1000 * task_id, task_id))
            expected.append(number)
        was_over = not killed
        if was_over:
            requests.append(ended(None if untimed else start, at + 8000))
            expected.append(number)
        again = data.draw(st.lists(st.integers(0, len(requests) - 1), max_size=2))
        for i in again:
            requests.append(requests[i])
            expected.append(expected[i])
        at += data.draw(st.sampled_from([10_000, 3_600_000]))
    assert numbers(requests) == expected


def test_an_end_that_names_no_known_start_ends_what_runs() -> None:
    assert numbers([started(None, T0), ended(T0 + 7, T0 + 5000), ended(T0 + 7, T0 + 5000)]) == [1, 1, 1]
    assert numbers([started(T0), ended(None, T0 + 5000), started(T0 + 9000), ended(None, T0 + 12_000)]) == [
        *(1, 1, 2, 2)
    ]
    assert numbers([told(T0), started(T0 - 500), ended(T0 - 500, T0 + 1)]) == [1, 1, 1]
    assert numbers([started(T0), ended(T0, T0 + 900), ended(T0 + 5000, T0 + 9000)]) == [1, 1, 2]


@pytest.mark.each_store
@pytest.mark.parametrize("batch", [1, 100])
def test_a_worker_that_reads_again_finds_the_same_executions(tables: Tables, batch: int) -> None:
    help.empty(tables)
    stage = Stage(tables, LIMITS)
    for start in (T0, T0 + 60_000, T0 + 120_000):
        for data, tasks in (started(start), told(start + 1000), ended(start, start + 5000)):
            stage.history.say(BASE, data, *tasks)
    for upto, again in ((4, 1), (8, 5), (9, 0)):
        records = stage.history.records
        for i in range(stage.projected, upto, batch):
            stage.projector.project(records[i : min(i + batch, upto)])
        stage.projector.refresh_all()
        stage.projector, stage.projected = stage.worker(), again
    stage.project(batch)
    ids = [BASE, f"{BASE}-2", f"{BASE}-3"]
    rows = tables.rows("SELECT run_id, task_id FROM tasks FINAL ORDER BY run_id")
    assert [(r["run_id"], r["task_id"]) for r in rows] == [(run_id, 1) for run_id in ids]
    rows = tables.rows(
        "SELECT run_id FROM (SELECT * FROM runs FINAL) WHERE completed.hash != 0 ORDER BY run_id"
    )
    assert [r["run_id"] for r in rows] == ids
    rows = tables.rows("SELECT run_id, count() AS n FROM events FINAL GROUP BY run_id ORDER BY run_id")
    assert [(r["run_id"], r["n"]) for r in rows] == [(run_id, 3) for run_id in ids]


def test_the_ids_of_executions_have_one_key_on_the_log() -> None:
    assert {log_key(run_id) for run_id in (BASE, f"{BASE}-2", f"{BASE}-30")} == {BASE}
    assert all(is_derived(run_id) for run_id in (BASE, f"{BASE}-2")) and is_base(BASE)
    assert not is_base(f"{BASE}-2")
    for run_id in ("backup-2", "nightly", f"{BASE}-0", f"{BASE}-x", f"0{BASE[1:]}-2", ""):
        assert log_key(run_id) == run_id and not is_base(run_id)
