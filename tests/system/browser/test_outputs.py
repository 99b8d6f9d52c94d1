"""Outputs in a real browser: a report that wants more than to be looked at gets nothing; addresses of reports; deletion."""

import os
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.files.shelves import local_shelf
from tests.support.progress import wait_for_progress
from tests.system.browser.support import Tracker

#: Tries what a report must not do, and says what came of it.
GREEDY = b"""<!doctype html><body>waiting<script>
const seen = [];
for (const [what, attempt] of Object.entries({
  cookie: () => document.cookie,
  storage: () => localStorage.length,
  page: () => parent.location.href.length + parent.document.title.length,
})) {
  try { attempt(); seen.push(what + " open"); } catch { seen.push(what + " refused"); }
}
fetch("/api/v1/runs", { credentials: "include" }).then(() => seen.push("api open"), () => seen.push("api refused"))
  .then(() => { document.body.textContent = seen.join(", "); });
</script>"""
REFUSED = "cookie refused, storage refused, page refused, api refused"
YML = b"""reports:
  "**/report.html": {display: Report}
  "*.csv": {display: Table}
  "*.json": {display: Figures}
"""


@pytest.fixture
def run(tracker: Tracker, request: pytest.FixtureRequest) -> str:
    """A run that is over, and whose outputs are known."""
    name = f"outputs-{request.node.name[:40]}"
    folder = tracker.roots / name
    files = {
        "a/report.html": GREEDY,
        "b/report.html": b"<h1>second</h1>",
        "t.csv": b"x;y\n1;2\n",
        "all.json": b'{"a":{"b":1}}',
        "tracker.yml": YML,
    }
    local_shelf(folder).put(files)
    tracker.event("run.begun", name, instant=1, workflow={"name": name, "output_dir": str(folder)})
    tracker.event("run.completed", name, instant=2, state="succeeded")
    tracker.wait_for_run(name, status="succeeded")
    tracker.wait("the outputs", lambda: bool((tracker.get(f"/runs/{name}")["outputs"] or {}).get("files")))
    return name


@pytest.fixture
def visitor(browser: Browser, tracker: Tracker) -> Page:
    """A page with a cookie of ours, whose console may say what was refused."""
    context = browser.new_context(base_url=tracker.url)
    context.add_cookies([{"name": "secret", "value": "ours", "url": tracker.url}])
    return context.new_page()


def test_a_report_reaches_nothing_of_ours(visitor: Page, run: str) -> None:
    visitor.goto(f"/runs/{run}/outputs/file?key=a%2Freport.html")
    expect(visitor.frame_locator("iframe.preview").locator("body")).to_have_text(REFUSED)
    assert visitor.evaluate("document.cookie") == "secret=ours", "there is something to be read"
    assert visitor.evaluate("fetch('/api/v1/runs').then((r) => r.status)") == 200
    visitor.goto(f"/runs/{run}/outputs/raw?key=a%2Freport.html")
    expect(visitor.locator("body")).to_have_text(re.compile("cookie refused, storage refused, .*api refused"))
    visitor.context.close()


def test_reports_have_addresses_and_the_browser_leads_to_files(visitor: Page, run: str) -> None:
    visitor.goto(f"/runs/{run}#reports:1")
    expect(visitor.locator("#report-title")).to_have_text("Report (b)")
    expect(visitor.frame_locator("#report-frame").locator("h1")).to_have_text("second")
    visitor.locator("#report").select_option("0")
    expect(visitor).to_have_url(re.compile(r"#reports:0$"))
    expect(visitor.frame_locator("#report-frame").locator("body")).to_have_text(REFUSED)
    for place, cells in ((2, "#report-parsed td"), (3, "#report-parsed pre")):
        visitor.locator("#report").select_option(str(place))
        expect(visitor.locator("#report-frame")).to_be_hidden()
        expect(visitor.locator(cells)).to_have_text(
            ["1", "2"] if place == 2 else ['{\n  "a": {\n    "b": 1\n  }\n}']
        )
    visitor.goto("about:blank")
    visitor.goto(f"/runs/{run}#reports:2")
    expect(visitor.locator("#report-parsed td")).to_have_text(["1", "2"])
    visitor.locator("#report").select_option("0")
    expect(visitor.locator("#report-parsed")).to_be_empty()
    expect(visitor.frame_locator("#report-frame").locator("body")).to_have_text(REFUSED)
    visitor.locator("#head").get_by_role("link", name="Outputs", exact=True).click()
    visitor.get_by_role("link", name="t.csv", exact=True).click()
    expect(visitor.locator("#preview td")).to_have_text(["1", "2"])
    visitor.context.close()


