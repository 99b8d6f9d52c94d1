"""What people do on the pages: labels, the Actions menu, filters and order of the list, the picture of tasks at once."""

import re

from playwright.sync_api import Browser, Page, Route, expect

from tests.system.browser.conftest import Faults
from tests.system.browser.support import EVIL, Tracker


def chips(page: Page) -> list[str]:
    return page.locator("#labels .label").all_inner_texts()


def test_labels_are_added_and_removed_where_one_stands(
    page: Page, tracker: Tracker, runs: dict[str, str]
) -> None:
    page.goto(f"/runs/{runs['rich']}?sort=-succeeded#config")
    page.evaluate("window.untouched = true")
    page.locator("#actions > summary").click()
    for label in ("cohort 7", EVIL):
        page.locator("#new-label input[name=add]").fill(label)
        page.locator("#new-label input[name=add]").press("Enter")
        expect(page.locator("#labels")).to_contain_text(label)
        expect(page.locator("#new-label input[name=add]")).to_have_value("")
    assert chips(page) == ["cohort 7", EVIL] == tracker.get(f"/runs/{runs['rich']}")["labels"]
    assert page.locator("img[src=x], body b, main script").count() == 0
    page.locator("#actions form", has_text="cohort 7").get_by_role("button").click()
    expect(page.locator("#labels .label")).to_have_count(1)
    expect(page.locator("#config")).to_be_visible()
    expect(page.locator("#actions .menu-box")).to_be_visible()
    assert page.evaluate("window.untouched"), "the page was not loaded anew"
    assert page.url.endswith("?sort=-succeeded#config")
    page.keyboard.press("Escape")
    expect(page.locator("#actions .menu-box")).to_be_hidden()
    page.locator("#labels .label").click()
    expect(page.locator("#runs tr", has_text=EVIL)).not_to_have_count(0)
    assert page.locator("img[src=x], body b, main script").count() == 0


def test_a_label_that_is_too_long_says_so(page: Page, runs: dict[str, str], faults: Faults) -> None:
    faults.expected.append("400")
    page.goto(f"/runs/{runs['killed']}")
    page.locator("#actions > summary").click()
    page.locator("#new-label input[name=add]").evaluate("input => { input.maxLength = 999; }")
    page.locator("#new-label input[name=add]").fill("x" * 201)
    page.locator("#new-label input[name=add]").press("Enter")
    expect(page.get_by_text("a label has 1 to 200 characters")).to_be_visible()


def test_labels_work_without_script(browser: Browser, tracker: Tracker, runs: dict[str, str]) -> None:
    context = browser.new_context(base_url=tracker.url, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"/runs/{runs['larger']}")
    page.locator("#actions > summary").click()
    page.locator("#new-label input[name=add]").fill("plain")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#labels")).to_have_text("plain")
    page.locator("#actions > summary").click()
    page.get_by_role("button", name="Remove label plain").click()
    expect(page.locator("#labels")).to_have_count(0)
    context.close()


def test_actions_copy_the_resume_command_and_give_the_tasks(page: Page, runs: dict[str, str]) -> None:
    page.goto(f"/runs/{runs['failed']}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#actions > summary").click()
    page.get_by_role("button", name="Copy resume command").click()
    expect(page.locator("#actions").get_by_role("button", name="Copied")).to_be_visible()
    told = page.evaluate("navigator.clipboard.readText()")
    assert told == "-resume 341b42ae-f4b8-4e51-b330-e1e599c47dae"
    with page.expect_download() as given:
        page.get_by_role("link", name="Download tasks as CSV").click()
    assert given.value.suggested_filename == "grumpy_turing-tasks.csv"
    page.locator("h1").click()
    expect(page.locator("#actions .menu-box")).to_be_hidden()


def test_a_run_is_hidden_and_shown_again(page: Page, tracker: Tracker, runs: dict[str, str]) -> None:
    page.goto(f"/runs/{runs['rich']}")
    page.locator("#actions > summary").click()
    page.get_by_role("button", name="Hide run from lists").click()
    expect(page.locator("#head .since")).to_contain_text("hidden from lists and alerts")
    expect(page.locator("#actions")).to_contain_text("Show run in lists again")
    expect(page.locator("#actions")).not_to_contain_text("Hide run")
    page.goto("/?user=root")
    row = page.locator(f"#run-{runs['rich']}")
    expect(row).to_have_count(0)
    page.get_by_label("include hidden").check()
    expect(row).to_contain_text("hidden")
    assert "hidden=true" in page.url
    row.get_by_role("link").first.click()
    page.locator("#actions > summary").click()
    page.get_by_role("button", name="Show run in lists again").click()
    expect(page.locator("#head .since")).not_to_contain_text("hidden")
    page.goto("/?user=root")
    expect(row).to_have_count(1)


