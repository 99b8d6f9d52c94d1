"""How the runs of each pipeline went: counts, medians, the last good one, and its processes; as JSON and on pages."""

import re
from typing import Any
from urllib.parse import quote

import pytest

from api.pipelines.pages import bar_widths
from projections.costs.in_force import put_in_force
from projections.costs.price_book import PriceBook, Rate
from schemas.values import iso
from tests.support.api.stage import T0, Stage

MINUTE = 60_000
NAME = "https://git.example/lab/p.git?x=<b>"


def ended(stage: Stage, run_id: str, state: str, at: int, minutes: int, cost: str = "0", **more: Any) -> None:
    """A run of the pipeline NAME that began `at` minutes after T0."""
    start = T0 + at * MINUTE
    stage.run(
        run_id,
        at=start,
        facts={"project_name": NAME, "name": run_id, "started_at": iso(start)} | more.pop("facts", {}),
        completed={"state": state, "duration_ms": minutes * MINUTE, "completed_at": iso(start)},
        last_instant=iso(start),
        over=1,
    )
    stage.figures(run_id, cost=cost, total=3, tasks=3, succeeded=3, **more)


@pytest.fixture
def filled(stage: Stage) -> Stage:
    put_in_force(stage.tables, PriceBook(rates=[Rate(machine_type="m", per_hour=1)]).whole())
    ended(stage, "good1", "succeeded", 0, 10, "1")
    ended(stage, "good2", "succeeded", 1, 20, "3")
    ended(stage, "good3", "succeeded", 2, 40, "100", unpriced=1)
    ended(stage, "bad", "failed", 3, 500, "50")
    ended(stage, "other", "failed", 4, 1, facts={"project_name": "other"})
    stage.run("nameless")
    for run, minutes, failed in (("good1", 1, 0), ("good2", 3, 2)):
        times = {"first_submitted_at": iso(T0), "last_completed_at": iso(T0 + minutes * MINUTE)}
        row = {
            "run_id": run,
            "version": 1,
            "process": "W:A",
            "tasks": 4,
            "failed": failed,
            "retried": 1,
            "cost": minutes,
        }
        stage.insert("run_processes", row | times)
    stage.insert("run_processes", {"run_id": "good1", "version": 1, "process": "W:B", "tasks": 1})
    return stage


def test_the_list(filled: Stage) -> None:
    answer = filled.get("/pipelines")
    assert (answer["currency"], answer["more"]) == ("USD", False)
    assert [p["name"] for p in answer["pipelines"]] == ["other", NAME], "the newest run first"
    other, pipeline = answer["pipelines"]
    assert pipeline == {
        "name": NAME, "runs": 4, "succeeded": 3, "failed": 1, "cancelled": 0, "live": 0, "last_run": "bad",
        "last_run_at": iso(T0 + 3 * MINUTE), "last_good_run": "good3",
        "last_good_run_at": iso(T0 + 2 * MINUTE), "duration_p50_ms": 20 * MINUTE, "cost_p50": "3",
    }  # fmt: skip
    assert [other[k] for k in ("last_good_run", "last_good_run_at", "duration_p50_ms", "cost_p50")] == [
        None
    ] * 4
    assert filled.get("/pipelines", status="succeeded")["pipelines"][0]["runs"] == 3
    assert filled.get("/pipelines", search="no such")["pipelines"] == []
    filled.refused(400, "/pipelines", status="colour")


def test_one_pipeline(filled: Stage) -> None:
    pipeline = filled.get(f"/pipelines/{quote(NAME, safe='')}")
    assert (pipeline["name"], pipeline["runs"], pipeline["currency"]) == (NAME, 4, "USD")
    assert [r["id"] for r in pipeline["newest"]] == ["bad", "good3", "good2", "good1"]
    a, b = pipeline["processes"]
    assert a == {
        "process": "W:A", "label": "W:A", "runs": 2, "tasks": 8, "failed": 2, "retried": 2,
        "wallclock_p50_ms": 3 * MINUTE, "cost_p50": "3",
    }  # fmt: skip
    assert (b["process"], b["wallclock_p50_ms"], b["cost_p50"]) == ("W:B", None, None)
    filled.refused(404, "/pipelines/no-such")
    filled.refused(404, f"/pipelines/{quote(NAME, safe='')}", started_before=iso(T0 - 1))


def test_the_pages(filled: Stage) -> None:
    page = filled.request("GET", "/pipelines").text
    assert f'href="/pipelines/{quote(NAME, safe="")}"' in page and "75.0 %" in page and "<b>" not in page
    page = filled.request("GET", f"/pipelines/{quote(NAME, safe='')}").text
    assert (
        "<b>" not in page and "3 of 4 that are over" in page and "50.0 %" in page
    )  # of W:A failed or retried
    assert "≥ $100.00" in page and f'href="/?pipeline={quote(NAME, safe="")}"' in page
    assert filled.request("GET", "/pipelines/no-such").status_code == 404
    later = filled.request("GET", "/pipelines", params={"started_after": "-7d"})
    assert later.status_code == 200
    assert "No pipeline matches" in filled.request("GET", "/pipelines", params={"search": "no such"}).text


def test_duration_and_cost_of_each_run_are_drawn_beside_the_greatest(filled: Stage) -> None:
    page = filled.request("GET", f"/pipelines/{quote(NAME, safe='')}").text
    trend = page[page.index('id="trend-table"') : page.index("</table>")]
    widths = [float(w) for w in re.findall(r'<rect x="0" y="2" width="([^"]+)"', trend)]
    assert widths[::2] == [100, 8, 4, 2] and widths[1::2] == [50, 100, 3, 1], "of 500 min and of $100"


def test_bars_of_runs_that_took_no_time() -> None:
    assert bar_widths([]) == [] and bar_widths([0, 0]) == [0, 0]
