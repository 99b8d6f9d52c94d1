"""Lists of runs and single runs: what they show, filters, paging, status, cycles."""

from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from api.core.figures import money
from api.runs.models import Run
from schemas.values import iso
from tests.support.api.stage import T0, Stage, run_row

HOSTILE = [
    "'", '"', "\\", "%", "_", "\x00", "a\x00b", "'; DROP TABLE runs; --", "{run_id:String}",
    "\ud800".encode("utf-8", "replace").decode(), "😀", "\n", "%s",
]  # fmt: skip


def names(stage: Stage, **filters: Any) -> list[str]:
    return [r["name"] for r in stage.get("/runs", **filters)["runs"]]


def test_no_runs(stage: Stage) -> None:
    assert stage.get("/runs") == {"runs": [], "next_page_token": None, "as_of": iso(stage.now)}


def test_a_run_shows_all_that_was_told(stage: Stage) -> None:
    stage.tick(T0 + 500)
    stage.run(
        "r1",
        workspace="12",
        last_instant=iso(T0 + 9000),
        begun=1,
        created={"instant": T0, "name": "old", "session_id": "s0", "project_name": "old"},
        facts={
            "name": "mad_mayer", "session_id": "s1", "project_name": "org/rnaseq", "script_name": "main.nf",
            "repository": "https://example.org/rnaseq", "revision": "main", "commit_id": "abc", "work_dir": "/w",
            "launch_dir": "/l", "output_dir": "/o", "profile": "docker", "user_name": "ann",
            "runner_name": "nextflow", "runner_version": "25.04.0", "started_at": iso(T0 + 1000),
        },
        fact_texts={"command_line": "nextflow run", "config_text": "x = 1", "params": '{"a": [1, NaN, 1e999]}', "manifest": "{}"},
        labels=["a", "b"],
    )  # fmt: skip
    stage.figures("r1", tasks=3, total=3, succeeded=2, running=1, retried=1, peak=2)
    run = stage.get("/runs/r1")
    assert run.keys() == Run.model_fields.keys() and run["pipeline"] == "org/rnaseq"
    assert run["workflow"] == {
        "repository": "https://example.org/rnaseq", "revision": "main", "commit_id": "abc", "project_name": "org/rnaseq",
        "script_name": "main.nf", "work_dir": "/w", "launch_dir": "/l", "output_dir": "/o", "profile": "docker",
        "user_name": "ann", "command_line": "nextflow run", "params": {"a": [1, None, None]}, "config_text": "x = 1",
        "manifest": {},
    }  # fmt: skip
    assert run["tasks"] == {
        "total": 3, "pending": 0, "submitted": 0, "running": 1, "succeeded": 2, "failed": 0, "ignored": 0, "aborted": 0,
        "cached": 0, "retried": 1, "stored": 0, "never_run": 0,
    }  # fmt: skip
    told = {
        k: run[k]
        for k in ("id", "name", "session_id", "cycle", "runner", "status", "liveness", "workspace", "labels")
    }
    assert told == {
        "id": "r1", "name": "mad_mayer", "session_id": "s1", "cycle": 1, "workspace": "12", "labels": ["a", "b"],
        "runner": {"name": "nextflow", "version": "25.04.0"}, "status": "running", "liveness": "live",
    }  # fmt: skip
    assert run["as_of"] == iso(T0 + 500) and run["last_seen_at"] == iso(T0)
    assert (run["submitted_at"], run["started_at"], run["completed_at"]) == (iso(T0), iso(T0 + 1000), None)
    assert run["duration_ms"] == 8000 and run["peak_concurrency"] == 2
    assert run["cost"] is None and run["error"] is None and run["outputs"] is None and run["owner"] is None
    assert run["resume_command"] == "-resume s1"
    assert stage.get("/runs")["runs"] == [run]


def test_a_run_of_which_hardly_anything_is_known(stage: Stage) -> None:
    stage.run("r1", dialect="weblog")
    run = stage.get("/runs/r1")
    assert run["name"] == "r1" and run["session_id"] is None and run["resume_command"] is None
    assert run["duration_ms"] is None and run["workspace"] is None and run["labels"] == []
    assert set(run["workflow"].values()) == {None}
    assert (run["status"], run["liveness"]) == ("running", "unknown")  # weblog has no heartbeats