def test_what_is_projected_late_is_shown_all_the_same(
    page: Page, tracker: Tracker, runs: dict[str, str]
) -> None:
    """The page is fetched once more before the tables know, and the run is over, so that it is not asked for again by itself."""
    address = f"/runs/{runs['success']}"
    former = page.request.get(address).text()
    stale: list[str] = []

    def answer(route: Route) -> None:
        if stale:
            route.continue_()
        else:
            stale.append(route.request.url)
            route.fulfill(body=former, content_type="text/html")

    page.goto(address)
    page.route(f"**{address}*", answer)
    page.locator("#actions > summary").click()
    page.get_by_role("button", name="Hide run from lists").click()
    expect(page.locator("#head .since")).to_contain_text("hidden from lists and alerts")
    assert stale
    tracker.send("PUT", f"/api/v1{address}/hidden", {"hidden": False})
    tracker.wait_for_run(runs["success"], hidden=False)


COLUMNS = {
    "Name": False, "Status": False, "Tasks": True, "Failed": True, "Pipeline": False, "Started": True, "Duration": True,
    "Peak": True, "Cost": True, "User": False,
}  # fmt: skip


def test_each_column_of_the_list_sorts(page: Page, runs: dict[str, str]) -> None:
    page.goto("/?user=root")
    page.evaluate("window.untouched = true")
    rows = page.locator("#runs tr")
    for column, descends in COLUMNS.items():
        head = page.locator("#runs-table th", has=page.get_by_role("link", name=re.compile(f"^{column}")))
        for turn in range(2):
            head.get_by_role("link").click()
            way = "descending" if descends == (turn == 0) else "ascending"
            expect(head).to_have_attribute("aria-sort", way)
            assert "user=root" in page.url and f"sort={'-' if way == 'descending' else ''}" in page.url
    assert page.evaluate("window.untouched"), "the page was not loaded anew"
    for column, descends in (("Duration", True), ("Name", False)):
        head = page.locator("#runs-table th", has=page.get_by_role("link", name=column))
        head.get_by_role("link").click()
        expect(head).to_have_attribute("aria-sort", "descending" if descends else "ascending")
        order = rows.evaluate_all("all => all.map(tr => tr.id)")
        answer = page.evaluate(
            f"fetch('/api/v1/runs?user=root&sort={'-duration_ms' if descends else 'name'}').then(a => a.json())"
        )
        page.reload()
        assert len(order) >= 7 and rows.evaluate_all("all => all.map(tr => tr.id)") == [
            f"run-{r['id']}" for r in answer["runs"]
        ]


def test_the_user_filter_stands_in_the_address(page: Page, runs: dict[str, str]) -> None:
    page.goto("/")
    page.locator("input[name=user]").fill(EVIL)
    page.locator("input[name=user]").press("Enter")
    expect(page.locator("#runs tr")).to_have_count(1)
    assert "user=" in page.url
    page.reload()
    expect(page.locator("input[name=user]")).to_have_value(EVIL)
    page.locator("#runs a.quiet[href*='user=']").click()
    expect(page.locator("#runs tr")).to_have_count(1)


def test_tasks_at_once_are_a_picture_and_a_table(page: Page, runs: dict[str, str]) -> None:
    page.goto(f"/runs/{runs['larger']}#overview")
    figure = page.locator("figure.level")
    expect(figure.locator("figcaption")).to_have_text("Running tasks at most 13, over 1 min 43 s")
    box = figure.locator("svg").bounding_box()
    assert box is not None and box["height"] == 72 and box["width"] > 900
    told = figure.locator("rect title").all_text_contents()
    assert len(told) == 48 and any("at most 13 at once" in t for t in told)
    figure.get_by_text("As a table").click()
    cells = figure.locator("tbody td.number:last-child").all_inner_texts()
    assert len(cells) == 16 and "13" in cells
    page.goto(f"/runs/{runs['github']}#overview")
    expect(page.locator("figure.level")).to_have_count(0)
