"""How far a run is and when it may be done: an example by hand, what no earlier run tells, and bounds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.core.db import Reader
from api.core.memo import Memo
from api.runs.progress import EarlierRuns, Expected, estimate, fraction
from api.tasks import queries
from api.tasks.models import Process
from schemas.values import iso
from tests.support.api.stage import T0, Stage

MINUTE = 60_000
_COUNTS = ("pending", "submitted", "running", "succeeded", "failed", "aborted", "cached")


def process(name: str, **counts: int) -> Process:
    zero = dict.fromkeys(Process.model_fields, 0)
    return Process.model_validate(zero | {"process": name, "label": name, "told": True} | counts)


def test_a_process_weighs_as_much_as_it_took_before() -> None:
    earlier = {"A": Expected(tasks=10, cpu_ms=100), "B": Expected(tasks=1, cpu_ms=300)}
    assert fraction([], earlier) == 0
    assert fraction([process("A", succeeded=10)], earlier) == 0.25
    assert fraction([process("A", succeeded=5, pending=15)], earlier) == 100 * 5 / 20 / 400
    assert fraction([process("A", cached=4, failed=1)], earlier) == 100 * 5 / 10 / 400
    assert fraction([process("A", succeeded=10), process("B", succeeded=1)], earlier) == 0.99


def test_what_is_left_takes_as_long_as_before() -> None:
    earlier = EarlierRuns([10 * MINUTE, 40 * MINUTE, 20 * MINUTE], {"A": Expected(4, 100)})
    found = estimate([process("A", succeeded=3)], earlier, T0)
    assert found.model_dump() == {
        "fraction": 0.75, "basis_runs": 3,
        "eta_at": iso(T0 + 5 * MINUTE), "eta_low_at": iso(T0 + 5 * MINUTE // 2), "eta_high_at": iso(T0 + 10 * MINUTE),
    }  # fmt: skip


@given(
    st.lists(
        st.builds(process, st.sampled_from("ABC"), **{c: st.integers(0, 10**9) for c in _COUNTS}), max_size=4
    ),
    st.dictionaries(
        st.sampled_from("BCD"), st.builds(Expected, st.floats(0, 1e9), st.floats(0, 1e18)), max_size=3
    ),
    st.lists(st.integers(1, 2**62), min_size=1, max_size=10),
)
def test_it_has_bounds(of_run: list[Process], before: dict[str, Expected], durations: list[int]) -> None:
    found = estimate(of_run, EarlierRuns(durations, before), T0)
    assert 0 <= found.fraction <= 0.99
    assert iso(T0) <= found.eta_low_at <= found.eta_at <= found.eta_high_at


def fill(stage: Stage) -> None:
    for n, (state, minutes, cached) in enumerate(
        (("succeeded", 10, 0), ("succeeded", 30, 1), ("succeeded", 1, 4), ("failed", 500, 0))
    ):
        run = f"old{n}"
        at = T0 - 100 * MINUTE + n
        stage.run(
            run, at=at, facts={"project_name": "lab/p", "name": run, "started_at": iso(at)}, over=1,
            completed={"state": state, "duration_ms": minutes * MINUTE, "completed_at": iso(at)}, last_instant=iso(at),
        )  # fmt: skip
        stage.figures(run, total=4, tasks=4, succeeded=4 - cached, cached=cached)
        row = {"run_id": run, "version": 1, "process": "A", "tasks": 4, "succeeded": 4, "cpu_ms": 8}
        stage.insert("run_processes", row)
    stage.tick(offset=1)
    stage.run("r", begun=1, facts={"project_name": "lab/p", "name": "r", "started_at": iso(T0)})
    stage.figures("r", total=1, tasks=1, succeeded=1)
    stage.insert("run_processes", {"run_id": "r", "version": 1, "process": "A", "tasks": 1, "succeeded": 1})


def test_the_answer_and_the_page_say_it(stage: Stage) -> None:
    fill(stage)
    progress = stage.get("/runs/r")["progress"]
    # A quarter is done; the run that took most from the cache and the one that failed tell nothing.
    assert (progress["fraction"], progress["basis_runs"]) == (0.25, 2)
    as_of = stage.get("/runs/r")["as_of"]
    assert as_of == iso(T0) and progress["eta_at"] == iso(T0 + 15 * MINUTE)
    page = stage.request("GET", "/runs/r").text
    assert "25.0 %" in page and "15 min" in page and "(7 min 30 s to 22 min 30 s)" in page
    assert "by 2 earlier runs of this pipeline" in page


def test_where_nobody_can_tell(stage: Stage) -> None:
    fill(stage)
    assert stage.get("/runs/old0")["progress"] is None
    stage.run("first", begun=1, facts={"project_name": "lab/new", "name": "first", "started_at": iso(T0)})
    assert stage.get("/runs/first")["progress"] is None
    assert "nobody knows how long it takes" in stage.request("GET", "/runs/first").text


def test_a_memo_forgets_what_is_old_and_what_is_too_much() -> None:
    memo, made = Memo(lasts_ms=10), []

    def make() -> int:
        made.append(1)
        return len(made)

    assert [memo.get("a", at, make) for at in (0, 9, 10, 5)] == [1, 1, 2, 3]
    for n in range(300):
        memo.get(n, 10, make)
    assert memo.get(299, 10, make) == 303 and memo.get(0, 10, make) == 304


@pytest.mark.parametrize("known", [{"modes": {"instant": 1, "hash": 1, "stub": 1}}, {}])
def test_a_pipeline_of_stubs_tells_nothing(stage: Stage, known: dict[str, Any]) -> None:
    stage.tick(offset=1)
    stage.run("r", begun=1, facts={"project_name": "lab/p", "name": "r", "started_at": iso(T0)})
    stage.run(
        "old", facts={"project_name": "lab/p", "name": "old", "started_at": iso(T0 - 1)}, over=1, **known,
        completed={"state": "succeeded", "duration_ms": MINUTE, "completed_at": iso(T0)}, last_instant=iso(T0),
    )  # fmt: skip
    stage.figures("old", total=1, tasks=1, succeeded=1)
    assert (stage.get("/runs/r")["progress"] is None) == bool(known)


def test_lists_say_it_and_ask_no_more_for_more_runs(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(stage)
    for n in range(5):
        stage.run(
            f"r{n}", begun=1, facts={"project_name": "lab/p", "name": f"live{n}", "started_at": iso(T0)}
        )
    for n in range(5):  # pipelines that nobody knows
        stage.run(f"s{n}", begun=1, facts={"project_name": f"lab/{n}", "name": f"other{n}"})
    asked: list[str] = []
    ask = Reader.rows

    def rows(reader: Reader, query: str, **parameters: Any) -> list[Any]:
        asked.append(query)
        return ask(reader, query, **parameters)

    monkeypatch.setattr(Reader, "rows", rows)
    texts = [stage.request("GET", "/").text for _ in range(3)]
    assert asked.count("tasks/processes") == 2, (
        "one for all runs; the first list asks for three other pipelines"
    )
    assert asked.count("runs/earlier_processes") == 1, "remembered"
    row = texts[-1].split('id="run-r"')[1].split("</tr>")[0]
    assert "1 of 1" in row and "left</time>" in row
    assert texts[-1].count("left</time>") == 6 and "25.0 %, " in row


def test_the_api_says_the_same_in_a_list_as_of_one_run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(stage)
    stage.run("r2", begun=1, facts={"project_name": "lab/p", "name": "other", "started_at": iso(T0)})
    for most in (queries._PROCESSES_OF_RUNS, 2):
        monkeypatch.setattr(queries, "_PROCESSES_OF_RUNS", most)
        found = {r["id"]: r["progress"] for r in stage.get("/runs")["runs"]}
        assert {i for i, progress in found.items() if progress} == {"r", "r2"}, "live, with earlier runs"
        assert found["r"] == stage.get("/runs/r")["progress"] and found["r"]["fraction"] == 0.25
        assert found["r2"]["fraction"] == 0
