"""What a run cost: totals, processes, capacities, waste, use and wallclocks; on the page, as JSON and as CSV."""

import csv
import io
import re
from decimal import Decimal
from html import unescape
from typing import Any

import pytest

from api.core.problems import Problem
from api.costs.activity import Burst, activity
from api.costs.models import ProcessCost
from api.costs.queries import capacity_of, covers, method_of
from api.costs.tabs import bars, sorted_processes
from projections.costs.in_force import put_in_force
from projections.costs.price_book import PriceBook, Rate
from schemas.sql import sql
from schemas.values import iso
from tests.support.api.stage import T0, Stage

HOUR = 3_600_000
BOOK = PriceBook(
    source="ours",
    region="here-1",
    date="2026-01-01",
    spot_discount=Decimal("0.5"),
    rates=[
        Rate(machine_type="m", price_model="on-demand", per_hour=Decimal(1), vcpus=4, memory_mib=4096),
        Rate(queue="q", per_cpu_hour=Decimal("0.1")),
    ],
).whole()


def process(name: str, **known: Any) -> ProcessCost:
    return ProcessCost.model_validate(dict.fromkeys(ProcessCost.model_fields) | {
        "process": name, "label": name, "tasks": 1, "unpriced_tasks": 0, "unpriced_wasted_tasks": 0, "cpu_ms": 0,
    } | known)  # fmt: skip


def fill(stage: Stage) -> None:
    """A, which failed twice and went on; B on spot, measured; C flat, cached and of an unknown machine."""
    stage.run("r1", last_instant=iso(T0))
    m: dict[str, Any] = {"machine_type": "m", "price_model": "standard", "cpus": 4}
    a: dict[str, Any] = {"process": "A", "name": "A (1)"} | m
    stage.task("r1", 1, "failed", error_action="RETRY", submitted_at=0, started_at=0, completed_at=HOUR, **a)
    stage.task(
        "r1",
        2,
        "failed",
        attempt=2,
        error_action="RETRY",
        submitted_at=HOUR,
        started_at=HOUR,
        completed_at=2 * HOUR,
        **a,
    )
    stage.task("r1", 3, attempt=3, submitted_at=2 * HOUR, started_at=2 * HOUR, completed_at=3 * HOUR, **a)
    stage.task(
        "r1", 4, process="B", name="B", submitted_at=0, started_at=0, completed_at=HOUR, cpu_percent=100.0, peak_rss_bytes=2**30,
        memory_bytes=2**31, **m | {"price_model": "spot", "cpus": 2},
    )  # fmt: skip
    stage.task(
        "r1", 5, process="C", name="c1", queue="q", cpus=3, submitted_at=0, started_at=0, completed_at=HOUR
    )
    stage.task("r1", 6, "cached", process="C", name="c2", queue="q", cpus=5, started_at=0, completed_at=HOUR)
    stage.task("r1", 7, process="C", name="c3", machine_type="strange", started_at=0, completed_at=HOUR)


def test_the_answer(stage: Stage) -> None:
    put_in_force(stage.tables, BOOK)
    fill(stage)
    costs = stage.get("/runs/r1/costs")
    of = {p["process"]: p for p in costs["processes"]}
    assert (costs["amount"], costs["wasted"], costs["saved_by_cache"]) == ("3.55", "2", "0.5")
    assert sum(Decimal(p["amount"]) for p in of.values()) == Decimal(costs["amount"])
    assert (costs["complete"], costs["unpriced_tasks"], costs["assumed_tasks"], costs["method"]) == (
        False,
        1,
        1,
        "mixed",
    )
    assert [p["process"] for p in costs["processes"]] == ["A", "C", "B"], "highest cost first"
    assert costs["by_capacity"] == [
        {"capacity": "spot", "amount": "0.25", "unpriced_tasks": 0, "cpu_ms": 2 * HOUR},
        {"capacity": "on-demand", "amount": "3", "unpriced_tasks": 0, "cpu_ms": 12 * HOUR},
        {"capacity": "unknown", "amount": "0.3", "unpriced_tasks": 1, "cpu_ms": 4 * HOUR},
    ]
    # Three hours of A at half the price, B as it is; the flat one and the strange one have no spot price.
    assert costs["if_all_spot"] == {"amount": "1.75", "complete": False}
    assert of["A"]["if_all_spot"] == {"amount": "1.5", "complete": True}
    assert of["B"]["use"] == {"tasks": 1, "cpu_used": 0.5, "memory_used": 0.5, "unused": "0.125"}
    assert (of["A"]["wallclock_ms"], of["A"]["simulated_wallclock_ms"]) == (3 * HOUR, HOUR)
    assert (costs["wallclock_ms"], costs["simulated_wallclock_ms"]) == (3 * HOUR, HOUR)
    assert [of[p]["capacity"] for p in "ABC"] == ["on-demand", "spot", "unknown"]
    assert (costs["pricing"]["source"], costs["pricing"]["region"], costs["pricing"]["date"]) == (
        "ours",
        "here-1",
        "2026-01-01",
    )
    assert "at least this: 1 task without a known price" in costs["covers"] and "50 % off" in costs["covers"]
    task = stage.get("/runs/r1/tasks/5")
    assert (task["cost"], task["cost_method"]) == ("0.3", "flat")
    assert [t["cost_method"] for t in stage.get("/runs/r1/tasks")["tasks"] if t["task_id"] in (4, 6, 7)] == [
        "share-of-machine", None, None,
    ]  # fmt: skip


