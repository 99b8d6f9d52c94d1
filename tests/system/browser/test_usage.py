"""Requested against used, in a browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.system.browser.support import AXE


@pytest.mark.parametrize("width", [1366, 390])
def test_one_click_to_what_was_left_unused(page: Page, runs: dict[str, str], width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"/runs/{runs['success']}")
    page.locator("#tab-usage").click()
    row = page.locator("#usage-table tbody tr").first
    expect(row).to_contain_text("MiB")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(AXE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        result = page.evaluate("axe.run('#usage', {resultTypes: ['violations']})")
        assert [(v["id"], v["nodes"][0]["html"][:200]) for v in result["violations"]] == []
