"""Tasks of a run, its processes, concurrency, transitions, costs."""

from typing import Any

import pytest

from api.tasks.models import Task
from api.tasks.queries import RunSpan, attempts_of, curve, labels_of
from schemas.values import iso
from tests.support.api.stage import T0, Stage


def ids(stage: Stage, **params: Any) -> list[int]:
    return [t["task_id"] for t in stage.get("/runs/r1/tasks", **params)["tasks"]]


def test_every_part_of_a_run_that_is_not_there_is_404(stage: Stage) -> None:
    for part in ("", "processes", "tasks", "tasks/1", "concurrency", "history", "transitions", "costs"):
        stage.refused(404, f"/runs/nobody/{part}".rstrip("/"))
    stage.run("r1")
    for task_id in (1, -1, 2**63, 10**30):
        stage.refused(404, f"/runs/r1/tasks/{task_id}")
    assert "task_id" in stage.refused(400, "/runs/r1/tasks/x")["detail"]


def test_parts_of_a_run_of_which_hardly_anything_is_known(stage: Stage) -> None:
    stage.run("r1")
    assert stage.get("/runs/r1/processes") == {"processes": []}
    assert stage.get("/runs/r1/tasks") == {"tasks": [], "next_page_token": None}
    assert stage.get("/runs/r1/concurrency") == {"peak": 0, "points": [{"at": iso(T0), "running": 0}]}
    assert stage.get("/runs/r1/transitions") == {"transitions": []}
    costs = stage.get("/runs/r1/costs")
    assert (
        (costs["amount"], costs["complete"]) == ("0", True)
        and costs["processes"] == []
        and costs["pricing"]["version"] is None
    )


def test_processes_in_order_of_announcement_then_by_name(stage: Stage) -> None:
    stage.run("r1", facts={"name": "n"}, process_names={"names": ["A:B:Z", "A:B:EMPTY", "A:B:M"]})
    for process, version in (("A:B:M", 2), ("A:B:Z", 2), ("X", 2), ("B", 2), ("GONE", 1), ("A:B:M", 1)):
        row = {"run_id": "r1", "process": process, "version": version, "succeeded": version, "retried": 1}
        stage.insert("run_processes", row)
    found = stage.get("/runs/n/processes")["processes"]
    assert [(p["process"], p["label"], p["succeeded"]) for p in found] == [
        ("A:B:Z", "B:Z", 2), ("A:B:EMPTY", "B:EMPTY", 0), ("A:B:M", "B:M", 2), ("B", "B", 2), ("X", "X", 2),
    ]  # fmt: skip
    assert found[0] == {
        "process": "A:B:Z", "label": "B:Z", "pending": 0, "submitted": 0, "running": 0, "succeeded": 2, "failed": 0,
        "ignored": 0, "aborted": 0, "cached": 0, "retried": 1, "total": 2,
        "stored": 0, "never_run": 0, "told": True,
    }  # fmt: skip
    assert not found[1]["told"]


def test_a_task_shows_all_that_was_told(stage: Stage) -> None:
    stage.run("r1")
    stage.task(
        "r1", 7, "failed", hash="ab/12", name="P (x)", tag="x", attempt=2, error_action="RETRY", exit=137, native_id="55",
        submitted_at=0, started_at=10, completed_at=90, duration_ms=90, realtime_ms=70, cpus=1.5, memory_bytes=1 << 40,
        script="echo", env="A=[secret]", workdir="/w/ab", module=["m"], spot_interruptions=1, cpu_percent=99.5,
    )  # fmt: skip
    stage.task("r1", 8, "pending")
    task = stage.get("/runs/r1/tasks/7")
    assert (task["submitted_at"], task["started_at"], task["completed_at"]) == (
        iso(T0),
        iso(T0 + 10),
        iso(T0 + 90),
    )
    expected = {
        "task_id": 7, "status": "failed", "inferred": False, "process": "P", "tag": "x", "attempt": 2, "exit": 137,
        "cpus": 1.5, "memory_bytes": 1 << 40, "script": "echo", "workdir": "/w/ab", "module": ["m"], "env": "A=[secret]",
        "cost": None, "cpu_percent": 99.5, "spot_interruptions": 1, "error_action": "RETRY",
    }  # fmt: skip
    assert {k: task[k] for k in expected} == expected
    listed = stage.get("/runs/r1/tasks")["tasks"]
    assert listed[0] == {k: task[k] for k in Task.model_fields}
    assert listed[1]["hash"] is None and listed[1]["name"] is None and listed[1]["cost"] == "0"


