"""The page of a run in a browser: every field of the cards, the tabs and what they open on, sorting, the way to a failure."""

import re
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from api.html.formats import middle
from tests.system.browser.support import Tracker, told_at_end

WORKFLOW_INFO = ["Repository", "Revision", "Commit", "Work Dir"]
DASH = "\N{EN DASH}"
RUNTIME = ["Status", "Outputs", "Started", "Completed", "Duration", "Peak Concurrency"]
ALWAYS = ["Overview", "Task Timeline", "Config & Params", "Notes", "Logs"]


def card(page: Page, title: str) -> dict[str, str]:
    """Fields of a card as people see them."""
    box = page.locator("section.card", has=page.get_by_role("heading", name=title, exact=True))
    box.wait_for()
    names, values = box.locator("dt").all_inner_texts(), box.locator("dd").all_inner_texts()
    return dict(zip(names, (v.removesuffix("Copy").strip() for v in values), strict=True))


def local(time: str) -> str:
    """As the page shows a time to a British reader in UTC."""
    moment = datetime.fromisoformat(time[:19] + "+00:00")
    return f"{moment.day} {moment:%b %Y, %H:%M:%S}"


def tabs(page: Page) -> list[str]:
    return [t.strip().rstrip("0123456789 ") for t in page.locator("#tabs a").all_inner_texts()]


@pytest.mark.parametrize(
    ("trace", "peak"),
    [("success", 2), ("failed", 2), ("resume", 2), ("retry", 2), ("rich", 2), ("larger", 13)],
)
def test_every_field_of_both_cards(page: Page, runs: dict[str, str], trace: str, peak: int) -> None:
    told: dict[str, Any] = told_at_end(trace)
    page.goto(f"/runs/{told['runName']}#overview")
    info = card(page, "Workflow Info")
    assert {name: info[name] for name in WORKFLOW_INFO} == dict.fromkeys(WORKFLOW_INFO, DASH) | {
        "Work Dir": told["workDir"]
    }
    assert info["User"] == told["userName"] and info["Command"] == middle(told["commandLine"], 90)
    assert info["Pipeline"] and list(info) == ["Pipeline", "User", *WORKFLOW_INFO, "Command"]
    cost = card(page, "Cost and Runtime")
    assert cost["Status"] == ("succeeded" if told["success"] else "failed")
    assert cost["Started"] == local(told["start"]) and cost["Completed"] == local(told["complete"])
    seconds = told["duration"] // 1000
    assert cost["Duration"] == (f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60} s")
    assert cost["Peak Concurrency"] == str(peak)
    with_cost = told["success"] and not told["resume"]
    assert list(cost) == [RUNTIME[0], *(["Cost"] if with_cost else []), *RUNTIME[1:]]
    assert cost["Outputs"] == f"{DASH} may not be read" and told["outputDir"]
    if with_cost:
        assert cost["Cost"].startswith("$0.00")
        page.locator("dd a[data-tab=cost]").click()
        expect(page.locator("#cost")).to_be_visible()
        assert page.url.endswith("#cost")


def test_repository_revision_and_commit_lead_to_the_host(page: Page, runs: dict[str, str]) -> None:
    page.goto("/runs/amazing_euler")
    base = "https://github.com/nf-core/rnaseq"
    page.locator("section.card", has_text="Workflow Info").wait_for()
    links = (
        page.locator("section.card", has_text="Workflow Info")
        .locator("a")
        .evaluate_all("all => all.map(a => a.href)")
    )
    assert links.pop(0).endswith("/pipelines/nf-core%2Frnaseq")
    assert links == [
        base,
        f"{base}/tree/3.14.0",
        f"{base}/commit/b89fac32650aacc86fcda9ee77e00612a1d77066",
        "https://console.aws.amazon.com/s3/buckets/lab-work?prefix=rnaseq/",
    ]
    assert card(page, "Workflow Info")["Work Dir"] == "s3://lab-work/rnaseq"