def test_rows_from_before_first_dialect_keep_the_dialect_that_they_had(stage: Stage) -> None:
    stage.tick(T0 + 500, clock_ms=10_000_000)
    row = {"run_id": "r1", "begun": 1, "seen": {"observed": 1, "appended": T0}, "owner": {"earliness": 9}}
    stage.insert("runs", row | {"dialect": "weblog"}, {"run_id": "r1", "dialect": "native"})
    assert stage.get("/runs/r1")["status"] == "running"
    stage.insert("runs", row | {"run_id": "r2", "dialect": "tower"})
    assert stage.get("/runs/r2")["status"] == "disconnected"


def test_labels_bring_a_run_its_own_thresholds(stage: Stage) -> None:
    """Lists, single runs and counts judge by them; labels that cannot be used are named, also on the page."""
    stage.tick(T0 + 900, clock_ms=200_000)
    wrong = "tracker.stalled-after=<soon>"
    stage.run("patient", labels=["x", "tracker.disconnected-after=200", wrong])
    stage.run("plain", labels=["x"])
    assert stage.get("/runs/patient")["thresholds"] == {
        "disconnected_after_ms": 200_000, "stalled_after_ms": 900_000, "ignored_labels": [wrong],
    }  # fmt: skip
    assert stage.get("/runs/plain")["thresholds"] == {
        "disconnected_after_ms": 180_000, "stalled_after_ms": 900_000, "ignored_labels": [],
    }  # fmt: skip
    assert {r["id"]: r["status"] for r in stage.get("/runs")["runs"]} == {
        "patient": "running",
        "plain": "disconnected",
    }
    assert [r["id"] for r in stage.get("/runs", status="disconnected")["runs"]] == ["plain"]
    page = stage.request("GET", "/runs/patient").text
    assert "tracker.stalled-after=&lt;soon&gt;" in page.split("Labels that are ignored")[1][:200]


def test_the_end_is_told_whole(stage: Stage) -> None:
    stage.run(
        "r1", facts={"name": "n", "session_id": "it's", "started_at": iso(T0)}, last_instant=iso(T0 + 99_000),
        completed={
            "state": "failed", "completed_at": iso(T0 + 7000), "duration_ms": 6500, "exit_status": 3, "error_message": "boom",
        },
        completed_texts={"error_report": "long story"},
    )  # fmt: skip
    run = stage.get("/runs/r1")
    assert run["error"] == {"message": "boom", "report": "long story", "exit_status": 3, "summary": "boom"}
    assert run["duration_ms"] == 6500 and run["completed_at"] == iso(T0 + 7000) and run["liveness"] is None
    assert run["resume_command"] == """-resume 'it'"'"'s'"""


@pytest.mark.parametrize(
    ("known", "clock_ms", "status", "liveness"),
    [
        ({"created": {"instant": T0}}, 0, "submitted", "live"),
        ({"begun": 1}, 0, "running", "live"),
        ({"begun": 1}, 180_000, "running", "live"),
        ({"begun": 1}, 180_001, "disconnected", "disconnected"),
        ({"created": {"instant": T0}}, 180_001, "disconnected", "disconnected"),
        ({"begun": 1, "seen": {"observed": 900_001, "appended": T0}}, 900_001, "stalled", "stalled"),
        ({"completed": {"state": "succeeded"}}, 999_999, "succeeded", None),
        ({"completed": {"state": "failed"}}, 0, "failed", None),
        ({"completed": {"state": "cancelled", "error_message": "SIGINT"}}, 0, "cancelled", None),
    ],
)
def test_status(
    stage: Stage, known: dict[str, Any], clock_ms: int, status: str, liveness: str | None
) -> None:
    stage.tick(T0, clock_ms)
    stage.run("r1", **known)
    stage.figures("r1", tasks=1, total=1, succeeded=1)
    run = stage.get("/runs/r1")
    assert (run["status"], run["liveness"]) == (status, liveness)
    assert names(stage, status=status) == ["r1"]
    assert names(stage, status=",".join({"running", "unknown"} - {status})) == []