@pytest.mark.parametrize(
    ("state", "status"), [("succeeded", "succeeded"), ("failed", "aborted"), ("cancelled", "aborted")]
)
def test_the_end_closes_what_is_open(stage: Stage, state: str, status: str) -> None:
    stage.run("r1", completed={"state": state})
    for task_id, told in enumerate(("pending", "submitted", "running", "failed", "cached")):
        stage.task("r1", task_id, told)
    shown = [(t["status"], t["inferred"]) for t in stage.get("/runs/r1/tasks", sort="task_id")["tasks"]]
    # A pending task of a run that succeeded has succeeded too; of another it never ran.
    pending = (status, True) if state == "succeeded" else ("pending", False)
    assert shown == [pending, (status, True), (status, True), ("failed", False), ("cached", False)]
    assert ids(stage, status=status, sort="task_id") == ([0, 1, 2] if state == "succeeded" else [1, 2])


def test_filters(stage: Stage) -> None:
    stage.run("r1")
    stage.task("r1", 1, "failed", name="P (Alpha)", hash="aa/11")
    stage.task("r1", 2, "running", name="Q", process="Q:R", tag="100%")
    stage.task("r1", 3, "succeeded", name="it's \\ \x00", native_id="777")
    assert ids(stage) == [1, 2, 3]
    assert ids(stage, status="failed,running") == [1, 2] and ids(stage, status="cached") == []
    assert ids(stage, process="Q:R") == [2] and ids(stage, process="Q") == []
    assert ids(stage, search="ALPHA") == ids(stage, search="a/1") == [1]
    assert ids(stage, search="0%") == [2] and ids(stage, search="1_0") == []
    assert ids(stage, search="it's \\ \x00") == ids(stage, search="77") == [3]