@pytest.mark.parametrize(
    ("trace", "more", "opens_on"),
    [
        ("success", ["Cost and Performance", "Requested vs Used"], "overview"),
        ("failed", ["Cost and Performance", "Requested vs Used", "Error & Resume", "Run History"], "error"),
        ("resume", ["Cost and Performance", "Requested vs Used", "Run History"], "overview"),
        ("retry", ["Cost and Performance", "Requested vs Used"], "overview"),
        ("killed", ["Cost and Performance", "Requested vs Used"], "overview"),
        ("evil", ["Cost and Performance", "Requested vs Used", "Error & Resume", "AI Analysis"], "error"),
    ],
)
def test_tabs_appear_exactly_when_they_should(
    page: Page, runs: dict[str, str], trace: str, more: list[str], opens_on: str
) -> None:
    page.goto(f"/runs/{runs[trace]}")
    assert sorted(tabs(page)) == sorted(ALWAYS + more)
    expect(page.locator(".panel:visible")).to_have_count(1)
    expect(page.locator(f"#{opens_on}")).to_be_visible()


def test_each_tab_has_its_address(page: Page, runs: dict[str, str]) -> None:
    page.goto(f"/runs/{runs['failed']}#history")
    for name in ("history", "overview", "error", "timeline", "config", "notes", "logs"):
        page.evaluate(f"location.hash = '{name}'")
        expect(page.locator(f"#{name}")).to_be_visible()
        expect(page.locator(".panel:visible")).to_have_count(1)
    page.locator("#tab-error").click()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#timeline")).to_be_visible()
    page.go_back()
    expect(page.locator("#error")).to_be_visible()


def test_two_clicks_lead_from_the_list_to_why_and_to_the_line_that_resumes(
    page: Page, tracker: Tracker, runs: dict[str, str]
) -> None:
    page.goto("/")
    page.locator("#runs a", has_text="grumpy_turing").click()
    expect(page.get_by_text("-resume 341b42ae-f4b8-4e51-b330-e1e599c47dae", exact=True)).to_be_visible()
    expect(page.locator("#error .banner strong")).to_contain_text("contig chrUn_42 not found")
    expect(page.locator("#error pre").last).to_contain_text("Command exit status:\n  3")
    page.locator("#failing a", has_text="VARIANTS:CALLING:CALL (S03)").click()
    expect(page.get_by_role("heading", name="VARIANTS:CALLING:CALL (S03)")).to_be_visible()
    expect(page.locator(".title")).to_contain_text("exit 3")


@pytest.mark.parametrize(
    ("trace", "columns"),
    [
        ("failed", ["process", "succeeded", "failed", "aborted", "running", "submitted"]),
        ("resume", ["cached"]),
        ("retry", ["retried"]),
    ],
)
def test_each_column_of_the_process_table_sorts(
    page: Page, runs: dict[str, str], trace: str, columns: list[str]
) -> None:
    page.goto(f"/runs/{runs[trace]}#overview")
    page.locator("#processes").wait_for()
    heads = [t.strip(" ▲▼\n").lower() for t in page.locator("#processes th[scope=col]").all_inner_texts()]
    page.evaluate("window.untouched = true")
    for column in columns:
        cells = page.locator(f"#processes tbody tr > *:nth-child({heads.index(column) + 1})")
        head = page.locator(
            "#processes th[scope=col]", has=page.get_by_role("link", name=column.capitalize())
        )
        for turn in range(2 if column in ("process", "failed") else 1):
            head.get_by_role("link").click()
            way = "ascending" if (turn == 0) == (column == "process") else "descending"
            expect(head).to_have_attribute("aria-sort", way)
            values = _values(cells.all_inner_texts(), column)
            assert values == sorted(values, reverse=way == "descending") and len(values) == 5
            assert f"sort={'-' if way == 'descending' else ''}{column}" in page.url and page.url.endswith(
                "#overview"
            )
    assert page.evaluate("window.untouched"), "the page was not loaded anew"
    page.reload()
    page.locator("#processes").wait_for()
    assert _values(cells.all_inner_texts(), column) == values


def _values(texts: list[str], column: str) -> list[Any]:
    return list(texts) if column == "process" else [int(t.replace("·", "").strip() or 0) for t in texts]


