"""Why a run failed, on its page, in the list and as JSON."""

import re
from pathlib import Path
from typing import Any

from stores.tables.client import Tables
from tests.support.api.stage import Stage

GIB, HOUR = 2**30, 3_600_000


def page(stage: Stage, path: str) -> str:
    answer = stage.request("GET", path)
    assert answer.status_code == 200, answer.text
    return answer.text


def failed_run(stage: Stage, workdir: str = "/w", **task: Any) -> None:
    """Killed with its memory full, at its second attempt, while other failures were ignored."""
    its = {"state": "failed", "error_message": "boom", "exit_status": 1}
    stage.run("r1", facts={"name": "n", "session_id": "s", "runner_name": "nextflow"}, completed=its)
    stage.figures("r1", tasks=9, total=9, failed=4, ignored=3)
    of_p = {"process": "W:ALIGN", "memory_bytes": 8 * GIB, "peak_rss_bytes": 8 * GIB, "exit": 137}
    stage.task("r1", 1, "failed", name="W:ALIGN (a)", error_action="RETRY", completed_at=1000, **of_p)
    stage.task(
        "r1", 2, "failed", name="W:ALIGN (a)", error_action="TERMINATE", attempt=2, completed_at=2000, workdir=workdir,
        **of_p | task,
    )  # fmt: skip
    for n in range(3, 6):
        stage.task(
            "r1",
            n,
            "failed",
            name=f"W:QC ({n})",
            process="W:QC",
            error_action="IGNORE",
            exit=127,
            completed_at=500,
        )
    stage.task("r1", 6, name="W:QC (6)", process="W:QC")


def test_the_answer(stage: Stage) -> None:
    failed_run(stage)
    found = stage.get("/runs/n/diagnosis")
    assert found["verdict"] == (
        "W:ALIGN (a) failed and ended the run, at attempt 2: the task was killed after it used all the memory it was given. "
        "3 failures were ignored, so results are missing."
    )
    assert (found["rule"], found["certainty"]) == ("memory-at-limit", "certain")
    assert found["evidence"] == [
        {"what": "exit status", "value": "137", "source": "task"},
        {"what": "figures", "value": "peak memory 8.0 GiB of 8.0 GiB requested", "source": "task"},
    ]
    assert "withName: 'W:ALIGN'" in found["config"] and "memory = { 16.GB * task.attempt }" in found["config"]
    assert found["failed"] == [] and found["stderr"] is None
    run = stage.get("/runs/n")
    assert run["diagnosis"] == found and run["runner_kind"] == "nextflow"
    assert [t["task_id"] for t in found["failed_tasks"]] == [2]
    [ignored], [retried] = found["ignored"], found["retried"]
    assert (ignored["process"], ignored["exit"], ignored["attempts"]) == ("W:QC", 127, 3)
    assert ignored["cause"]["rule"] == "command-missing" and retried["cause"]["rule"] == "memory-at-limit"
    assert (found["task_id"], found["ignored_failures"], found["repaired_failures"]) == (2, 3, 1)


def test_the_card_stands_on_top_of_the_tab_that_opens(stage: Stage) -> None:
    failed_run(stage)
    text = page(stage, "/runs/n")
    tab = text[text.index('id="error"') :]
    card = tab[: tab.index("</section>")]
    assert "Why it failed" in card and "memory = { 16.GB * task.attempt }" in card and "certain" in card
    assert (
        tab.index('id="why"')
        < tab.index('id="failing"')
        < tab.index('id="ignored"')
        < tab.index('id="retried"')
    )
    assert "3 failures that were ignored" in tab and "1 failed attempt that was retried" in tab
    assert re.findall(r'tasks/(\d+)">W', tab[tab.index('id="failing"') : tab.index('id="ignored"')]) == ["2"]


def test_the_end_of_standard_error_is_read_from_the_work_directory(tables: Tables, tmp_path: Path) -> None:
    stage = Stage(tables, local_roots=str(tmp_path))
    (tmp_path / ".command.err").write_text(
        "\n".join(f"line {n}" for n in range(1000)) + "\n<b>no space left on device</b>\n"
    )
    failed_run(stage, workdir=str(tmp_path), exit=1)
    found = stage.get("/runs/n/diagnosis")
    assert found["stderr"]["path"].endswith("/.command.err") and "line 999" in found["stderr"]["text"]
    assert "line 900\n" not in found["stderr"]["text"], "its end only"
    assert found["rule"] == "disk-full"
    text = page(stage, "/runs/n")
    assert "&lt;b&gt;no space left" in text and "<b>no space" not in text


