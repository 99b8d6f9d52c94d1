"""Takes the pictures of docs/images: `make screenshots`. A real tracker, the recorded runs, small PNGs.

`python -m tests.system.browser.screenshots FOLDER` takes more into the folder, to be looked at and not kept: every page, very
narrow, very wide, and as people see them who do not tell red from green.
"""

import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.system.browser.conftest import CHROMIUM
from tests.system.browser.support import Tracker

FOLDER = Path(__file__).parents[3] / "docs" / "images"
TRACES = ("success", "failed", "resume", "retry", "rich", "killed", "larger")

#: name, address, width, height, light or dark
PICTURES = (
    ("runs-light", "/", 1280, 620, "light"),
    ("runs-dark", "/", 1280, 620, "dark"),
    ("runs-narrow", "/", 390, 800, "light"),
    ("run-light", "/runs/{resume}", 1280, 900, "light"),
    ("run-dark", "/runs/{killed}", 1280, 900, "dark"),
    ("run-narrow", "/runs/{killed}", 390, 800, "dark"),
    ("error-light", "/runs/{failed}", 1280, 760, "light"),
    ("error-dark", "/runs/{failed}", 1280, 760, "dark"),
    ("error-narrow", "/runs/{failed}", 390, 800, "light"),
    ("timeline-light", "/runs/{retry}#timeline", 1280, 920, "light"),
    ("timeline-dark", "/runs/{larger}#timeline", 1280, 920, "dark"),
    ("timeline-narrow", "/runs/{failed}#timeline", 390, 800, "light"),
    ("config-light", "/runs/{rich}#config", 1280, 900, "light"),
    ("cost-light", "/runs/{retry}#cost", 1280, 720, "light"),
    ("history-light", "/runs/{resume}#history", 1280, 560, "light"),
    ("notes-light", "/runs/{resume}#notes", 1280, 620, "light"),
    ("tasks-light", "/runs/{failed}/tasks?sort=-duration_ms", 1280, 620, "light"),
    ("tasks-narrow", "/runs/{failed}/tasks", 390, 800, "dark"),
    ("task-light", "/runs/{retry}/tasks/25", 1280, 900, "light"),
    ("process-dark", "/runs/{retry}/process?name=VARIANTS:CALLING:CALL", 1280, 900, "dark"),
    ("ops-light", "/ops", 1280, 620, "light"),
)

#: Every kind of page, to be looked at and not kept: on a laptop's screen light and dark, and on a telephone's.
PAGES = {
    "runs": "/", "run": "/runs/{failed}#overview", "error": "/runs/{failed}", "timeline": "/runs/{retry}#timeline",
    "config": "/runs/{rich}#config", "logs": "/runs/{failed}#logs", "cost": "/runs/{retry}#cost", "usage": "/runs/{retry}#usage",
    "history": "/runs/{resume}#history", "actions": "/runs/{resume}#actions", "tasks": "/runs/{failed}/tasks",
    "task": "/runs/{retry}/tasks/25", "process": "/runs/{retry}/process?name=VARIANTS:CALLING:CALL",
    "outputs": "/runs/{success}/outputs", "compare": "/compare?a={resume}&b={success}", "costs": "/costs?started_after=",
    "pipelines": "/pipelines?started_after=", "pipeline": "/pipelines/lab%2Fvariants?started_after=",
    "dashboard": "/dashboard?time=all", "search": "/outputs?search=txt", "ops": "/ops", "missing": "/runs/nobody",
}  # fmt: skip
#: Very narrow, very wide; the last scheme is light, as with deuteranopia.
LOOKED_AT = (
    *(
        (f"{n}-1366-{look}", path, 1366, 1000, look)
        for n, path in PAGES.items()
        for look in ("light", "dark")
    ),
    *((f"{n}-390", path, 390, 1200, "light") for n, path in PAGES.items()),
    ("runs-320", "/", 320, 800, "dark"),
    ("run-320", "/runs/{failed}#overview", 320, 900, "light"),
    ("runs-4k", "/", 3840, 2160, "light"),
    ("timeline-4k", "/runs/{larger}#timeline", 3840, 2160, "light"),
    ("runs-deuteranopia", "/", 1280, 620, "deuteranopia"),
    ("run-deuteranopia", "/runs/{failed}#overview", 1280, 900, "deuteranopia"),
    ("timeline-deuteranopia", "/runs/{failed}#timeline", 1280, 920, "deuteranopia"),
)
#: Milliseconds for what a page fetches later: the machine may be busy.
PATIENCE = 60_000


def main() -> None:
    """Take them all."""
    wanted = [(FOLDER, p) for p in PICTURES]
    if len(sys.argv) > 1:
        wanted += [(Path(sys.argv[1]), p) for p in LOOKED_AT]
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Tracker(Path(folder)) as tracker,
        sync_playwright() as playwright,
    ):
        ids = {trace: tracker.replay(trace) for trace in TRACES}
        note = {
            "text": "S03 failed on **chrUn_42**; the new reference has it. See `refs/2026-11`.",
            "author": "ann",
        }
        tracker.send("POST", f"/api/v1/runs/{ids['resume']}/notes", note)
        for run_id, labels in (
            (ids["resume"], ["cohort-7"]),
            (ids["larger"], ["nightly"]),
            (ids["success"], ["cohort-7"]),
        ):
            tracker.wait_for_run(run_id)
            tracker.send("PUT", f"/api/v1/runs/{run_id}/labels", {"labels": labels})
        tracker.wait_for_run(ids["larger"], status="succeeded", labels=["nightly"])
        tracker.wait_for_run(ids["killed"], status="disconnected")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for to, (name, path, width, height, scheme) in wanted:
            context = browser.new_context(
                base_url=tracker.url,
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
                reduced_motion="reduce",
                timezone_id="UTC",
                locale="en-GB",
            )
            page = context.new_page()
            if scheme == "deuteranopia":
                emulation = context.new_cdp_session(page)
                emulation.send("Emulation.setEmulatedVisionDeficiency", {"type": "deuteranopia"})
            take(page, path.format(**ids), to / f"{name}.png")
            context.close()
        browser.close()


def take(page: Page, path: str, to: Path) -> None:
    """One picture, with few colours: it is text."""
    page.goto(path)
    expect(page.locator(".panel.on[data-unfetched]")).to_have_count(0, timeout=PATIENCE)
    if path.endswith("#timeline"):
        page.locator("#gantt .lane").first.wait_for()
    if path.endswith("#actions"):
        page.locator("#actions > summary").click()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=to)
    with Image.open(to) as picture:
        picture.convert("RGB").quantize(256).save(to, optimize=True)


if __name__ == "__main__":
    main()
