"""The task timeline: lanes that fold, every attempt a bar, zoom, keys, and an address that holds where one looks."""

import re
from typing import Any

from playwright.sync_api import Page, expect

BARS = "#gantt .lane:not(.head) .bar-part.run"


def told(page: Page, query: str = "") -> Any:
    """What the server says of the timeline of the page's run."""
    return page.evaluate(f"fetch(location.pathname + '/timeline.json?{query}').then((a) => a.json())")


def test_the_timeline_draws_every_attempt_in_its_place_and_filters(page: Page, runs: dict[str, str]) -> None:
    page.set_viewport_size({"width": 1366, "height": 1400})
    page.goto(f"/runs/{runs['retry']}#timeline")
    expect(page.locator("#timeline-caption")).to_contain_text("26 attempts over 27 s")
    expect(page.locator("#timeline-caption")).to_contain_text("at most 2 at once")
    whole = told(page, "group=process")
    assert whole["total"] == 26 == len(whole["bars"]), "25 tasks, one of them twice"
    expect(page.locator("#gantt .lane:not(.head)")).to_have_count(26)
    lanes = page.locator("#gantt .lane.head").all_inner_texts()
    assert len(lanes) == len(whole["groups"])
    span = whole["ended"] - whole["began"]
    for bar in whole["bars"]:
        assert (
            whole["began"]
            <= bar["begin"]
            <= bar["start"]
            <= bar["execution_end"]
            <= bar["end"]
            <= whole["ended"]
        )
        line = page.locator(f"#gantt .lane:has(a[href$='/tasks/{bar['task_id']}']) .bar-part.run").first
        left = line.evaluate("part => parseFloat(part.style.left)")
        assert abs(left - 100 * (bar["start"] - whole["began"]) / span) < 0.1, bar["name"]
    page.locator("#timeline-filters select[name=status]").select_option("failed")
    expect(page.locator("#timeline-caption")).to_contain_text("1 attempt over")
    expect(page.locator("#gantt .lane:not(.head)")).to_have_count(1)
    page.locator("#timeline-filters select[name=status]").select_option("")
    page.locator("#timeline-filters input[name=search]").fill("CALL (S02)")
    expect(page.locator("#timeline-caption")).to_contain_text("2 attempts")
    assert "search=CALL" in page.url
    page.locator("#timeline-filters button").first.focus()
    page.keyboard.press("t")
    expect(page.get_by_role("heading", name="Task Timeline")).to_be_visible()
    expect(page.locator("table").first.locator("tbody tr")).to_have_count(2)
    expect(page.locator("table").first).to_contain_text("attempt 2")


def test_the_grouping_can_be_changed_again_and_again(page: Page, runs: dict[str, str]) -> None:
    page.set_viewport_size({"width": 1366, "height": 1400})  # so that every row is seen, and so drawn
    page.goto(f"/runs/{runs['retry']}#timeline")
    expect(page.locator("#timeline-caption")).to_contain_text("26 attempts over")
    counts = []
    for group in ("host", "process", "capacity", ""):
        asked = f"timeline.json?group={group}&bars=" if group else "timeline.json?bars="
        with page.expect_response(lambda r, asked=asked: asked in r.url) as answer:  # type: ignore[misc]
            page.locator("#timeline-filters select[name=group]").select_option(group)
        groups = answer.value.json()["groups"]
        expect(page.locator("#gantt .lane.head")).to_have_count(len(groups))
        counts.append(len(groups))
        expect(page.locator("#timeline-caption")).to_contain_text("26 attempts over")
    assert counts[1] > counts[0] > 0 == counts[3]
    page.reload()
    expect(page.locator("#timeline-filters select[name=group]")).to_have_value("")


