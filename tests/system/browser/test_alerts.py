"""What people do about alerts where they see them: on the list, a run's page and the operations."""

import time

from playwright.sync_api import Page, expect

from tests.system.browser.support import Tracker


def failed(tracker: Tracker, run_id: str, name: str) -> None:
    """A run that fails now, and its alert."""
    now = time.time_ns() // 1_000_000
    tracker.event("run.begun", run_id, instant=now, workflow={"name": name, "started_at": now})
    tracker.event(
        "run.completed", run_id, instant=now, state="failed", completed_at=now, error_message="boom"
    )
    tracker.wait("the alert", lambda: bool(tracker.get(f"/alerts?state=firing&run_id={run_id}")["alerts"]))


def test_an_alert_is_assigned_and_acknowledged_from_the_list(page: Page, tracker: Tracker) -> None:
    failed(tracker, "alerted", "alerted_one")
    page.goto("/?attention=all")  # what somebody has acknowledged comes after all else
    page.evaluate("window.untouched = true")
    row = page.locator("#needs-alerted")
    row.locator("summary").click()
    row.get_by_label("Assign to", exact=True).fill("ann <b>")
    row.get_by_label("Assign to", exact=True).press("Enter")
    expect(row).to_contain_text("assigned to ann <b>")
    row.get_by_role("button", name="Acknowledge").click()
    expect(row).to_contain_text("acknowledged")
    expect(row.get_by_role("button", name="Acknowledge")).to_have_count(0)
    assert page.evaluate("window.untouched"), "the page was not loaded anew"
    page.goto("/runs/alerted")
    expect(page.locator("#alert")).to_contain_text("assigned to ann <b>")


def test_an_alert_is_silenced_from_the_operations_and_the_runs_page(page: Page, tracker: Tracker) -> None:
    failed(tracker, "loud", "loud_one")
    page.goto("/runs/loud")
    page.locator("#alert summary").click()
    page.get_by_role("button", name="Silence for 1 hour").click()
    expect(page.locator("#alert")).to_contain_text("silent until")
    page.goto("/ops")
    row = page.locator("#alerts tr", has_text="loud_one")
    expect(row).to_contain_text("silent until")
    expect(row.get_by_role("link", name="loud_one")).to_have_attribute("href", "/runs/loud")
    row.get_by_role("button", name="Acknowledge").click()
    expect(row).to_have_count(0)  # an alert about a failure ends there
