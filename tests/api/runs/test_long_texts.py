"""Lists read no long texts of runs, whatever their runners sent: neither columns nor answers."""

import re
from dataclasses import asdict
from pathlib import Path

import pytest

from api.core.db import sql
from api.core.params import RunFilter
from stores.tables.client import Tables
from tests.support.api.stage import Stage
from tests.support.whole import whole

LONG = ("fact_texts", "completed_texts", "process_names")


def columns_read(stage: Stage, query: str, **parameters: object) -> str:
    """The plan of the statement with the columns that each step has."""
    rows = stage.tables.rows(f"EXPLAIN header = 1 {sql(query)}", **parameters)
    return "\n".join(r["explain"] for r in rows)


@pytest.fixture
def stage(tables: Tables) -> Stage:
    return Stage(tables)


def test_no_statement_of_a_list_reads_a_long_text(stage: Stage) -> None:
    clocks = {
        "clock_partitions": [0],
        "clock_times": [0],
        "behind": [],
        "disconnected_ms": 1,
        "stalled_ms": 1,
    }
    page = clocks | asdict(RunFilter([], search="x", pipeline="p")) | {
        "sort": "by_pipeline", "descending": True, "token_ms": 2**63 - 1, "token_id": "", "limit": 10, "offset": 0,
        "places": [1],
    }  # fmt: skip
    for query, parameters in (
        ("runs/runs", clocks | {"run_ids": ["r"]}),
        ("runs/runs_page", page),
        ("runs/runs_by_status", page | {"sort": "by_status"}),
        ("runs/latest_places", page),
        ("runs/latest", page),
        ("runs/attention", clocks | {"since_ms": 0, "limit": 10}),
        ("runs/filtered_counts", clocks | asdict(RunFilter([], search="x", pipeline="p"))),
        ("runs/suggestions", {"limit": 10}),
        ("runs/status_counts", clocks | {"since_ms": 0}),
    ):
        plan = columns_read(stage, query, **parameters)
        assert {"first_ms", "completed", "user_name"} & set(re.findall(r"\w+", plan)), (
            "the plan names columns"
        )
        for text in LONG:
            assert text not in plan, (query, text)
    whole_run = columns_read(stage, "runs/run", **clocks, run_ids=["r"])
    assert all(text in whole_run for text in LONG)


def test_a_run_of_large_texts_is_listed_without_them_and_shown_with_what_is_kept(
    tables: Tables, tmp_path: Path
) -> None:
    config, params = "c" * 3_000_000, {"small": 1, "large": "p" * 3_000_000}
    with whole(tables, tmp_path) as tracker:
        workflow = {"runName": "large", "sessionId": "s", "configText": config, "params": params}
        [run_id] = tracker.send(
            [
                {"at": 0, "method": "POST", "path": "/trace/create", "body": {"runName": "large", "instant": 1}},
                {"at": 1, "method": "PUT", "path": "/trace/x/begin", "body": {"workflow": workflow, "instant": 2}},
            ]
        )  # fmt: skip
        listed = tracker.get("/runs")["runs"][0]["workflow"]
        assert listed["config_text"] is None and set(listed["params"]) == {"small", "…"}
        run = tracker.run(run_id)["workflow"]
        assert len(run["config_text"]) < 2**20 + 200 and run["params"]["small"] == 1
        letters = tracker.get("/dead-letters", run_id=run_id)["dead_letters"]
        assert {d["part"] for d in letters} == {"workflow.config_text", "workflow.params"}
        for d in letters:
            assert d["id"] in run["config_text"][:300] or d["id"] in run["params"]["…"]
            assert tracker.get(f"/dead-letters/{d['id']}")["raw_bytes"] > 3_000_000
        page = tracker.page(f"/runs/{run_id}", tab="config")
        assert page.count("the whole is the dead letter") == 2 and len(page) < 200_000