def test_no_evidence_stands_twice_on_the_card(tables: Tables, tmp_path: Path) -> None:
    stage = Stage(tables, local_roots=str(tmp_path))
    (tmp_path / ".command.err").write_text("begins\nthe tool's own word\n")
    failed_run(stage, workdir=str(tmp_path), exit=3)
    assert [e["what"] for e in stage.get("/runs/n/diagnosis")["evidence"]] == ["exit status", "last line"]
    text = page(stage, "/runs/n")
    assert text.count("the tool&#39;s own word") == 1
    assert "<dd>exit status 3; the runner&#39;s exit status 1</dd>" in text


def test_the_list_says_the_cause_in_a_line(stage: Stage) -> None:
    stage.run(
        "r1",
        facts={"name": "n"},
        completed={"state": "failed", "error_message": "Missing required parameter(s): input"},
    )
    stage.tick()
    killed = "Caused by:\n  Process `A` terminated with an error exit status (137)\n\nCommand exit status:\n  137\n"
    stage.run(
        "r2", facts={"name": "m"}, completed={"state": "failed"}, completed_texts={"error_report": killed}
    )
    stage.tick()
    text = page(stage, "/")
    needs = text[text.index('id="needs"') : text.index("</section>")]
    for words in (
        'The parameters do not pass the pipeline&#39;s own checks. <span class="label">certain</span>',
        'most often because it used more memory than it was given. <span class="label">likely</span>',
    ):
        assert words in needs


def test_a_run_that_succeeded_and_ignored_failures_says_so(stage: Stage) -> None:
    stage.run("r1", facts={"name": "n"}, completed={"state": "succeeded"})
    stage.figures("r1", tasks=3, total=3, failed=2, ignored=2, succeeded=1)
    for n in range(2):
        stage.task("r1", n, "failed", name=f"Q ({n})", process="Q", error_action="IGNORE", exit=137)
    text = page(stage, "/runs/n")
    assert "Succeeded, but 2 failures were ignored" in text and 'data-tab="error"' in text
    tab = page(stage, "/runs/n?tab=error")
    assert "What it left out" in tab and '<details id="ignored" open>' in tab
    assert stage.get("/runs/n/diagnosis")["cause"] is None
    stage.run("r2", facts={"name": "m"}, completed={"state": "succeeded"})
    assert "left-out" not in page(stage, "/runs/m") and 'id="tab-error"' not in page(stage, "/runs/m")
    assert stage.get("/runs/m/diagnosis")["verdict"] == "The run succeeded. No failure was ignored."


def test_a_report_that_names_another_task_is_not_put_on_this_one(stage: Stage) -> None:
    report = "Error executing process > 'GONE (1)'\n\nCaused by:\n  Missing output file(s) `x` expected by process `GONE (1)`\n"
    stage.run(
        "r1", facts={"name": "n"}, completed={"state": "failed"}, completed_texts={"error_report": report}
    )
    stage.task("r1", 1, "failed", name="OTHER", process="OTHER", exit=137)
    found = stage.get("/runs/n/diagnosis")
    assert found["task"] is None and found["rule"] == "missing-output"
    assert [(g["process"], g["attempts"]) for g in found["failed"]] == [("OTHER", 1)]
    named = report.replace("GONE (1)", "OTHER")
    stage.run(
        "r1",
        offset=2,
        completed={"instant": 2**41, "state": "failed"},
        completed_texts={"instant": 2**41, "error_report": named},
    )
    assert stage.get("/runs/n/diagnosis")["task"]["name"] == "OTHER"


def test_a_run_that_nobody_knows(stage: Stage) -> None:
    stage.refused(404, "/runs/nobody/diagnosis")


def test_another_runner_gets_its_own_words_and_no_configuration_of_nextflow(stage: Stage) -> None:
    stage.run(
        "r1",
        facts={"name": "n", "session_id": "s", "runner_name": "snakemake"},
        completed={"state": "failed"},
    )
    stage.task("r1", 1, "failed", name="align", process="align", exit=137)
    found = stage.get("/runs/n/diagnosis")
    assert found["rule"] == "killed" and found["config"] is None
    assert "withName" not in page(stage, "/runs/n")
