"""The other pages in a browser, hostile texts, and accessibility."""

import random
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from api.html import formats
from schemas.texts import units
from tests.system.browser.conftest import Faults
from tests.system.browser.support import AXE, EVIL, Tracker

#: Every kind of page, and every tab.
PAGES = [
    "/", "/?sort=-duration_ms&user=root&status=failed,succeeded", "/?search=nothing", "/ops",
    "/outputs", "/outputs?search=txt",
    "/runs/{failed}", "/runs/{failed}#overview", "/runs/{success}#timeline", "/runs/{resume}#timeline", "/runs/{rich}#config",
    "/runs/{evil}#notes", "/runs/{success}#logs", "/runs/{success}#cost", "/runs/{success}#usage", "/runs/{failed}#history",
    "/runs/{evil}#ai", "/runs/{killed}", "/runs/{success}/log", "/runs/{success}/outputs", "/runs/{failed}/tasks",
    "/runs/{failed}/tasks/1", "/runs/{failed}/timeline", "/runs/{success}/process?name=VARIANTS:CALLING:MAP",
    "/login", "/runs/{success}/tasks/1", "/runs/{success}/tasks/1/workdir", "/runs/{success}/outputs?view=table",
    "/compare?a={resume}&b={success}", "/costs?started_after=", "/pipelines?started_after=",
    "/pipelines/lab%2Fvariants?started_after=", "/dashboard?time=all", "/dashboard?names=no",
    "/runs/nobody", "/?status=nope", "/docs",
]  # fmt: skip


def test_axe_finds_nothing(page: Page, runs: dict[str, str], faults: Faults) -> None:
    """On every page, light and dark, on a laptop's screen and a telephone's; what does not depend on colours once a width."""
    faults.expected += ["404", "400"]
    page.emulate_media(reduced_motion="reduce")
    whole, colours = (
        "{resultTypes: ['violations']}",
        "{runOnly: ['color-contrast'], resultTypes: ['violations']}",
    )
    looks: list[tuple[Literal["light", "dark"], int, str]] = [
        ("light", 1366, whole), ("dark", 1366, colours), ("dark", 390, whole), ("light", 390, colours),
    ]  # fmt: skip
    found = {}
    for path in PAGES:
        page.goto("about:blank")
        page.set_viewport_size({"width": 1366, "height": 900})
        page.emulate_media(color_scheme="light")
        page.goto(path.format(**runs))
        settled(page, path)
        page.evaluate(AXE)
        here = []
        for scheme, width, options in looks:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            here += [(scheme, width, *what) for what in _findings(page, options)]
        if here:
            found[path] = here
    assert not found


#: Of each table that can be seen: its name, whether its head stays, and headings that do not sort; but for labels, which have no
#: order, for the picture beside its own figures, and for the table of two runs, each of whose rows is of another kind.
TABLES = """[...document.querySelectorAll("table")].filter((t) => t.offsetParent && !t.closest(".prose")).map((t) => {
  const heads = [...t.tHead.querySelectorAll("th")]
    .filter((c) => c.colSpan === 1 && c.textContent.trim() && !c.querySelector(".hidden, input"));
  const sorts = (c) => c.querySelector("a[data-swap], button.sorts") || ["Labels", "Progress"].includes(c.textContent)
    || t.hasAttribute("data-rows-differ");
  return [
    t.closest(".wide")?.getAttribute("aria-label") || "no name",
    getComputedStyle(t.tHead).position,
    heads.filter((c) => !sorts(c)).map((c) => c.textContent),
  ];
})"""


def test_the_head_of_every_table_stays_and_sorts(page: Page, runs: dict[str, str], faults: Faults) -> None:
    faults.expected += ["404", "400"]
    found: dict[str, object] = {}
    for path in PAGES:
        page.goto("about:blank")
        page.goto(path.format(**runs))
        expect(page.locator(".panel.on[data-unfetched]")).to_have_count(0)
        page.evaluate(
            "for (const d of document.querySelectorAll('#main details, #live details')) d.open = true"
        )
        for name, position, unsorted in page.evaluate(TABLES):
            found[f"{path} {name}"] = [position, unsorted] if name else "no name"
    assert len(found) > 30
    assert {name: what for name, what in found.items() if what != ["sticky", []]} == {}


