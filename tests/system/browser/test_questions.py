"""What operators ask, each answered after so many clicks from the page of the run; the way to a link is in `test_list.py`."""

import re
import time
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from api.html.formats import amount
from tests.system.browser.support import AXE, Tracker

MINUTE, GIB = 60_000, 2**30
#: Counts clicks over pages, those of keys on links and buttons too.
COUNT = "addEventListener('click', () => { sessionStorage.clicks = 1 + Number(sessionStorage.clicks ?? 0); }, true)"


def clicks(page: Page) -> int:
    return int(page.evaluate("Number(sessionStorage.clicks ?? 0)"))


@pytest.fixture
def counted(page: Page) -> Page:
    page.add_init_script(COUNT)
    page.emulate_media(reduced_motion="reduce")
    return page


def report(tracker: Tracker, run: str, minutes: int, state: str) -> None:
    """A run that began so many minutes ago and ended so; '': it is live."""
    start = time.time_ns() // 1_000_000 - minutes * MINUTE
    its = {"name": f"{run}_euler", "session_id": f"s-{run}", "project_name": "lab/questions", "started_at": start,
           "runner": {"name": "nextflow", "version": "26.04.6"}, "params": {"genome": run}}  # fmt: skip
    tracker.event("run.begun", run, instant=start, workflow=its, process_names=["ALIGN", "QC"])
    tasks = [
        {"task_id": n, "process": process, "name": f"{process} ({n})", "attempt": 1, "cpus": cpus, "memory_bytes": 8 * GIB,
         "peak_rss_bytes": 6 * GIB + n, "cpu_percent": 100.0, "exit": int(code), "submitted_at": start, "started_at": start,
         "completed_at": start + 5 * MINUTE, "realtime_ms": 5 * MINUTE,
         "status": "succeeded" if not code else "failed"}
        for n, process, cpus, code in (*((n, "ALIGN", 16, 0) for n in range(1, 6)), (6, "QC", 1, state == "failed"))
        if state or n < 3
    ]  # fmt: skip
    patient = ["tracker.disconnected-after=3600", "tracker.stalled-after=3600"]
    tracker.event("run.labelled", run, labels=patient)
    tracker.event("tasks.changed", run, instant=start + 5 * MINUTE, tasks=tasks)
    if state:
        end = start + 10 * MINUTE
        tracker.event("run.completed", run, instant=end, state=state, completed_at=end)
    # Not asked for by its name: what earlier runs there are is remembered for a while, and there is none yet.
    listed = f"/runs?pipeline=lab/questions&status={state or 'running'}"
    tracker.wait("the run is listed", lambda: bool(tracker.get(listed)["runs"]))


@pytest.fixture(scope="module")
def lab(tracker: Tracker) -> str:
    """A pipeline with a good run of ten minutes, a failed one after it, and a live one that is half done."""
    report(tracker, "lab1", 60, "succeeded")
    report(tracker, "lab2", 30, "failed")
    report(tracker, "lab3", 5, "")
    return "lab3"


def test_how_far_it_is_and_when_it_is_done_takes_no_click(counted: Page, lab: str) -> None:
    counted.goto(f"/runs/{lab}")
    expect(counted.locator("#eta")).to_contain_text("of the work is done, about")
    expect(counted.locator("#eta")).to_contain_text("by 1 earlier run of this pipeline")
    counted.goto("/")
    expect(counted.locator(f"#run-{lab} .progress-cell")).to_contain_text("left")
    assert clicks(counted) == 0


def test_whether_it_is_stuck_takes_no_click(counted: Page, runs: dict[str, str]) -> None:
    """Of one that hangs: `test_live.py`."""
    counted.goto(f"/runs/{runs['killed']}")
    expect(counted.locator("#banner")).to_contain_text("Runner silent since")
    expect(counted.locator("#banner")).to_contain_text("start it once more with -resume")
    assert clicks(counted) == 0


def test_which_process_wastes_money_takes_a_click(counted: Page, lab: str) -> None:
    counted.goto("/runs/lab1")
    counted.locator("#tab-usage").click()
    row = counted.locator("#usage-table tbody tr").first
    expect(row).to_contain_text("ALIGN")
    expect(row.locator("td").last).to_contain_text("$")
    assert clicks(counted) == 1


def test_what_failed_attempts_cost_takes_two_clicks(counted: Page, lab: str) -> None:
    counted.goto("/runs/lab2")
    counted.locator("#tab-cost").click()
    counted.locator("#cost-table thead").get_by_role("link", name="Wasted").click()
    expect(counted.locator("#cost-table th[aria-sort=descending]")).to_contain_text("Wasted")
    row = counted.locator("#cost-table tbody tr").first
    expect(row).to_contain_text("QC")
    expect(row.locator("td").nth(2)).to_contain_text("$")
    assert clicks(counted) == 2


def test_what_a_pipeline_cost_by_day_takes_a_click(counted: Page, tracker: Tracker, lab: str) -> None:
    counted.goto("/costs")
    row = counted.locator("#spend-table tbody tr", has_text="lab/questions")
    its_runs = tracker.get("/runs?pipeline=lab/questions")["runs"]
    whole = amount(str(sum(Decimal(run["cost"]["amount"]) for run in its_runs)), "USD")
    expect(row.locator("td").first).to_have_text(whole)
    row.get_by_role("link", name="by day").click()
    expect(counted.locator("input[name=pipeline]")).to_have_value("lab/questions")
    expect(counted.locator("#total")).to_have_text(whole)
    expect(counted.locator("#spend-table tbody th").first).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d$"))
    assert clicks(counted) == 1


@pytest.mark.parametrize("width", [1366, 390])
def test_whether_memory_fitted_takes_a_click(counted: Page, lab: str, width: int) -> None:
    page = counted
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/runs/lab1")
    page.locator("#tab-usage").click()
    row = page.locator("#usage-table tbody tr", has_text="ALIGN")
    expect(row.locator("td").nth(4)).to_have_text("8.0 GiB")
    expect(row.locator("td").nth(7)).to_have_text("6.0 GiB")
    expect(page.locator("#usage pre")).to_contain_text("withName: 'ALIGN'")
    assert clicks(page) == 1
    fits_and_is_accessible(page, "'#usage'", width)


@pytest.mark.parametrize("width", [1366, 390])
def test_what_changed_since_the_last_good_run_takes_two_clicks(counted: Page, lab: str, width: int) -> None:
    page = counted
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/runs/lab2")
    page.locator("#actions > summary").click()
    page.get_by_role("link", name="Compare with the last good run").click()
    expect(page.get_by_role("heading", name="Compare runs")).to_be_visible()
    expect(page.locator("#sides thead")).to_contain_text("lab1_euler")
    expect(page.locator("main")).to_contain_text("genome")
    expect(page.locator("#process-comparison")).to_contain_text("QC")
    assert clicks(page) == 2
    fits_and_is_accessible(page, "document", width)


def fits_and_is_accessible(page: Page, what: str, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(AXE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        result = page.evaluate(f"axe.run({what}, {{resultTypes: ['violations']}})")
        assert [(v["id"], v["nodes"][0]["html"][:200]) for v in result["violations"]] == []