def test_sort_by_every_field_in_both_directions(stage: Stage) -> None:
    stage.run("r1")
    for i in range(6):
        same = {"memory_bytes": i // 2, "name": f"n{i // 2}", "submitted_at": 10 - i}
        stage.task("r1", i, "succeeded" if i % 2 else "failed", **same, **({"exit": -i} if i % 3 else {}))
    assert ids(stage) == [5, 4, 3, 2, 1, 0]
    assert ids(stage, sort="-submitted_at") == [0, 1, 2, 3, 4, 5]
    assert ids(stage, sort="memory_bytes") == [0, 1, 2, 3, 4, 5]
    assert ids(stage, sort="-name") == [4, 5, 2, 3, 0, 1]
    assert ids(stage, sort="exit") == [5, 4, 2, 1, 0, 3]  # what is not known comes last
    assert ids(stage, sort="-exit") == [1, 2, 4, 5, 0, 3]
    assert ids(stage, sort="status") == [0, 2, 4, 1, 3, 5]
    for field in Task.model_fields:
        assert sorted(ids(stage, sort=field)) == sorted(ids(stage, sort=f"-{field}")) == [0, 1, 2, 3, 4, 5]


def test_paging_gives_each_task_once(stage: Stage) -> None:
    stage.run("r1")
    for i in range(13):
        stage.task("r1", i, name=f"n{i % 2}")
    expected = [*range(0, 13, 2), *range(1, 13, 2)]
    for size in (1, 4, 13, 14):
        pages = list(stage.pages("/runs/r1/tasks", "tasks", sort="name", page_size=size))
        assert [t["task_id"] for page in pages for t in page] == expected
    token = stage.get("/runs/r1/tasks", sort="name", page_size=5)["next_page_token"]
    assert (
        "sorted otherwise" in stage.refused(400, "/runs/r1/tasks", sort="-name", page_token=token)["detail"]
    )


def test_bad_parameters_are_refused(stage: Stage) -> None:
    stage.run("r1")
    wrong: list[tuple[str, object]] = [
        ("sort", "drop"), ("sort", "version"), ("sort", "--name"), ("sort", "name DESC"), ("sort", "name`"), ("sort", "script"),
        ("status", "disconnected"), ("page_size", 0), ("page_token", "garbage"), ("page_token", "WyJuYW1lIiwtMV0"),
        ("search", "x" * 60_000), ("process", "x" * 60_000),
    ]  # fmt: skip
    for name, value in wrong:
        assert name in stage.refused(400, "/runs/r1/tasks", **{name: value})["detail"], value
    for points in (2, -1, 5001, "x"):
        assert "points" in stage.refused(400, "/runs/r1/concurrency", points=points)["detail"]


def test_concurrency_counts_half_open_intervals(stage: Stage) -> None:
    stage.run(
        "r1", completed={"state": "succeeded", "completed_at": iso(T0 + 100)}, last_instant=iso(T0 + 500)
    )
    stage.task("r1", 1, started_at=0, completed_at=10)
    stage.task("r1", 2, started_at=10, completed_at=20)  # starts when 1 ends: not beside it
    stage.task("r1", 3, started_at=15, completed_at=15)  # no length
    stage.task("r1", 4, "cached", started_at=0, completed_at=99)
    stage.task("r1", 5, "running", started_at=12)  # open: to the run's end
    stage.task("r1", 6, "pending")
    assert stage.get("/runs/r1/concurrency") == {
        "peak": 2,
        "points": [
            {"at": iso(T0 + at), "running": n} for at, n in ((0, 1), (10, 1), (12, 2), (20, 1), (100, 0))
        ],
    }


def test_concurrency_of_a_live_run_lasts_to_its_last_word(stage: Stage) -> None:
    stage.run("r1", last_instant=iso(T0 + 500))
    stage.task("r1", 1, "running", started_at=0)
    stage.task("r1", 2, "running", started_at=100)
    points = [(p["at"], p["running"]) for p in stage.get("/runs/r1/concurrency")["points"]]
    assert points == [(iso(T0), 1), (iso(T0 + 100), 2), (iso(T0 + 500), 2)]


def test_a_thinned_curve_keeps_the_peak(stage: Stage) -> None:
    stage.run("r1", last_instant=iso(T0 + 100_000))
    for i in range(300):
        stage.task("r1", i, started_at=i * 100, completed_at=i * 100 + 1000 + (i % 7) * 300)
    whole = stage.get("/runs/r1/concurrency", points=5000)
    assert len(whole["points"]) > 300 and whole["peak"] == max(p["running"] for p in whole["points"])
    for points in (3, 4, 10, 77):
        thin = stage.get("/runs/r1/concurrency", points=points)
        assert len(thin["points"]) <= points
        assert thin["peak"] == whole["peak"] == max(p["running"] for p in thin["points"])
        times = [p["at"] for p in thin["points"]]
        assert times == sorted(times)
        assert {(p["at"], p["running"]) for p in thin["points"]} <= {
            (p["at"], p["running"]) for p in whole["points"]
        }


def test_curve_of_nothing() -> None:
    assert curve([], RunSpan()).points == []
    nothing = {"peak": 0, "points": [{"at": iso(5), "running": 0}]}
    assert curve([], RunSpan(last_word_ms=5)).model_dump() == nothing
    assert curve([], RunSpan(began_ms=1, ended_ms=5, last_word_ms=9)).model_dump() == nothing


def test_times_outside_of_the_run_are_drawn_at_its_bounds() -> None:
    drawn = curve([(1, 2), (3, 1), (60, 0)], RunSpan(began_ms=10, ended_ms=50, last_word_ms=50))
    assert drawn.peak == 2
    assert [(p.at, p.running) for p in drawn.points] == [(iso(10), 2), (iso(10), 1), (iso(50), 0)]


@pytest.mark.parametrize(
    ("attempts", "of", "chain"),
    [
        ([(1, 1, None), (2, 1, None), (3, 1, "RETRY"), (4, 2, None)], 4, [3, 4]),
        ([(1, 1, None), (2, 1, None), (3, 1, "RETRY"), (4, 2, None)], 1, [1]),
        ([(1, 1, "RETRY"), (2, 1, "RETRY"), (3, 2, "RETRY"), (4, 2, None), (5, 3, None)], 5, [1, 3, 5]),
        ([(1, 1, "RETRY"), (2, 1, "RETRY"), (3, 2, "RETRY"), (4, 2, None), (5, 3, None)], 2, [2, 4]),
        ([(1, 1, "RETRY"), (12, 3, "RETRY"), (16, 4, None)], 16, [1, 12, 16]),  # the second was never told
        ([(7, 2, None)], 7, [7]),
        ([(7, 1, None)], 8, []),
    ],
)
def test_attempts_of_tasks_that_share_a_name(
    attempts: list[tuple[int, int, str | None]], of: int, chain: list[int]
) -> None:
    rows = [
        {"task_id": i, "attempt": n, "status": "failed" if action else "succeeded", "error_action": action}
        for i, n, action in attempts
    ]
    assert [r["task_id"] for r in attempts_of(rows, of)] == chain


def test_labels_are_the_last_two_segments_or_as_many_as_tell_processes_apart() -> None:
    assert list(labels_of(["A:B:C", "C", ""]).values()) == ["B:C", "C", ""]
    assert list(labels_of(["X:S:T", "Y:S:T", "B:C"]).values()) == ["X:S:T", "Y:S:T", "B:C"]
    assert list(labels_of(["N:X:P:S:T", "N:Y:P:S:T", "S:T"]).values()) == ["X:P:S:T", "Y:P:S:T", "S:T"]
    deep = [f"{end}" + ":x" * 5000 for end in "ab"]
    assert list(labels_of(deep).values()) == deep


def test_transitions(stage: Stage) -> None:
    stage.run("r1")
    for offset, before, after in (
        (9, "running", "succeeded"),
        (3, "", "running"),
        (9, "running", "succeeded"),
    ):
        row = {
            "run_id": "r1",
            "offset": offset,
            "appended_at": iso(T0 + offset),
            "from_status": before,
            "to_status": after,
        }
        stage.insert("transitions", row | {"reason": "so"})
    assert stage.get("/runs/r1/transitions")["transitions"] == [
        {"at": iso(T0 + 3), "from": None, "to": "running", "reason": "so"},
        {"at": iso(T0 + 9), "from": "running", "to": "succeeded", "reason": "so"},
    ]


def test_costs(stage: Stage) -> None:
    hour = 3_600_000
    rates = (("m5", "", "", "2"), ("m5", "spot", "", "1"), ("m5", "spot", "eu-1", "0.5"), ("c5", "", "", "4"))
    for version, factor in ((1, "7"), (2, "")):
        for machine, model, zone, rate in rates:
            row = {
                "version": version,
                "machine_type": machine,
                "price_model": model,
                "zone": zone,
                "currency": "USD",
            }
            stage.insert("prices", row | {"per_hour": factor or rate})
    stage.run("r1", last_instant=iso(T0))
    m5: dict[str, Any] = {"machine_type": "m5", "started_at": 0, "cpus": 2}
    stage.task("r1", 1, completed_at=hour, **m5)
    stage.task("r1", 2, "failed", completed_at=hour // 2, price_model="Spot", cloud_zone="eu-1b", **m5)
    stage.task("r1", 3, "cached", completed_at=hour, **m5)
    costs = stage.get("/runs/r1/costs")
    assert (costs["amount"], costs["wasted"], costs["complete"], costs["currency"]) == (
        "2.25",
        "0.25",
        True,
        "USD",
    )
    assert costs["if_all_spot"] == {"amount": "1.25", "complete": True} and costs["cpu_ms"] == 3 * hour
    assert costs["pricing"]["version"] == 2 and costs["pricing"]["rates"] == 4
    stage.task("r1", 4, process="A:B:Q", machine_type="c5", started_at=0, completed_at=hour)
    stage.task("r1", 5, process="A:B:R", machine_type="strange", started_at=0, completed_at=hour)
    costs = stage.get("/runs/r1/costs")
    assert (costs["amount"], costs["complete"], costs["unpriced_tasks"], costs["if_all_spot"]) == (
        "6.25",
        False,
        1,
        {"amount": "1.25", "complete": False},
    )
    assert [(p["label"], p["amount"], p["if_all_spot"]) for p in costs["processes"]] == [
        ("B:Q", "4", None), ("P", "2.25", {"amount": "1.25", "complete": True}), ("B:R", None, None),
    ]  # fmt: skip


def test_an_answer_tells_of_so_many_processes_and_sums_are_of_all(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of a million tasks may name a million processes, of each of which every page about it made an object."""
    for module in ("tasks", "costs", "usage", "carbon"):
        monkeypatch.setattr(f"api.{module}.queries.PROCESSES_MAX", 3)
    stage.run("r", facts={"name": "n"})
    times: dict[str, Any] = {"submitted_at": 0, "started_at": 0, "completed_at": 3_600_000}
    measured: dict[str, Any] = {
        "cpus": 2,
        "cpu_percent": 100.0,
        "cloud_zone": "us-east-1a",
        "memory_bytes": 10**9,
    }
    for n in range(10):
        stage.task("r", n + 1, process=f"P{n % 5}", name=f"t{n}", **times, **measured)
    named = [{"run_id": "r", "process": f"P{n}", "version": 1, "succeeded": n + 1} for n in range(5)]
    stage.insert("run_processes", *named)
    assert [p["process"] for p in stage.get("/runs/r/processes")["processes"]] == ["P2", "P3", "P4"]
    costs = stage.get("/runs/r/costs")
    assert [p["tasks"] for p in costs["processes"]] == [4, 2, 2, 2] and costs["cpu_ms"] == 20 * 3_600_000
    assert costs["processes"][0]["process"] == "(other processes)"
    assert sum(p["carbon"]["g_co2e"] for p in costs["processes"]) == pytest.approx(
        costs["carbon"]["g_co2e"], rel=1e-4
    )
    assert len(stage.get("/runs/r/resources")["processes"]) == 3
