"""Of long texts a mebibyte is kept, and says where the whole is, which nothing loses."""

import json
from typing import Any

from projections.project.event_rows import event_rows
from projections.project.kept_texts import (
    MOST_BYTES,
    MOST_MESSAGE_BYTES,
    MOST_NAMES_BYTES,
    MOST_PROCESSES,
    kept,
)
from schemas.dead_letters import LetterName
from schemas.events import (
    Begun,
    Completed,
    Heartbeat,
    ProcessTotals,
    RunBegun,
    Stored,
    TasksChanged,
    Workflow,
)
from schemas.statuses import ReportedState
from stores.log.port import Record

RECORD = Record(2, 7, 0, "r", "run.begun", b"")


def letter(part: str) -> str:
    return LetterName(partition=2, offset=7, part=part).to_id()


def test_what_fits_is_kept_as_it_is() -> None:
    data = Begun(workflow=Workflow(command_line="x" * MOST_BYTES, params={"a": "x" * (MOST_BYTES - 9)}))
    assert kept(RECORD, data) == (data, [])


def test_a_text_that_is_too_long_is_cut_and_its_whole_set_aside() -> None:
    long = "é" * MOST_BYTES
    told = Workflow(command_line=long, config_text=long)
    data, cut = kept(
        RECORD, Completed(state=ReportedState.FAILED, error_message=long, error_report=long, workflow=told)
    )
    assert isinstance(data, Completed) and data.workflow
    for part, text, most in (
        ("workflow.command_line", data.workflow.command_line, MOST_BYTES),
        ("workflow.config_text", data.workflow.config_text, MOST_BYTES),
        ("error_report", data.error_report, MOST_BYTES),
        ("error_message", data.error_message, MOST_MESSAGE_BYTES),
    ):
        notice, _, beginning = text.partition("\n")
        assert letter(part) in notice and str(2 * MOST_BYTES) in notice
        assert beginning == "é" * (most // 2)
    assert {c.part: json.loads(c.raw) for c in cut} == dict.fromkeys(
        ("workflow.command_line", "workflow.config_text", "error_report", "error_message"), long
    )


def test_parameters_stay_json_whatever_is_large_in_them() -> None:
    deep: Any = "x"
    for _ in range(90):
        deep = [deep, "y" * 100]
    for params in (
        {"small": 1, "large": "x" * 2 * MOST_BYTES, "after": {"a": [None]}},
        {f"k{n}": n for n in range(90_000)} | {"small": 1},
        {"small": 1, "deep": deep, "😀" * 500_000: "name"},
    ):
        data, [cut] = kept(RECORD, Begun(workflow=Workflow(params=params)))
        assert isinstance(data, Begun)
        stored = json.dumps(data.workflow.params, ensure_ascii=False).encode()
        assert (
            len(stored) < MOST_BYTES + 10_000 * 20 and letter("workflow.params") in data.workflow.params["…"]
        )
        assert json.loads(cut.raw) == params
        assert data.workflow.params.get("small", 1) == 1 and "large" not in data.workflow.params


def test_of_very_many_processes_the_first_are_kept() -> None:
    """1.5 million names fit into one request, and every list of runs read them."""
    names = [f"p{n}" for n in range(50_000)]
    data, [cut] = kept(RECORD, Begun(process_names=names))
    assert isinstance(data, Begun) and data.process_names == names[:MOST_PROCESSES]
    assert (cut.part, json.loads(cut.raw)) == ("process_names", names)
    data, [cut] = kept(RECORD, Begun(process_names=["x" * 4000] * 50))
    assert isinstance(data, Begun) and len(data.process_names or ()) == MOST_NAMES_BYTES // 16_000
    few = Begun(process_names=["a", "b"])
    assert kept(RECORD, few) == (few, [])


def test_totals_of_too_many_processes_are_not_kept() -> None:
    totals = [ProcessTotals(process=f"p{n}", succeeded=1) for n in range(MOST_PROCESSES + 1)]
    stored = [Stored(process=f"p{n}", stored=1) for n in range(MOST_PROCESSES + 1)]
    for whole, part in (
        (Completed(state=ReportedState.SUCCEEDED, processes=totals), "processes"),
        (Heartbeat(stored=stored), "stored"),
        (TasksChanged(stored=stored), "stored"),
    ):
        data, [cut] = kept(RECORD, whole)
        assert getattr(data, part) is None and len(json.loads(cut.raw)) == MOST_PROCESSES + 1
        assert type(data) is type(whole)
    fits = Completed(state=ReportedState.SUCCEEDED, processes=totals[:-1])
    assert kept(RECORD, fits) == (fits, [])


def test_lists_get_short_texts_alone() -> None:
    workflow = Workflow(
        command_line="short", config_text="é" * 2049, params={"a": 1}, manifest={"name": "n" * 300}
    )
    event = RunBegun(id="i", source="s", run_id="r", received_at=0, data=Begun(workflow=workflow))
    row = json.loads(event_rows(RECORD, 0, event, b"", "").runs)
    short = row["short_texts"]
    assert (short["command_line"], short["config_text"], short["params"]) == ("short", "", '{"a": 1}')
    assert short["manifest_name"] == "n" * 200 and row["fact_texts"]["config_text"] == "é" * 2049
    assert short["hash"] == row["fact_texts"]["hash"]
