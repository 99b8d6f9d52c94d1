"""Why a run failed, in a browser: no click from the run's page to the cause and to what is pasted."""

import time

import pytest
from playwright.sync_api import Page, expect

from tests.system.browser.support import AXE, Tracker

GIB = 2**30


@pytest.fixture(scope="module")
def killed(tracker: Tracker) -> str:
    """A run whose task was killed at 8 GiB, after another attempt, while two failures were ignored."""
    now = time.time_ns() // 1_000_000
    workdir = tracker.roots / "killed"
    workdir.mkdir()
    (workdir / ".command.err").write_text(
        "reading the index\n.command.sh: line 2:    33 Killed   STAR --runMode alignReads\n"
    )
    its = {
        "name": "hungry_star",
        "session_id": "s-hungry",
        "started_at": now - 90_000,
        "runner": {"name": "nextflow", "version": "26.04.6"},
    }
    tracker.event("run.begun", "hungry", instant=now, workflow=its)
    star = {"process": "ALIGN:STAR", "name": "ALIGN:STAR (s1)", "status": "failed", "exit": 137, "memory_bytes": 8 * GIB,
            "peak_rss_bytes": 8 * GIB, "workdir": str(workdir), "submitted_at": now - 80_000, "started_at": now - 79_000,
    }  # fmt: skip
    quality = {
        "process": "QC",
        "status": "failed",
        "exit": 127,
        "error_action": "IGNORE",
        "submitted_at": now - 80_000,
    }
    tasks = [
        star | {"task_id": 1, "error_action": "RETRY", "attempt": 1, "completed_at": now - 60_000},
        star | {"task_id": 2, "error_action": "TERMINATE", "attempt": 2, "completed_at": now - 20_000},
        *(quality | {"task_id": n, "name": f"QC ({n})", "completed_at": now - 70_000} for n in (3, 4)),
    ]
    tracker.event("tasks.changed", "hungry", instant=now, tasks=tasks)
    tracker.event(
        "run.completed", "hungry", instant=now, state="failed", completed_at=now, error_message="boom"
    )
    tracker.wait_for_run("hungry", status="failed")
    return "hungry"


def test_no_click_from_the_page_to_the_cause_and_what_to_paste(page: Page, killed: str) -> None:
    page.goto(f"/runs/{killed}")
    why = page.locator("#why")
    expect(why.get_by_role("heading", name="Why it failed")).to_be_visible()
    expect(why).to_contain_text("the task was killed after it used all the memory it was given")
    expect(why).to_contain_text("peak memory 8.0 GiB of 8.0 GiB requested")
    expect(why.locator("pre").first).to_contain_text("withName: 'ALIGN:STAR'")
    expect(why.locator("pre").first).to_contain_text("memory = { 16.GB * task.attempt }")
    expect(why.locator("#stderr")).to_contain_text("Killed   STAR")
    box = why.locator("pre").first.bounding_box()
    assert box is not None and box["y"] < 720, "it is seen without scrolling"
    copy = why.get_by_role("button", name="Copy").first
    expect(copy).to_be_in_viewport()
    page.locator("#ignored summary").click()
    expect(page.locator("#ignored")).to_contain_text("A command was not found where the task ran.")
    page.goto("/")
    expect(page.locator("#needs-hungry")).to_contain_text("boom")


@pytest.mark.parametrize("width", [1366, 390])
def test_the_card_is_accessible_and_fits(page: Page, killed: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"/runs/{killed}")
    page.locator("#why").wait_for()
    for summary in page.locator("#error details > summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(AXE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        result = page.evaluate("axe.run('#error', {resultTypes: ['violations']})")
        assert [(v["id"], v["nodes"][0]["html"][:200]) for v in result["violations"]] == []