def test_process_table_shows_short_names_and_faint_zeros(page: Page, runs: dict[str, str]) -> None:
    page.goto(f"/runs/{runs['success']}")
    first = page.locator("#processes tbody tr").first
    assert first.locator("th").inner_text() == "PREPARE:FETCH"
    assert first.locator("th").get_attribute("title") == "VARIANTS:PREPARE:FETCH"
    assert first.locator("td").nth(0).inner_text() == "6"
    assert first.locator("td .zero").count() == 6


def test_history_has_each_cycle_one_click_away(page: Page, runs: dict[str, str]) -> None:
    page.goto(f"/runs/{runs['resume']}#history")
    entries = page.locator("#history .entry")
    expect(entries).to_have_count(2)
    expect(entries.nth(1)).to_contain_text("contig chrUn_42 not found")
    expect(page.locator("#history .meta").first).to_contain_text("all of them together cost $0.00")
    entries.nth(1).get_by_text("Failed tasks", exact=True).click()
    row = entries.nth(1).locator("tr", has_text="VARIANTS:CALLING:CALL (S03)")
    expect(row.locator("td").nth(1)).to_have_text("3")
    expect(row.get_by_role("link").first).to_have_attribute(
        "href", re.compile(rf"/runs/{runs['failed']}/tasks/\d+")
    )
    entries.nth(1).get_by_role("link", name="grumpy_turing").click()
    expect(page.locator("h1")).to_have_text("grumpy_turing")


def test_config_has_all_that_reproduces_the_run(page: Page, runs: dict[str, str]) -> None:
    page.goto(f"/runs/{runs['rich']}#config")
    panel = page.locator("#config")
    for text in (
        "nextflow run /data/workflows/rich",
        "threshold",
        "0.01",
        "cohort é/ü.csv",
        "name = 'lab/rich'",
        '"depth": 10',
    ):
        expect(panel).to_contain_text(text)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.get_by_role("button", name="Copy the command line").click()
    assert page.evaluate("navigator.clipboard.readText()").startswith("nextflow run /data/workflows/rich")


def test_without_script_everything_is_there(page: Page, tracker: Tracker, runs: dict[str, str]) -> None:
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(base_url=tracker.url, java_script_enabled=False)
    plain = context.new_page()
    every = ("error", "timeline", "config", "notes", "logs", "history", "overview", "cost", "usage")
    plain.goto(f"/runs/{runs['failed']}")
    for name in every:
        plain.locator(f"#tab-{name}").click()
        expect(plain.locator(f"#{name}")).to_be_visible()
        expect(plain.locator(".panel:visible")).to_have_count(1)
        assert plain.url.endswith(f"?tab={name}")
    plain.goto(f"/runs/{runs['failed']}?tab=all")
    expect(plain.locator(".panel:visible")).to_have_count(len(every))
    expect(plain.locator("#history")).to_contain_text("Cycle 2")
    plain.goto(f"/runs/{runs['failed']}?tab=overview")
    plain.locator("#processes thead").get_by_role("link", name="Failed").click()
    assert plain.locator("#processes tbody th").first.inner_text() == "CALLING:CALL"
    plain.goto(f"/runs/{runs['failed']}?tab=timeline")
    plain.get_by_role("link", name="The timeline and the concurrency curve as tables").click()
    expect(plain.get_by_text("Running tasks (peak 2)")).to_be_visible()
    plain.goto(f"/runs/{runs['failed']}?tab=logs")
    plain.get_by_role("link", name="The runner's log").click()
    expect(plain.get_by_role("heading", name="Log")).to_be_visible()
    plain.goto("/")
    plain.locator("input[name=search]").fill("grumpy_turing")
    plain.get_by_role("button", name="Filter").click()
    expect(plain.locator("#runs tr")).to_have_count(1)
    plain.locator("#runs-table thead").get_by_role("link", name="Name").click()
    expect(plain.locator("th[aria-sort=ascending]")).to_contain_text("Name")
    expect(plain.locator("#runs")).to_contain_text("grumpy_turing")
    context.close()