def test_live_runs_are_unknown_while_their_partition_is_behind(stage: Stage) -> None:
    stage.tick(T0 + 10_000, partition=0)
    stage.tick(T0, partition=1)
    stage.tick(None, partition=2)  # projected, but no tick yet
    for partition in (0, 1, 2):
        stage.run(f"r{partition}", partition=partition, begun=1)
    stage.run("r9", partition=1, completed={"state": "succeeded"})
    stage.now = T0 + 30_000
    assert [stage.get(f"/runs/r{n}")["status"] for n in (0, 1, 2, 9)] == [
        "running",
        "running",
        "unknown",
        "succeeded",
    ]
    stage.now += 1
    assert stage.get("/runs/r1")["status"] == "unknown"
    listed = stage.get("/runs", status="unknown")
    assert [r["id"] for r in listed["runs"]] == ["r2", "r1"]
    assert listed["as_of"] == iso(T0)
    assert stage.get("/runs/r0")["as_of"] == iso(T0 + 10_000)


def test_filters(stage: Stage) -> None:
    stage.run(
        "r1",
        at=T0,
        facts={"name": "Alpha", "session_id": "s1", "user_name": "ann", "started_at": iso(T0)},
        labels=["x", "nightly"],
    )
    stage.run(
        "r2",
        at=T0 + 1,
        facts={"name": "beta", "session_id": "s2", "project_name": "org/Äpfel"},
        created={"instant": T0 + 5000},
    )
    stage.run(
        "r3",
        at=T0 + 2,
        created={"instant": T0 + 9000, "name": "gamma", "session_id": "s1", "repository": "https://git/é"},
    )
    assert names(stage) == ["gamma", "beta", "Alpha"]
    assert (
        names(stage, search="ALPH")
        == names(stage, search="ann")
        == names(stage, search="nightl")
        == ["Alpha"]
    )
    assert names(stage, search="äPFEL") == ["beta"]
    assert names(stage, search="GIT/É") == ["gamma"]
    assert names(stage, search="%") == names(stage, search="a_p") == []
    assert names(stage, label="nightly") == ["Alpha"] and names(stage, label="night") == []
    assert names(stage, session_id="s1") == ["gamma", "Alpha"]
    assert names(stage, started_after=iso(T0 + 5000)) == ["gamma", "beta"]
    assert names(stage, started_before="2023-11-14T23:13:25+01:00") == ["Alpha"]
    assert names(stage, started_after=iso(T0), started_before=iso(T0 + 5001), search="a") == ["beta", "Alpha"]
    assert names(stage, status="", search="", label="", started_after="", page_token="") == names(stage)


def test_bad_parameters_are_refused(stage: Stage) -> None:
    wrong: list[tuple[str, object]] = [
        ("status", "live"), ("status", "running,nope"), ("status", "x" * 60_000),
        ("page_size", 0), ("page_size", -1), ("page_size", 501), ("page_size", "x"), ("page_size", "1e2"),
        ("page_token", "garbage"), ("page_token", "AAAA"), ("page_token", "ß"), ("page_token", "W10"),
        ("page_token", "WzEsMl0"), ("page_token", "WzEuNSwiYSJd"), ("page_token", "WzEsIlx1ZDgwMCJd"),
        ("page_token", "WzEsInIxIl0=\x00"), ("page_token", "W1t7fV1d"), ("page_token", "x" * 5000),
        ("started_after", "yesterday"), ("started_after", "2023-11-14T22:13:20"), ("started_before", "9" * 50),
        ("search", "x" * 60_000), ("label", "x" * 60_000), ("user", "x" * 60_000), ("sort", "drop"), ("sort", "x" * 60_000),
    ]  # fmt: skip
    for name, value in wrong:
        assert name in stage.refused(400, "/runs", **{name: value})["detail"], value


def test_hostile_texts_are_only_texts(stage: Stage) -> None:
    for i, text in enumerate(HOSTILE):
        stage.run(
            f"r{i}",
            at=T0 + i,
            facts={"name": f"<{text}>", "session_id": text, "user_name": text},
            labels=[text],
        )
    for i, text in enumerate(HOSTILE):
        name = f"<{text}>"
        assert (
            names(stage, search=name)
            == names(stage, label=text)
            == names(stage, session_id=text)
            == [name]
            == names(stage, user=text)
            == names(stage, user=text, sort="name")
        )
        assert stage.get("/runs/" + quote(name, safe=""))["id"] == f"r{i}"


