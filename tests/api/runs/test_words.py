"""Pages call things as the runner of the run does."""

from pathlib import Path

import pytest

from stores.tables.client import Tables
from tests.support.whole import T0, whole


@pytest.mark.parametrize(
    ("runner", "process", "processes", "tag", "resume"),
    [
        ("snakemake", "Rule", "Rules", "Wildcards", "--rerun-incomplete"),
        ("nextflow", "Process", "Processes", "Tag", "-resume s1"),
        ("airflow", "Process", "Processes", "Tag", None),
    ],
)
def test_each_runner_has_its_own_words(
    tables: Tables, tmp_path: Path, runner: str, process: str, processes: str, tag: str, resume: str | None
) -> None:
    task = {"task_id": 1, "status": "failed", "name": "call (a)", "process": "call", "tag": "n=a", "exit": 3}
    times = {"submitted_at": T0, "started_at": T0, "completed_at": T0 + 1000, "realtime_ms": 1000}
    measured = task | {"task_id": 2, "status": "succeeded", "exit": 0, "cpus": 2, "cpu_percent": 100} | times
    workflow = {"name": "nightly", "session_id": "s1", "project_name": "flow", "runner": {"name": runner}}
    events = [
        {"type": "run.begun", "run_id": "r1", "data": {"workflow": workflow}},
        {"type": "tasks.changed", "run_id": "r1", "data": {"tasks": [task, measured]}},
        {"type": "run.completed", "run_id": "r1", "data": {"state": "failed"}},
    ]
    with whole(tables, tmp_path) as served:
        assert served.request("POST", "/v1/events", json=events).status_code == 200
        served.tick()
        assert f"<h2>{processes}</h2>" in served.page("/runs/r1", tab="overview")
        assert f"<h2>By {process.lower()}</h2>" in served.page("/runs/r1", tab="cost")
        assert f'<th scope="col">{process}</th>' in served.page("/runs/r1", tab="error")
        usage = served.page("/runs/r1", tab="usage")
        assert f'<th scope="col" rowspan="2">{process}</th>' in usage
        compared = served.page("/compare", a="r1", b="r1")
        assert (
            f"<h2>{processes}</h2>" in compared and f'<th scope="col" rowspan="2">{process}</th>' in compared
        )
        pipeline = served.page("/pipelines/flow", started_after="")
        assert f"<h2>{processes}</h2>" in pipeline and f'<th scope="col">{process}</th>' in pipeline
        page = served.page("/runs/r1/tasks/1")
        assert f"<dt>{process}</dt><dd>call</dd>" in page and f"<dt>{tag}</dt><dd>n=a</dd>" in page
        assert served.run("r1")["resume_command"] == resume
        assert resume is None or resume in served.page("/runs/r1", tab="error")