def test_what_is_unknown_is_nothing_in_no_part_of_the_answer(stage: Stage) -> None:
    """Of what failed, was cached, was bought as spot and was measured no price is known; of the rest one is."""
    put_in_force(stage.tables, BOOK)
    stage.run("r1", last_instant=iso(T0))
    hour: dict[str, Any] = {"started_at": 0, "completed_at": HOUR}
    strange = {"machine_type": "strange"} | hour
    stage.task("r1", 1, process="A", machine_type="m", price_model="standard", cpus=4, **hour)
    stage.task("r1", 2, "failed", process="A", **strange)
    stage.task("r1", 3, "cached", process="A", **strange)
    stage.task("r1", 4, process="A", price_model="spot", cpu_percent=50.0, **strange)
    costs = stage.get("/runs/r1/costs")
    [process] = costs["processes"]
    for of in (costs, process):
        assert (of["amount"], of["unpriced_tasks"]) == ("1", 2)
        assert (of["wasted"], of["unpriced_wasted_tasks"], of["use"]["unused"]) == (None, 1, None)
    assert (costs["saved_by_cache"], costs["unpriced_cached_tasks"]) == (None, 1)
    assert costs["by_capacity"] == [
        {"capacity": "spot", "amount": None, "unpriced_tasks": 1, "cpu_ms": HOUR},
        {"capacity": "on-demand", "amount": "1", "unpriced_tasks": 0, "cpu_ms": 4 * HOUR},
        {"capacity": "unknown", "amount": None, "unpriced_tasks": 1, "cpu_ms": HOUR},
    ]
    stage.figures("r1", total=4, succeeded=2, cost="1", unpriced=2, tasks=4)
    page = stage.request("GET", "/runs/r1", params={"tab": "cost"}).text
    assert page.count("at least $") == 2, (
        "the whole, and if all were spot; of what was wasted nothing is known"
    )
    assert "at least $1.00" in page and "$0.00" not in page
    stage.task("r1", 5, "failed", process="A", machine_type="m", cpus=4, **hour)
    assert stage.request("GET", "/runs/r1", params={"tab": "cost"}).text.count("at least $1.00") == 2
    assert stage.get("/runs/r1/costs")["wasted"] == "1"


def test_the_csv_and_the_tab_say_the_same(stage: Stage) -> None:
    put_in_force(stage.tables, BOOK)
    fill(stage)
    stage.figures("r1", total=7, succeeded=5, tasks=7)
    stage.task("r1", 8, process="=cmd()", name="x", queue="q", started_at=0, completed_at=HOUR)
    answer = stage.request("GET", "/runs/r1/costs.csv")
    assert answer.status_code == 200 and answer.headers["content-disposition"].endswith('"r1-costs.csv"')
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(r["process"], r["amount"]) for r in rows] == [
        ("A", "3"), ("C", "0.3"), ("B", "0.25"), ("'=cmd()", "0.1"), ("", "3.65"),
    ]  # fmt: skip
    assert [(r["first_submitted_at"], r["last_completed_at"]) for r in (rows[0], rows[-1])] == [
        (iso(T0), iso(T0 + 3 * HOUR))
    ] * 2
    page = stage.request("GET", "/runs/r1", params={"tab": "cost", "sort": "-cpu_time"}).text
    table = page[page.index('id="cost-table"') : page.index('id="capacity-table"')]
    places = [table.index(f'title="{p}"') for p in "ACB"]
    assert places == sorted(places), "12 h, 4 h, 2 h"
    assert "at least $3.65" in page and "1 tasks unpriced" in page and "50 % off" in page
    assert 'aria-sort="descending"' in table
    assert "<h2>Process timeline</h2>" in page
    assert stage.request("GET", "/runs/r1", params={"tab": "cost", "sort": "colour"}).status_code == 400


