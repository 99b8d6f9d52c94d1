"""The diagnosis of recorded runs: what failed in each is named, and no rule fires on a healthy one."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from schemas.diagnosis.facts import Facts
from schemas.diagnosis.table import known_cause
from stores.tables.client import Tables
from tests.support.whole import CASES, whole

TRACES = CASES.parent / "traces"
#: file → run → (rule of the cause, rules of what was ignored, rules of what was retried). What is not here is healthy.
EXPECTED: dict[str, dict[str, tuple[str | None, list[str | None], list[str | None]]]] = {
    "06-same-name-tasks": {"same_names": (None, [], ["killed"])},
    "14-attempts-and-gaps": {"many_attempts": ("cancelled", [], [None])},
    "17-same-labels": {"same_labels": (None, ["killed"], [])},
    "22-ansi-error": {"coloured_error": ("parameters", [], [])},
    "30-k8s-left-running": {"k8s_left_running": ("pod-failed", [], [None])},
    "32-weblog-resumed-same-name": {"ci_nightly": (None, [], [])},
    "39-never-submitted": {"sbatch_refused": ("not-submitted", [], [])},
    "retry": {"": (None, [], [None])},
}
#: Runs that failed for a reason that no rule knows.
UNKNOWN = {
    "failed",
    "failed-26.04.6",
    "failed.weblog",
    "34-secrets",
    "35-large-texts",
    "36-odd-names-native",
    "32-weblog-resumed-same-name",
}
FILES = sorted([*TRACES.glob("*.gz"), *CASES.glob("*.gz")])


def requests(path: Path) -> list[dict[str, Any]]:
    """What was recorded, with the id that a create gave to be replaced by the one that it gets here."""
    with gzip.open(path, "rt") as lines:
        found = [json.loads(line) for line in lines]
    return [r | {"path": re.sub(r"/trace/(?!create)[^/]+/", "/trace/x/", r["path"])} for r in found]


def test_what_is_expected_is_there() -> None:
    names = {f.name.removesuffix(".jsonl.gz") for f in FILES}
    assert set(EXPECTED) | UNKNOWN <= names and len(names) > 25


def facts_of(task: dict[str, Any]) -> Facts:
    """What the rules may go by of a task that did well."""
    return Facts(
        process=task["process"] or "",
        exit=task["exit"],
        attempt=task["attempt"],
        memory=task["memory_bytes"],
        peak_memory=task["peak_rss_bytes"],
        ran=task["realtime_ms"],
        cpus=task["cpus"],
        price_model=task["price_model"] or "",
        container=task["container"] or "",
    )


@pytest.mark.parametrize("path", FILES, ids=lambda f: f.name.removesuffix(".jsonl.gz"))
def test_recorded_run(path: Path, tables: Tables, tmp_path: Path) -> None:
    name = path.name.removesuffix(".jsonl.gz")
    with whole(tables, tmp_path) as tracker:
        tracker.send(requests(path))
        runs = tracker.get("/runs", page_size=100)["runs"]
        assert runs
        for run in runs:
            found = tracker.get(f"/runs/{run['id']}/diagnosis")
            known = EXPECTED.get(name, {})
            rule, ignored, retried = known.get(run["name"], known.get("", (None, [], [])))
            cause = found["cause"]
            assert found["rule"] == rule, found
            assert [g["cause"]["rule"] for g in found["ignored"]] == ignored
            assert [g["cause"]["rule"] for g in found["retried"]] == retried
            went_wrong = run["reported_state"] in ("failed", "cancelled")
            assert (cause is not None) == went_wrong, "no cause of what did not fail"
            if went_wrong and rule is None:
                assert name in UNKNOWN and found["certainty"] == "unknown" and "not known" in found["verdict"]
            for status in ("succeeded", "cached"):
                for task in tracker.get(f"/runs/{run['id']}/tasks", status=status, page_size=500)["tasks"]:
                    assert known_cause(facts_of(task)) is None, task
            if run["reported_state"] == "succeeded" and run["tasks"]["ignored"]:
                assert "ignored" in found["verdict"]


def test_an_unknown_failure_says_so_and_shows_what_the_command_wrote(tables: Tables, tmp_path: Path) -> None:
    with whole(tables, tmp_path) as tracker:
        tracker.send(requests(TRACES / "failed.jsonl.gz"))
        found = tracker.get("/runs/grumpy_turing/diagnosis")
        assert found["verdict"].startswith(
            "VARIANTS:CALLING:CALL (S03) failed and ended the run: the cause is not known"
        )
        assert found["task"]["exit"] == 3 and found["task"]["error_action"] == "TERMINATE"
        assert [(e["what"], e["value"], e["source"]) for e in found["evidence"]] == [
            ("exit status", "3", "task"),
            ("last line", "bad reference: contig chrUn_42 not found", "command output"),
        ]
        assert found["stderr"]["text"].endswith("bad reference: contig chrUn_42 not found")
