"""Two runs beside each other, in a browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.system.browser.support import AXE


@pytest.mark.parametrize("width", [1366, 390])
def test_two_clicks_to_what_changed_since_the_last_good_run(
    page: Page, runs: dict[str, str], width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"/runs/{runs['failed']}")
    page.locator("#actions > summary").click()
    page.get_by_role("link", name="Compare with the last good run").click()
    expect(page.get_by_role("heading", name="Compare runs")).to_be_visible()
    expect(page.locator("#sides thead")).to_contain_text("grumpy_turing")
    expect(page.locator("#process-comparison")).to_contain_text("CALLING:CALL")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(AXE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert [(v["id"], v["nodes"][0]["html"][:200]) for v in result["violations"]] == []