def test_a_table_of_a_slow_store_is_asked_for_once_and_shown(visitor: Page, run: str) -> None:
    """The page refreshes while the answer is on its way; each refresh asked again and threw away what came of the time before."""
    held: list[Route] = []
    visitor.route("**/outputs/file?*", lambda route: held.append(route))
    visitor.goto(f"/runs/{run}#reports:2")
    expect(visitor.locator("#report-title")).to_have_text("Table")
    for _ in range(3):
        visitor.evaluate("document.dispatchEvent(new Event('tracker:fresh'))")
    visitor.evaluate("new Promise(requestAnimationFrame)")
    assert len(held) == 1
    held[0].continue_()
    expect(visitor.locator("#report-parsed td")).to_have_text(["1", "2"])
    visitor.context.close()


def test_deleting_wants_the_word(visitor: Page, run: str, tracker: Tracker) -> None:
    visitor.goto(f"/runs/{run}/outputs")
    visitor.locator("#delete summary").click()
    visitor.locator("#delete input[name=confirm]").fill("yes")
    visitor.locator("#delete button").click()
    assert (tracker.roots / run / "t.csv").exists()
    visitor.locator("#delete input[name=confirm]").fill("delete")
    with visitor.expect_navigation(timeout=60_000):
        visitor.locator("#delete button").click()
    wait_for_progress("the folder is deleted", lambda: (tracker.roots / run).exists(), 60)

    def untold() -> bool:
        visitor.reload()
        return "what was there stays listed" not in visitor.locator(".title").inner_text()

    wait_for_progress("the page says so", untold, 60)
    expect(visitor.locator("#files")).to_contain_text("t.csv")
    assert not (tracker.roots / run).exists()
    visitor.context.close()


def test_the_dashboard_deletes_what_is_selected(visitor: Page, run: str, tracker: Tracker) -> None:
    visitor.goto(f"/dashboard?names={run}")
    expect(visitor.locator("#filters")).to_have_count(0)
    visitor.locator("#all").check()
    visitor.locator("#delete summary").click()
    expect(visitor.locator("#selected")).to_have_text(re.compile(r"^1 run, [\d.]+ K?i?B$"))
    visitor.locator("#delete input[name=confirm]").fill("delete")
    with visitor.expect_navigation(timeout=60_000):
        visitor.locator("#delete button").click()
    expect(visitor).to_have_url(re.compile("names="))
    wait_for_progress("the folder is deleted", lambda: (tracker.roots / run).exists(), 60)

    def untold() -> bool:
        visitor.reload()
        return "Deleted" not in visitor.locator("#runs").inner_text()

    wait_for_progress("the page says so", untold, 60)
    expect(visitor.locator("#jobs")).to_contain_text(run)
    expect(visitor.locator("#runs input[name=run]")).to_have_count(0)
    visitor.context.close()


def test_logs_are_chosen_searched_and_followed(visitor: Page, tracker: Tracker) -> None:
    folder = tracker.roots / "with-logs"
    local_shelf(folder).put({"old.nextflow.log": b"older log\n"})
    local_shelf(folder).put({"z.nextflow.log": b"one WARN\ntwo\n"})
    os.utime(folder / "old.nextflow.log", (1, 1))
    now = time.time_ns() // 1_000_000
    tracker.event(
        "run.begun", "with-logs", instant=now, workflow={"name": "with-logs", "output_dir": str(folder)}
    )
    tracker.wait("the run", lambda: tracker.there("/runs/with-logs"), 60)
    visitor.goto("/runs/with-logs#logs")
    text = visitor.locator("#log-text")
    expect(text).to_have_text("one WARN\ntwo\n")
    expect(visitor.locator("#log-message")).to_contain_text("Multiple log files found")
    visitor.locator("#log-search").fill("warn")
    expect(text).to_have_text("one WARN")
    expect(visitor.locator("#log-message")).to_contain_text("1 of 3 lines.")
    visitor.locator("#log-search").fill("")
    with open(folder / "z.nextflow.log", "a") as f:
        f.write("three\n")
    expect(text).to_have_text("one WARN\ntwo\nthree\n", timeout=30_000)  # nobody asked for it
    visitor.locator("#log-name").select_option("old.nextflow.log")
    expect(text).to_have_text("older log\n")
    with visitor.expect_download() as download:
        visitor.locator("#log-download").click()
    assert Path(download.value.path()).read_bytes() == b"older log\n"
    tracker.event("run.completed", "with-logs", instant=now + 1, state="succeeded")
    visitor.context.close()