def test_use_is_the_same_in_any_order(stage: Stage) -> None:
    """A tenth of a per cent is no binary fraction: what was used would be one sum here and another there."""
    put_in_force(stage.tables, BOOK)
    stage.run("r1", last_instant=iso(T0))
    tasks = [(n, 0.1 * (1 + n % 3), 1003 + n, 1001 + n) for n in range(60)]
    for n, percent, ms, rss in tasks:
        stage.task(
            "r1",
            n,
            cpu_percent=percent,
            peak_rss_bytes=rss,
            memory_bytes=2**30,
            started_at=0,
            completed_at=ms,
        )
    [row] = stage.tables.rows(sql("api/costs/costs"), run_id="r1", most=10)
    assert row["used_cpu_ms"] == sum((1 + n % 3) * ms // 1000 for n, _, ms, _ in tasks)
    assert row["used_mib_ms"] == sum(rss * ms // 2**20 for _, _, ms, rss in tasks)
    assert row["measured_mib_ms"] == sum(1024 * ms for _, _, ms, _ in tasks)
    [row] = stage.tables.rows(sql("api/carbon/energy"), run_id="r1", regions=[], utilisation=0.5, most=10)
    assert row["gb_hours"] == 2**30 * sum(ms for _, _, ms, _ in tasks) / 3_600_000_000_000_000
    assert row["vcpu_hours"] == sum(ms * 1000 for _, _, ms, _ in tasks) / 3_600_000_000


def test_every_column_sorts_and_what_is_not_known_goes_last() -> None:
    some = [process("a", amount="10"), process("b", amount="9"), process("c"), process("d", amount="0.5")]
    assert [p.process for p in sorted_processes(some, "cost")] == ["d", "b", "a", "c"]
    assert [p.process for p in sorted_processes(some, "-cost")] == ["a", "b", "d", "c"]
    assert [p.process for p in sorted_processes(some, "")] == ["a", "b", "c", "d"]
    with pytest.raises(Problem, match="sort"):
        sorted_processes(some, "amount")


def test_bars_are_when_a_process_was_at_work_and_what_the_end_waited_for() -> None:
    """A and B work side by side, C waits for both, A pauses and comes back at the end."""
    found = activity({"A": [*range(0, 40), *range(180, 200)], "B": range(10, 100), "C": range(100, 180)})
    assert found.bursts["A"] == [Burst(0, 20, False), Burst(90, 10, True)]
    assert found.bursts["B"] == [Burst(5, 45, True)]
    assert found.bursts["C"] == [Burst(50, 40, True)]
    assert found.sync_points == [50, 90]
    some = [process("C"), process("B"), process("never"), process("A")]
    assert [(b.process.process, b.critical) for b in bars(some, found)] == [
        ("A", True),
        ("B", True),
        ("C", True),
    ]
    paused = activity({"A": [0, 1, 5, 6], "B": [7, 8]})
    assert paused.sync_points == [3.5], "a process that waited for itself is no sync point"
    assert [b.critical for b in paused.bursts["A"]] == [True, True]
    assert activity({}).bursts == {} == activity({"A": []}).bursts


def test_what_ended_and_what_began_in_the_same_part_follow_each_other() -> None:
    assert [b.critical for b in activity({"A": [0, 1], "B": [1, 2]}).bursts["A"]] == [True]


def test_the_tab_shows_the_bursts_of_a_run(stage: Stage) -> None:
    stage.run(
        "r",
        facts={"started_at": iso(T0)},
        completed={"state": "succeeded", "completed_at": iso(T0 + 2 * HOUR)},
    )
    minute = 60_000
    for n, (name, first, last) in enumerate((("A", 0, 30), ("A", 90, 120), ("B", 30, 90))):
        at: dict[str, Any] = {
            "submitted_at": first * minute,
            "started_at": (first + 1) * minute,
            "completed_at": last * minute,
        }
        stage.task("r", n, process=name, **at)
    stage.task("r", 9, "cached", process="B", submitted_at=0, started_at=0, completed_at=119 * minute)
    page = stage.request("GET", "/runs/r?tab=cost").text
    drawn = re.findall(r'<rect(?: class="(critical)")? x="([\d.]+)" y="2" width="([\d.]+)"', page)
    assert drawn == [("critical", "0.0", "25.5"), ("critical", "75.0", "25.0"), ("critical", "25.0", "50.5")]
    assert sorted(set(re.findall(r'<line x1="([\d.]+)"', page))) == ["25.0", "75.0"]
    told = stage.get("/runs/r/costs/timeline")
    assert (told["began_at"], told["ended_at"], told["resolution_ms"]) == (
        iso(T0),
        iso(T0 + 2 * HOUR),
        36_000,
    )
    assert {p["process"]: [tuple(s.values()) for s in p["stretches"]] for p in told["processes"]} == {
        "A": [(iso(T0), iso(T0 + 1836_000), True), (iso(T0 + HOUR + HOUR // 2), iso(T0 + 2 * HOUR), True)],
        "B": [(iso(T0 + HOUR // 2), iso(T0 + 5436_000), True)],
    }
    assert told["sync_points"] == [iso(T0 + HOUR // 2), iso(T0 + HOUR + HOUR // 2)]


def test_a_run_that_did_nothing_has_no_timeline(stage: Stage) -> None:
    stage.run("r")
    assert stage.get("/runs/r/costs/timeline") == {
        "began_at": None,
        "ended_at": None,
        "resolution_ms": None,
        "processes": [],
        "sync_points": [],
    }


def test_work_of_which_nobody_knows_an_end_has_a_timeline(stage: Stage) -> None:
    stage.run("r")
    stage.task("r", 1, "submitted", process="A", submitted_at=0)
    told = stage.get("/runs/r/costs/timeline")
    assert (told["began_at"], told["ended_at"]) == (iso(T0), iso(T0 + 1))
    assert stage.request("GET", "/runs/r?tab=cost").status_code == 200


def test_words() -> None:
    assert [method_of(m) for m in ((), ("flat",), ("flat", "share-of-machine"))] == [None, "flat", "mixed"]
    assert [capacity_of(c) for c in ([], ["spot"], ["on-demand", "unknown"])] == [None, "spot", "mixed"]
    assert covers(0, 0, 0, False, None) == "No price book is in force, so nothing is priced."


def test_what_runs_cost_together_is_the_sum_of_what_each_cost(stage: Stage) -> None:
    put_in_force(stage.tables, BOOK)
    facts = {"instant": 1, "hash": 1, "user_name": "ann", "project_name": "lab/p"}
    stage.run("r1", facts=facts, labels=["x", "y"], last_instant=iso(T0))
    stage.run("r2", facts=facts | {"user_name": "bob"}, labels=["x"], last_instant=iso(T0))
    stage.run("r3")
    stage.figures("r1", cost="1.100000001", wasted="0.5", cost_spot="0.1", cost_on_demand="1", succeeded=1)
    stage.figures("r2", cost="2.2", cost_on_demand="2.2", unpriced=3, succeeded=4)

    def groups(by: str, **filter: Any) -> dict[str, tuple[str, int, bool]]:
        answer = stage.get("/costs", by=by, **filter)
        return {g["key"]: (g["amount"], g["runs"], g["complete"]) for g in answer["groups"]}

    whole = stage.get("/costs")
    costs = [Decimal(r["cost"]["amount"]) for r in stage.get("/runs")["runs"] if r["cost"]]
    assert Decimal(whole["total"]["amount"]) == sum(costs) == Decimal("3.300000001")
    assert (whole["total"]["wasted"], whole["total"]["runs"], whole["total"]["unpriced_tasks"]) == (
        "0.5",
        3,
        3,
    )
    assert (whole["currency"], whole["total"]["complete"], whole["more"]) == ("USD", False, False)
    assert groups("pipeline") == {"lab/p": ("3.300000001", 2, False), "": ("0", 1, True)}
    assert groups("user") == {"bob": ("2.2", 1, False), "ann": ("1.100000001", 1, True), "": ("0", 1, True)}
    assert groups("label") == {
        "x": ("3.300000001", 2, False),
        "y": ("1.100000001", 1, True),
        "": ("0", 1, True),
    }
    assert groups("user", user="ann") == {"ann": ("1.100000001", 1, True)}
    assert {k: v[0] for k, v in groups("capacity").items()} == {
        "on-demand": "3.2", "spot": "0.1", "unknown": "0.000000001",
    }  # fmt: skip
    assert sum(Decimal(v[0]) for v in groups("day").values()) == sum(costs)
    stage.refused(400, "/costs", by="colour")
    stage.run("r4", facts=facts | {"user_name": "eve"}, last_instant=iso(T0))
    stage.figures("r4", unpriced=2, missing=1, succeeded=3)
    [eve] = stage.get("/costs", by="user", user="eve")["groups"]
    assert (eve["amount"], eve["wasted"], eve["unpriced_tasks"], eve["missing_tasks"]) == (None, None, 2, 1)
    hers = stage.request("GET", "/costs", params={"by": "capacity", "user": "eve", "started_after": ""}).text
    assert "$0.00" not in hers and "2 tasks unpriced" in hers and "1 tasks not reported" in hers
    page = stage.request("GET", "/costs", params={"by": "user", "started_after": ""})
    assert page.status_code == 200 and "at least $3.30" in page.text and ">ann<" in page.text
    [href] = re.findall(r'href="(/costs[^"]+)" aria-label="ann by day"', page.text)
    over_time = stage.request("GET", unescape(href)).text
    assert 'id="total">$1.10<' in over_time and f">{iso(T0)[:10]}<" in over_time