def test_long_names(stage: Stage) -> None:
    long = "n" * 100_000
    stage.run("r1", facts={"name": long})
    stage.run("r2", facts={"name": long[:60_000]})  # about what an address may hold
    assert stage.get("/runs/r1")["name"] == long
    assert stage.get(f"/runs/{long[:60_000]}")["id"] == "r2"
    assert len(stage.refused(404, f"/runs/{long[:59_999]}")["detail"]) < 300


def test_paging_gives_each_run_once(stage: Stage) -> None:
    for i in range(23):
        stage.run(f"r{i:02}", at=T0 + i // 3)  # equal times too
    expected = [f"r{i:02}" for i in reversed(range(23))]
    for size in (1, 5, 23, 24):
        pages = list(stage.pages("/runs", "runs", page_size=size))
        assert [r["id"] for page in pages for r in page] == expected
        assert {len(page) for page in pages[:-1]} <= {size} and pages[-1]


def test_a_name_means_its_newest_run_and_goes_before_an_id_that_a_client_chose(stage: Stage) -> None:
    derived = "01m8000000000000"
    stage.run("r1", at=T0 + 5, facts={"name": "twin"})
    stage.run("r2", at=T0 + 9, created={"name": "twin"})
    stage.run("r3", at=T0 + 9, facts={"name": "twin"})
    stage.run("r4", at=T0 + 99, facts={"name": "r1"})
    assert stage.get("/runs/twin")["id"] == "r3"
    stage.run("nightly", at=T0, facts={"name": "squatter"})
    stage.run("r5", at=T0 + 3, facts={"name": "nightly"})
    stage.run(derived, at=T0, facts={"name": "mine"})
    stage.run("r6", at=T0 + 3, facts={"name": derived})
    assert stage.get("/runs/r1")["id"] == "r4" and stage.get("/runs/r2")["id"] == "r2"
    assert stage.get("/runs/nightly")["id"] == "r5", "an id that a client chose owns no name"
    assert stage.get(f"/runs/{derived}")["id"] == derived, "nor does a name take an id that is derived"
    assert "'nobody'" in stage.refused(404, "/runs/nobody")["detail"]


def test_cycles_and_history(stage: Stage) -> None:
    stage.run("b", at=T0 + 1, facts={"session_id": "s", "name": "second"})
    stage.run("a", at=T0, created={"session_id": "s", "name": "first"})
    stage.run("c", at=T0 + 2, facts={"session_id": "s", "name": "elsewhere"}, workspace="7")
    stage.run("d", at=T0 + 3, facts={"name": "alone"})
    stage.run("e", at=T0 + 4)
    assert [(r["id"], r["cycle"]) for r in stage.get("/runs")["runs"]] == [
        ("e", 1),
        ("d", 1),
        ("c", 1),
        ("b", 2),
        ("a", 1),
    ]
    for ref in ("a", "second"):
        assert [(r["id"], r["cycle"]) for r in stage.get(f"/runs/{ref}/history")["cycles"]] == [
            ("a", 1),
            ("b", 2),
        ]
    assert [r["id"] for r in stage.get("/runs/elsewhere/history")["cycles"]] == ["c"]
    stage.run("late", at=T0 + 9, facts={"session_id": "s", "started_at": iso(T0 - 5)})
    stage.run("hers", at=T0 + 9, facts={"session_id": "s"}, owner={"earliness": 1, "name": "eve"})
    cycles = stage.get("/runs/b/history")["cycles"]
    assert [(r["id"], r["cycle"]) for r in cycles] == [("late", 1), ("a", 2), ("b", 3)], "by their starts"
    assert [r["id"] for r in stage.get("/runs/hers/history")["cycles"]] == ["hers"]
    assert stage.get("/runs/hers")["cycle"] == 1, "another owner's runs are no cycles of hers"
    assert [r["id"] for r in stage.get("/runs/alone/history")["cycles"]] == ["d"]


def test_a_session_of_very_many_runs_is_cut(stage: Stage) -> None:
    rows = [run_row(f"r{i:04}", at=T0 + i, facts={"session_id": "s", "name": f"n{i}"}) for i in range(510)]
    stage.insert("runs", *rows)
    cycles = stage.get("/runs/r0000/history")["cycles"]
    assert [c["cycle"] for c in cycles] == list(range(11, 511)) and cycles[-1]["id"] == "r0509"
    assert stage.get("/runs/r0003")["cycle"] == 4
    page = stage.request("GET", "/runs/r0003?tab=history").text
    assert (
        page.count('<section class="entry" id="cycle-r') == 20
        and "Cycle 510: " in page
        and "20 of 510" in page
    )


def test_cost(stage: Stage) -> None:
    stage.insert(
        "prices",
        {
            "version": 1,
            "machine_type": "m",
            "price_model": "",
            "zone": "",
            "per_hour": "1",
            "currency": "EUR",
        },
    )
    told: dict[str, dict[str, Any]] = {
        "priced": {"cost": "1.500000000", "wasted": "0.25", "succeeded": 2, "cost_flat": "1.5"},
        "partly": {"cost": "2", "unpriced": 1, "succeeded": 2, "cost_flat": "0.5"},
        "sliced": {"cost": "2", "succeeded": 2, "cost_hosts": "2"},
        "unpriced": {"unpriced": 2, "succeeded": 2},
        "waiting": {"pending": 2},
        "cached": {"cached": 2},
    }
    for run_id, figures in told.items():
        stage.run(run_id)
        stage.figures(run_id, **figures)
    cost = {r["id"]: r["cost"] for r in stage.get("/runs")["runs"]}
    known = {"currency": "EUR", "wasted": "0", "complete": True, "unpriced_tasks": 0}
    assert cost == {
        "priced": known | {"amount": "1.5", "wasted": "0.25", "method": "flat"},
        "partly": known | {"amount": "2", "complete": False, "method": "mixed", "unpriced_tasks": 1},
        "sliced": known | {"amount": "2", "method": "host-sliced"},
        "unpriced": None,
        "waiting": None,
        "cached": known | {"amount": "0", "method": None},
    }


def test_money_is_plain() -> None:
    assert [money(Decimal(x)) for x in ("100", "1E+2", "0E-9", "1.10", "0.000000001")] == [
        "100",
        "100",
        "0",
        "1.1",
        "0.000000001",
    ]


def test_right_before_parts_are_merged(stage: Stage) -> None:
    """What is newest counts, whole, in whatever order the parts of a run lie, and repeated rows count as one."""
    stage.tables.command("SYSTEM STOP MERGES runs")
    for run_id, instants in (("r1", (9, 5, 9)), ("r2", (5, 9, 5))):
        for i in instants:
            state = "failed" if i == 9 else "succeeded"
            stage.run(
                run_id,
                facts={"instant": i, "name": f"{run_id}-{i}", "session_id": f"s{i}", "user_name": f"u{i}"},
                fact_texts={"instant": i, "command_line": f"c{i}"},
                process_names={"instant": i, "names": [f"p{i}"]},
                completed={"instant": i, "state": state, "error_message": f"m{i}"},
            )
            stage.task(run_id, 1, "running")
        stage.run(run_id, at=T0 + 5)  # says nothing but that it lives
        stage.figures(run_id, tasks=1, total=1)
    listed = stage.get("/runs", status="failed", session_id="s9", search="u9")["runs"]
    assert [(r["name"], r["cycle"], r["workflow"]["command_line"]) for r in listed] == [
        ("r2-9", 2, "c9"), ("r1-9", 1, "c9"),
    ]  # fmt: skip
    assert stage.get("/runs", session_id="s5")["runs"] == stage.get("/runs", status="succeeded")["runs"] == []
    for run_id in ("r1", "r2"):
        run = stage.get(f"/runs/{run_id}-9")
        assert run["id"] == run_id and run["error"]["message"] == "m9" and run["tasks"]["total"] == 1
        stage.refused(404, f"/runs/{run_id}-5")
        assert stage.get(f"/runs/{run_id}/processes")["processes"][0]["process"] == "p9"
        assert [r["id"] for r in stage.get(f"/runs/{run_id}/history")["cycles"]] == ["r1", "r2"]
        assert [t["status"] for t in stage.get(f"/runs/{run_id}/tasks")["tasks"]] == ["aborted"]