#: What the pages write, in order; what is not known comes last both ways.
FIGURES = [
    [formats.number(x) for x in (-3, 0, 0.5, 7, 12, 1200, 1_000_000)],
    [units.duration(x) for x in (0, 999, 1500, 59_000, 61_000, 3_599_000, 3_600_000, 90_000_000)],
    [units.size(x) for x in (0, 1023, 1024, 900 << 10, 2 << 20, 3 << 30)],
    [formats.amount(x, "USD") for x in ("0", "0.000012", "0.5", "2", "1234.5")],
    [formats.amount(x, "EUR") for x in ("0.5", "2", "1234.5")],
    [formats.grams(x) for x in (0.0004, 0.3, 2, 900, 2500, 3e6)],
    [formats.percent(x) for x in (0.5, 3, 20, 1000)],
]
SORTED = """([words, number]) => {
  document.getElementById("main").innerHTML = `<div class="wide" aria-label="x"><table>
    <thead><tr><th${number ? ' class="number"' : ""}>A</th></tr></thead><tbody></tbody></table></div>`;
  const body = document.querySelector(".wide tbody");
  for (const word of words) {
    const cell = body.insertRow().insertCell();
    cell.className = number ? "number" : "";
    cell.textContent = word;
  }
  document.dispatchEvent(new CustomEvent("tracker:taking", { detail: document }));
  const look = () => [...body.rows].map((r) => r.textContent);
  const head = document.querySelector(".wide th");
  const ways = [];
  for (let i = 0; i < 2; i += 1) {
    head.querySelector("button").click();
    ways.push([head.getAttribute("aria-sort"), look()]);
  }
  return Object.fromEntries(ways);
}"""


def test_figures_are_sorted_by_what_they_mean(page: Page) -> None:
    page.goto("/pipelines")
    for rising in FIGURES:
        found = page.evaluate(SORTED, [random.Random(7).sample([units.DASH, *rising], len(rising) + 1), True])
        assert found == {"ascending": [*rising, units.DASH], "descending": [*reversed(rising), units.DASH]}
        page.goto("/pipelines")
    words = ["a2", "a10", "B", "c"]
    assert page.evaluate(SORTED, [["c", units.DASH, "a10", "B", "a2"], False])["ascending"] == [
        *words,
        units.DASH,
    ]


def test_a_table_stays_sorted_while_the_page_is_live(page: Page, runs: dict[str, str]) -> None:
    """The operations are fetched again every 5 s: rows, mark and focus stay."""
    page.goto("/ops")
    table = page.get_by_role("region", name="Runs that need attention")
    head = table.get_by_role("columnheader", name="Needs attention")
    names = table.locator("tbody th")

    def sorted_down() -> bool:
        shown = names.all_text_contents()
        return len(shown) > 1 and shown == sorted(shown, key=str.lower, reverse=True)

    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "ascending")
    assert not sorted_down()
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    assert sorted_down()
    page.evaluate(
        "window.fresh = new Promise((done) => document.addEventListener('tracker:fresh', done, { once: true }))"
    )
    page.evaluate("window.fresh")
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(head.get_by_role("button")).to_be_focused()
    assert sorted_down()


def settled(page: Page, path: str) -> None:
    """Until what the page fetches later is there, with a menu open where there is one."""
    if path.endswith("#timeline"):
        page.locator("#gantt .lane").first.wait_for()
    if path == "/docs":
        page.locator(".opblock").first.wait_for()
    expect(page.locator(".panel.on[data-unfetched]")).to_have_count(0)
    if "{evil}" in path:
        page.locator("#actions > summary").click()


def test_axe_finds_nothing_in_what_opens_over_a_page(page: Page, runs: dict[str, str]) -> None:
    page.goto("/")
    page.keyboard.press("Control+k")
    page.locator("#palette-list li").first.wait_for()
    page.evaluate(AXE)
    palette = _findings(page, "{resultTypes: ['violations']}")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    keys = _findings(page, "{resultTypes: ['violations']}")
    page.keyboard.press("Escape")
    page.locator("#views > summary").click()
    assert not palette + keys + _findings(page, "{resultTypes: ['violations']}")


def _findings(page: Page, options: str) -> list[tuple[str, str, str]]:
    result = page.evaluate(f"axe.run(document, {options})")
    return [
        (v["id"], v["nodes"][0]["html"][:200], v["nodes"][0]["failureSummary"][:300])
        for v in result["violations"]
    ]


def test_hostile_texts_are_texts_everywhere(page: Page, runs: dict[str, str]) -> None:
    places = [
        "/",
        "/?label=%22%27%3E%3Cimg",
        "/runs/evil",
        "/runs/evil/tasks",
        "/runs/evil/tasks/1",
        "/runs/evil/timeline?group=process",
        "/ops",
    ]
    for path in places:
        page.goto(path)
        if path != "/?label=%22%27%3E%3Cimg":
            assert (
                "<img src=x onerror=alert(1)>" in page.content().replace("&lt;", "<").replace("&gt;", ">")
                or path == "/ops"
            )
        assert page.locator("img[src=x], body b, main script").count() == 0, path
    page.goto("/runs/evil#overview")
    for tab in page.locator("#tabs a").all():
        tab.click()
        expect(page.locator(".panel.on[data-unfetched]")).to_have_count(0)
    page.locator("#tab-timeline").click()
    expect(page.locator("#timeline-caption")).to_contain_text("1 attempt")
    page.locator("#gantt .bar-part").last.hover()
    expect(page.locator(".lane-tip")).to_contain_text("host")
    assert page.locator("img[src=x], body b, main script").count() == 0
    page.locator("#tab-overview").click()
    page.locator("#processes tbody a").first.click()
    assert page.locator("h1").inner_text() == f"{EVIL}:{EVIL}:{EVIL}"
    assert page.locator("img[src=x], body b, main script").count() == 0


