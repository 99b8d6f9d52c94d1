"""What is live: a run that moves while it is looked at, a runner that falls silent and is heard again, one that hangs."""

import time

from playwright.sync_api import Page, expect

from tests.system.browser.support import DISCONNECTED_SECONDS, Tracker


def begin(tracker: Tracker, run_id: str, name: str) -> int:
    now = time.time_ns() // 1_000_000
    workflow = {
        "name": name,
        "session_id": f"s-{run_id}",
        "started_at": now,
        "runner": {"name": "native", "version": "1"},
    }
    tracker.event(
        "run.begun", run_id, instant=now, workflow=workflow, process_names=["LAB:ALIGN", "LAB:SORT"]
    )
    tracker.wait_for_run(run_id, status="running")
    return now


def tasks(tracker: Tracker, run_id: str, **statuses: str) -> None:
    now = time.time_ns() // 1_000_000
    told = [
        {
            "task_id": int(key[1:]),
            "status": status,
            "name": f"LAB:ALIGN ({key})",
            "process": "LAB:ALIGN",
            "submitted_at": now - 900,
        }
        | ({"started_at": now - 800} if status != "submitted" else {})
        | ({"completed_at": now} if status == "succeeded" else {})
        for key, status in statuses.items()
    ]
    tracker.event("tasks.changed", run_id, instant=now, tasks=told)


def test_a_live_run_moves_while_it_is_looked_at(page: Page, tracker: Tracker) -> None:
    begin(tracker, "live1", "live_one")
    page.set_viewport_size({"width": 1280, "height": 260})
    page.goto("/runs/live_one?sort=-succeeded#overview")
    row = page.locator("#processes tbody tr", has_text="LAB:ALIGN")
    expect(row.locator("td .zero")).to_have_count(7)
    row.get_by_role("link").first.focus()
    page.evaluate("window.untouched = true; window.scrollTo(0, 160)")
    tasks(tracker, "live1", t1="submitted", t2="running")
    expect(row.locator("td").nth(6)).to_have_text("1")
    expect(row.locator("td").nth(3)).to_have_text("1")
    tasks(tracker, "live1", t1="running", t2="succeeded")
    expect(row.locator("td").nth(0)).to_have_text("1")
    assert page.evaluate("window.untouched"), "the page was not loaded anew"
    assert page.evaluate("window.scrollY") == 160
    assert page.evaluate("document.activeElement.textContent") == "LAB:ALIGN"
    expect(page.locator("#processes th[aria-sort=descending]")).to_contain_text("Succeeded")
    now = time.time_ns() // 1_000_000
    tracker.event(
        "run.completed", "live1", instant=now, state="failed", completed_at=now, error_message="boom"
    )
    expect(page.locator("#head .status")).to_have_text("failed")
    expect(page.locator("#tab-error")).to_be_visible()
    expect(page.locator("#overview")).to_be_visible()
    assert "failed" in page.title() and "/icon/failed.svg" in (
        page.locator("link[rel=icon]").get_attribute("href") or ""
    )


def test_disconnected_appears_and_heals(page: Page, tracker: Tracker) -> None:
    now = begin(tracker, "silent", "silent_one")
    page.goto("/runs/silent_one")
    expect(page.locator("#head .status")).to_have_text("running")
    expect(page.locator("#banner")).to_have_count(0)
    expect(page.locator("#head .status")).to_have_text(
        "disconnected", timeout=(DISCONNECTED_SECONDS + 15) * 1000
    )
    expect(page.locator("#banner")).to_contain_text("Runner silent since")
    expect(page.locator("#banner")).not_to_contain_text("-resume")  # no Nextflow
    page.goto("/")
    expect(page.locator("#needs")).to_contain_text("silent_one")
    page.go_back()
    tracker.event("run.heartbeat", "silent", instant=now + 9000)
    expect(page.locator("#head .status")).to_have_text("running")
    expect(page.locator("#banner")).to_have_count(0)
    tracker.event("run.completed", "silent", instant=now + 9000, state="succeeded", completed_at=now + 9000)


def test_stalled_says_what_to_do(page: Page, tracker: Tracker) -> None:
    begin(tracker, "hangs", "hanging_one")
    tasks(tracker, "hangs", t1="succeeded", t2="succeeded")
    page.goto("/runs/hanging_one")
    for _ in range(12):
        tracker.event("run.heartbeat", "hangs", instant=time.time_ns() // 1_000_000)
        if page.locator("#head .status").inner_text() == "stalled":
            break
        page.wait_for_timeout(1000)
    expect(page.locator("#banner")).to_contain_text(
        "All 2 known tasks are over, the run is not: the runner probably hangs"
    )
    expect(page.locator("#banner")).to_contain_text("Look into the runner's log")
    now = time.time_ns() // 1_000_000
    tracker.event("run.completed", "hangs", instant=now, state="succeeded", completed_at=now)


def test_a_new_run_comes_into_the_list_and_typed_text_stays(page: Page, tracker: Tracker) -> None:
    page.goto("/")
    page.locator("input[name=user]").fill("half a wor")  # applied when the field is left
    begin(tracker, "newcomer", "new_comer")
    expect(page.locator("#runs")).to_contain_text("new_comer")
    expect(page.locator("input[name=user]")).to_have_value("half a wor")
    now = time.time_ns() // 1_000_000
    tracker.event("run.completed", "newcomer", instant=now, state="succeeded", completed_at=now)
