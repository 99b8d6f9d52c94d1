"""The list of runs as operators use it: filters by clicks and as one types, saved views, keys, the palette."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.system.browser.support import EVIL, Tracker


def test_failed_runs_of_a_pipeline_and_a_user_last_week_are_four_clicks_and_a_link(
    page: Page, runs: dict[str, str]
) -> None:
    page.goto("/")
    page.evaluate("window.untouched = true")
    row = page.locator(f"#run-{runs['failed']}")
    row.locator("a[href*='pipeline=']").click()  # one
    expect(page.locator("input[name=pipeline]")).to_have_value("lab/variants")
    page.locator("#chips a", has_text="failed").click()  # two
    expect(page.locator("#chips a[aria-current]")).to_contain_text("failed")
    page.locator("input[name=user]").fill("root")
    page.locator("input[name=user]").press("Enter")  # three
    expect(page.locator(".periods a").first).to_have_attribute("href", re.compile("user=root"))
    page.locator(".periods").get_by_role("link", name="7 d").click()  # four
    expect(page.locator(".periods a[aria-current]")).to_have_text("7 d")
    for part in ("status=failed", "pipeline=lab%2Fvariants", "user=root", "started_after=-7d"):
        assert part in page.url
    page.locator(".periods").get_by_role("link", name="all").click()
    expect(page.locator("#runs tr")).not_to_have_count(0)
    statuses = page.locator("#runs .status").all_inner_texts()
    assert set(statuses) == {"failed"}
    found = page.locator("#runs tr").evaluate_all("all => all.map((tr) => tr.id)")
    page.goto(page.url)  # what somebody else sees who is sent the link
    assert page.locator("#runs tr").evaluate_all("all => all.map((tr) => tr.id)") == found


def test_the_list_is_searched_as_one_types(page: Page, runs: dict[str, str]) -> None:
    page.goto("/")
    page.evaluate("window.untouched = true")
    page.locator("body").press("/")
    page.keyboard.type("turing")
    expect(page.locator("#runs tr")).to_have_count(2)
    assert "search=turing" in page.url and page.evaluate("window.untouched")
    page.locator("#chips a", has_text="failed").click()
    expect(page.locator("#runs tr")).to_have_count(1)
    assert "search=turing" in page.url and "status=failed" in page.url
    page.locator("#chips a", has_text="succeeded").click()
    expect(page.locator("#runs tr")).to_have_count(2)
    page.reload()
    expect(page.locator("#chips a[aria-current]")).to_have_count(2)
    expect(page.locator("#runs")).to_contain_text("grumpy_turing")


def test_fields_offer_what_there_is(page: Page, runs: dict[str, str]) -> None:
    page.goto("/")
    page.locator("input[name=label]").focus()
    page.locator("#suggest-label option").first.wait_for(state="attached")
    page.locator("input[name=user]").focus()
    page.locator("#suggest-user option").first.wait_for(state="attached")
    offered = page.locator("#suggest-user option").evaluate_all("all => all.map((o) => o.value)")
    assert "root" in offered and EVIL in offered
    assert page.locator("img[src=x]").count() == 0


def test_a_view_is_saved_opened_and_removed(page: Page, runs: dict[str, str]) -> None:
    page.goto("/?user=root&sort=-name")
    page.locator("#views > summary").click()
    page.get_by_label("Name of this view").fill("mine <img src=x>")
    page.get_by_role("button", name="Save").click()
    page.goto("/")
    page.locator("#views > summary").click()
    page.locator("#views").get_by_role("link", name="mine").click()
    page.wait_for_url("**/?user=root&sort=-name")
    page.locator("#views > summary").click()
    page.locator("#views .view", has_text="mine").get_by_role("button", name="Remove").click()
    expect(page.locator("#views a")).to_have_count(0)
    assert page.locator("img[src=x]").count() == 0


def test_keys_go_through_the_list(page: Page, runs: dict[str, str]) -> None:
    page.goto("/?user=root")
    names = page.locator("#runs tr th a").all_inner_texts()
    focused = "document.activeElement.textContent"
    for key, row in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        assert page.evaluate(focused) == names[row]
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_contain_text("Next and previous row")
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(names[1])


def test_the_palette_finds_runs_pipelines_and_pages(
    page: Page, tracker: Tracker, runs: dict[str, str]
) -> None:
    page.goto("/ops")
    for text, kind, where in (
        ("grumpy_tur", "run, failed", f"/runs/{runs['failed']}"),
        ("lab/var", "pipeline", "/pipelines/lab%2Fvariants"),
        ("costs", "page", "/costs"),
    ):
        page.keyboard.press("Control+k")
        page.keyboard.type(text)
        expect(page.locator("#palette")).to_have_attribute("data-of", text)
        option = page.locator("#palette-list li", has_text=re.compile(f"{re.escape(kind)}$")).first
        expect(option).to_be_visible()
        for _ in range(20):
            if option.get_attribute("aria-selected") == "true":
                break
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{where}")
    page.keyboard.press("Control+k")
    page.keyboard.type("<img src=x onerror")
    expect(page.locator("#palette-list li").first).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()


@pytest.mark.parametrize("width", [1280, 1366])
def test_the_columns_fit_and_the_head_stays(page: Page, runs: dict[str, str], width: int) -> None:
    page.set_viewport_size({"width": width, "height": 420})
    page.goto("/")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    heights = page.locator("#runs td:nth-child(5) a").evaluate_all(
        "all => all.map((a) => a.getBoundingClientRect().height / parseFloat(getComputedStyle(a).lineHeight))"
    )
    assert heights and max(heights) < 1.5, "a pipeline's name stays on one line"
    page.locator("#runs tr").last.scroll_into_view_if_needed()
    head = page.locator("#runs-table thead th").first.bounding_box()
    assert head is not None and abs(head["y"]) < 1
    when = page.locator("#runs time").first
    assert re.fullmatch(r"just now|\d+ (s|min|h|d) ago", when.inner_text())
    assert re.search(r"\d{4}.*UTC", when.get_attribute("title") or "")