def test_notes_are_written_on_the_page_and_keep_their_history(page: Page, runs: dict[str, str]) -> None:
    page.goto(f"/runs/{runs['success']}#notes")
    page.locator("#new-note textarea").fill("It was the **reference**.")
    page.locator("#new-note input[name=author]").fill("ann")
    page.get_by_role("button", name="Write note").click()
    note = page.locator("#notes article")
    expect(note.locator(".prose strong")).to_have_text("reference")
    expect(note).to_contain_text("ann")
    note.get_by_text("Change").click()
    note.locator("textarea").fill("It was the index.")
    note.get_by_role("button", name="Save").click()
    expect(note.locator(".prose")).to_have_text("It was the index.")
    note.get_by_text("1 earlier").click()
    expect(note.locator("pre")).to_have_text("It was the **reference**.")


def test_logs_show_the_runners_log_of_an_allowed_folder(
    page: Page, tracker: Tracker, runs: dict[str, str]
) -> None:
    page.goto(f"/runs/{runs['success']}#logs")
    expect(page.locator("#log-message")).to_contain_text(
        "outside of the folders that TRACKER_LOCAL_ROOTS allows"
    )
    folder = tracker.roots / "launch"
    folder.mkdir()
    (folder / ".nextflow.log").write_text("N E X T F L O W [logged_run]\nlast line <b>\n")
    tracker.event(
        "run.begun", "logged", instant=1, workflow={"name": "logged_run", "launch_dir": str(folder)}
    )
    tracker.event("run.completed", "logged", instant=2, state="succeeded", completed_at=2)
    tracker.wait_for_run("logged", status="succeeded")
    page.goto("/runs/logged#logs")
    expect(page.locator("#log-text")).to_contain_text("last line <b>")
    (folder / ".nextflow.log").write_text("N E X T F L O W [logged_run]\nmore\n")
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator("#log-text")).to_contain_text("more")


@pytest.mark.parametrize("width", [320, 900, 3840])
def test_pages_are_no_wider_than_the_screen(page: Page, runs: dict[str, str], width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for path in (
        "/",
        f"/runs/{runs['failed']}",
        f"/runs/{runs['failed']}#overview",
        "/runs/evil",
        f"/runs/{runs['failed']}/tasks",
        "/ops",
    ):
        page.goto("about:blank")
        page.goto(path)
        expect(page.locator(".panel.on[data-unfetched]")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_words_stay_whole_in_a_narrow_table(page: Page, runs: dict[str, str]) -> None:
    page.set_viewport_size({"width": 320, "height": 900})
    page.goto(f"/runs/{runs['failed']}#error")
    process = page.locator("#failing td a").first
    expect(process).to_have_text("CALLING:CALL")
    assert process.evaluate("e => e.scrollWidth <= e.clientWidth && e.clientHeight < 30"), "on one line"


def test_on_paper_every_tab_that_was_looked_at_stands_below_its_title(
    page: Page, runs: dict[str, str]
) -> None:
    page.goto(f"/runs/{runs['failed']}#overview")
    expect(page.locator("#error")).to_be_hidden()
    page.locator("#processes").wait_for()
    page.emulate_media(media="print")
    for name, title in (("overview", "Overview"), ("error", "Error & Resume")):
        box = page.locator(f"#{name} .tab-title", has_text=title).bounding_box()
        assert box is not None and box["height"] > 20, name
    expect(page.locator("#timeline")).to_be_hidden()  # nobody looked at it, so nothing is drawn
    expect(page.locator("#history")).to_be_hidden()  # nobody looked at it either
    assert page.locator("button:visible").count() == 0
    page.goto(f"/runs/{runs['failed']}?tab=all")
    expect(page.locator("#history")).to_contain_text("Cycle 2")
    for name in ("overview", "error", "config", "notes", "history"):
        expect(page.locator(f"#{name}")).to_be_visible()


def test_the_open_tab_is_told_from_the_others_in_the_systems_colours(
    page: Page, runs: dict[str, str]
) -> None:
    page.emulate_media(forced_colors="active")
    page.goto(f"/runs/{runs['failed']}#overview")
    expect(page.locator("#tab-overview.on")).to_be_visible()
    colours = page.locator("#tabs a").evaluate_all(
        "all => all.map((a) => getComputedStyle(a).borderBottomColor)"
    )
    assert colours.count(colours[0]) == 1 and len(set(colours)) == 2


def test_heads_of_long_tables_stay_in_view(page: Page, runs: dict[str, str]) -> None:
    page.set_viewport_size({"width": 1600, "height": 500})
    page.goto(f"/runs/{runs['larger']}/tasks")
    page.locator("#tasks tbody tr").last.scroll_into_view_if_needed()
    assert page.evaluate("window.scrollY") > 300
    head = page.locator("#tasks thead th").first.bounding_box()
    assert head is not None and abs(head["y"]) < 1
    page.locator("#tasks thead").get_by_role("link", name="Hash").click()
    expect(page.locator("#tasks th[aria-sort=ascending]")).to_contain_text("Hash")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1600
