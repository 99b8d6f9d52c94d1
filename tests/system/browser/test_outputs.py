"""Outputs in a real browser: a report that wants more than to be looked at gets nothing; addresses of reports; deletion."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

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
YML = b'reports:\n  "**/report.html": {display: Report}\n'


@pytest.fixture
def run(tracker: Tracker, request: pytest.FixtureRequest) -> str:
    """A run that is over, and whose outputs are known."""
    name = f"outputs-{request.node.name[:40]}"
    folder = tracker.roots / name
    files = {
        "a/report.html": GREEDY,
        "b/report.html": b"<h1>second</h1>",
        "t.csv": b"x;y\n1;2\n",
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
    visitor.locator("#head").get_by_role("link", name="Outputs", exact=True).click()
    visitor.get_by_role("link", name="t.csv", exact=True).click()
    expect(visitor.locator("#preview td")).to_have_text(["1", "2"])
    visitor.context.close()


def test_deleting_wants_the_word(visitor: Page, run: str, tracker: Tracker) -> None:
    visitor.goto(f"/runs/{run}/outputs")
    visitor.locator("#delete summary").click()
    visitor.locator("#delete input[name=confirm]").fill("yes")
    visitor.locator("#delete button").click()
    assert (tracker.roots / run / "t.csv").exists()
    visitor.locator("#delete input[name=confirm]").fill("delete")
    visitor.locator("#delete button").click()
    wait_for_progress("the folder is deleted", lambda: (tracker.roots / run).exists(), 60)

    def untold() -> bool:
        visitor.reload()
        return "what was there stays listed" not in visitor.locator(".title").inner_text()

    wait_for_progress("the page says so", untold, 60)
    expect(visitor.locator("#files")).to_contain_text("t.csv")
    assert not (tracker.roots / run).exists()
    visitor.context.close()