def test_a_large_run_is_folded_lanes_and_only_what_is_seen_is_drawn(page: Page, runs: dict[str, str]) -> None:
    page.goto(f"/runs/{runs['larger']}#timeline")
    expect(page.locator("#timeline-caption")).to_contain_text("2,551 attempts over 1 min 43 s")
    expect(page.locator("#gantt .lane.head")).not_to_have_count(0)
    expect(page.locator("#gantt .lane:not(.head)")).to_have_count(0)
    largest = max(told(page, "group=process&bars=1")["groups"], key=lambda g: int(g["attempts"]))
    lane = page.locator("#gantt .lane.head", has=page.locator(f"[title='{largest['name']}']"))
    lane.locator("button").click()
    expect(page.locator(BARS).first).to_be_visible()
    page.wait_for_function("() => location.search.includes('lane=')")
    page.locator("#gantt").evaluate("e => { e.scrollTop = e.scrollHeight / 2; }")
    page.wait_for_function(
        "() => [...document.querySelectorAll('#gantt .lane:not(.head)')].every((l) => l.querySelector('a'))"
    )
    assert page.locator("#gantt .lane").count() < 80, "of thousands of rows only those that are seen"
    page.reload()
    expect(page.locator(BARS).first).to_be_visible()


def test_zoom_and_position_stand_in_the_address(page: Page, runs: dict[str, str]) -> None:
    page.goto(f"/runs/{runs['retry']}#timeline")
    page.locator(BARS).first.wait_for()
    page.locator("#gantt").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "+", "+", "ArrowRight"):
        page.keyboard.press(key)
    page.wait_for_function("() => location.search.includes('from=') && location.search.includes('row=3')")
    wide = page.locator(BARS).evaluate_all(
        "all => Math.max(...all.map((b) => b.getBoundingClientRect().width))"
    )
    ticks = page.locator("#gantt .tick strong").all_inner_texts()
    assert ticks and all(re.fullmatch(r"\d\d:\d\d:\d\d", t) for t in ticks), "clock time"
    page.reload()
    page.locator(BARS).first.wait_for()
    assert page.locator("#gantt .tick strong").all_inner_texts() == ticks
    expect(page.locator("#gantt .lane.at")).to_have_attribute("id", "lane-3")
    page.get_by_role("button", name="Whole run").click()
    page.wait_for_function("() => !location.search.includes('from=')")
    assert wide > page.locator(BARS).evaluate_all(
        "all => Math.max(...all.map((b) => b.getBoundingClientRect().width))"
    )
    page.locator("#gantt").focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator("#gantt .lane.head").first.locator("button")).to_have_attribute(
        "aria-expanded", "false"
    )


def test_a_bar_tells_of_its_task_and_opens_it(page: Page, runs: dict[str, str]) -> None:
    page.set_viewport_size({"width": 1366, "height": 1400})  # so that every row is seen, and so drawn
    page.goto(f"/runs/{runs['retry']}#timeline")
    bar = page.locator("#gantt .lane:not(.head)", has_text="attempt 2").locator(".bar-part.run")
    bar.hover()
    tip = page.locator(".lane-tip")
    for words in ("attempt 2", "execution", "exit 0", "memory", "cost"):
        expect(tip).to_contain_text(words)
    name = page.locator("#gantt .lane:not(.head) a").first
    whole = name.get_attribute("title")
    name.click()
    expect(page.locator("h1")).to_have_text(whole or "")
    page.go_back()
    page.locator(BARS).first.click()
    expect(page.locator("h1")).to_have_text(whole or "")


def test_cached_tasks_are_marks_and_the_critical_path_is_marked(page: Page, runs: dict[str, str]) -> None:
    page.set_viewport_size({"width": 1366, "height": 1400})
    page.goto(f"/runs/{runs['resume']}#timeline")
    page.locator("#gantt .lane").first.wait_for()
    all_bars = told(page, "group=process")["bars"]
    cached = [b for b in all_bars if b["status"] == "cached"]
    assert cached
    expect(page.locator("#gantt .bar-part.mark.is-cached")).to_have_count(len(cached))
    critical = [b for b in all_bars if b["critical"]]
    assert 0 < len(critical) < len(all_bars)
    expect(page.locator("#gantt .lane-bars.critical")).to_have_count(len(critical))
