"""When the tracker itself is behind, live runs read unknown, and pages say that it is we, not they."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.system.browser.conftest import Faults
from tests.system.browser.support import Tracker


def test_unknown_says_that_we_are_behind(browser: Browser, faults: Faults, tmp_path: Path) -> None:
    with Tracker(tmp_path, TRACKER_BEHIND_AFTER_SECONDS="0.001") as tracker:
        tracker.event("run.begun", "waits", instant=1, workflow={"name": "waiting_one", "session_id": "s"})
        tracker.event("run.begun", "ended", instant=1, workflow={"name": "ended_one"})
        tracker.event("run.completed", "ended", instant=2, state="succeeded", completed_at=2)
        tracker.wait_for_run("waits", status="unknown")
        tracker.wait_for_run("ended", status="succeeded")
        context = browser.new_context(base_url=tracker.url)
        page = context.new_page()
        faults.watch(page, tracker.url)
        page.goto("/runs/waiting_one")
        expect(page.locator("#head .status")).to_have_text("unknown")
        expect(page.locator("#banner")).to_contain_text(
            "The tracker itself is behind: this is what it knew at"
        )
        assert "unknown" in page.title()
        page.locator("#banner").get_by_role("link", name="Operations").click()
        expect(page.locator(".banner")).to_contain_text("The tracker is behind in 1 of 1 partitions")
        page.goto("/runs/ended_one")
        expect(page.locator("#head .status")).to_have_text("succeeded")
        expect(page.locator("#banner")).to_have_count(0)
        context.close()
