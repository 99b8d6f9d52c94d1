"""One tracker and one browser a session; a page that lets nothing pass: no error, no other host, no broken policy."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, expect, sync_playwright

from tests.system.browser.support import EVIL, Tracker

CHROMIUM = "/usr/bin/chromium"
TRACES = ("success", "failed", "resume", "retry", "rich", "killed", "larger")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    with Tracker(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture(scope="session")
def runs(tracker: Tracker) -> dict[str, str]:
    """Ids of the recorded runs, by trace; of `github`, a native run with a repository; of `evil`."""
    ids = {trace: tracker.replay(trace) for trace in TRACES}
    now = time.time_ns() // 1_000_000
    workflow = {
        "name": "amazing_euler",
        "session_id": "s-github",
        "repository": "https://github.com/nf-core/rnaseq",
        "project_name": "nf-core/rnaseq",
        "revision": "3.14.0",
        "commit_id": "b89fac32650aacc86fcda9ee77e00612a1d77066",
        "work_dir": "s3://lab-work/rnaseq",
        "started_at": now - 60_000,
    }
    tracker.event("run.begun", "github", instant=now, workflow=workflow)
    tracker.event("run.completed", "github", instant=now, state="succeeded", completed_at=now)
    texts = dict.fromkeys(
        ("name", "project_name", "script_name", "repository", "revision", "commit_id", "work_dir", "launch_dir", "output_dir",
         "profile", "user_name", "command_line", "config_text"), EVIL,
    )  # fmt: skip
    evil = texts | {
        "session_id": "s-evil",
        "params": {EVIL: EVIL, "nested": {"x": [EVIL]}},
        "started_at": now - 9000,
    }
    tracker.event("run.begun", "evil", instant=now, workflow=evil, process_names=[f"{EVIL}:{EVIL}:{EVIL}"])
    task = {
        "task_id": 1, "status": "failed", "name": EVIL, "process": f"{EVIL}:{EVIL}:{EVIL}", "tag": EVIL, "hash": EVIL, "exit": 1,
        "submitted_at": "2026-11-24T19:01:45Z", "started_at": "2026-11-24T19:01:46Z", "completed_at": "2026-11-24T19:01:49Z",
        "script": EVIL, "workdir": EVIL, "container": EVIL, "native_id": EVIL, "hostname": EVIL, "queue": EVIL, "executor": EVIL,
        "env": EVIL, "machine_type": EVIL,
    }  # fmt: skip
    tracker.event("tasks.changed", "evil", instant=now, tasks=[task])
    tracker.event("run.labelled", "evil", labels=[EVIL])
    tracker.event(
        "run.completed",
        "evil",
        instant=now,
        state="failed",
        completed_at=now,
        error_message=EVIL,
        error_report=EVIL,
    )
    tracker.wait_for_run("evil", status="failed", labels=[EVIL])
    for path in ("notes", "analysis"):
        tracker.send(
            "POST" if path == "notes" else "PUT", f"/api/v1/runs/evil/{path}", {"text": EVIL, "author": EVIL}
        )
    ids |= {"github": "github", "evil": "evil"}
    tracker.wait_for_run(ids["larger"], status="succeeded")
    over = [ids[trace] for trace in TRACES if trace != "killed"]
    tracker.wait(
        "what the runs left was looked at", lambda: all(tracker.get(f"/runs/{i}")["outputs"] for i in over)
    )
    tracker.wait("the note", lambda: bool(tracker.get("/runs/evil/notes")["notes"]))
    tracker.wait("the analysis", lambda: tracker.there("/runs/evil/analysis"))
    return ids


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=15_000)  # the list is asked again every 5 s, and the machine may be busy
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@dataclass
class Faults:
    """What a page did that it must not do. `expected`: parts of faults that a test brings about on purpose."""

    found: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def watch(self, page: Page, home: str) -> None:
        def console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.found.append(f"console: {message.text}")

        def request(asked: Request) -> None:
            if not asked.url.startswith((home, "data:", "blob:")):
                self.found.append(f"another host: {asked.url}")

        def dialog(opened: Dialog) -> None:
            self.found.append(f"dialog: {opened.message}")
            opened.dismiss()

        page.on("console", console)
        page.on("request", request)
        page.on("pageerror", lambda e: self.found.append(f"script: {e}"))
        page.on("dialog", dialog)

    def check(self) -> None:
        assert [f for f in self.found if not any(e in f for e in self.expected)] == []


@pytest.fixture
def faults() -> Iterator[Faults]:
    found = Faults()
    yield found
    found.check()


@pytest.fixture
def page(browser: Browser, tracker: Tracker, faults: Faults) -> Iterator[Page]:
    """A page of its own context, in UTC; addresses are relative to the tracker."""
    context = browser.new_context(
        base_url=tracker.url, timezone_id="UTC", locale="en-GB", viewport={"width": 1280, "height": 900}
    )
    context.set_default_timeout(15_000)
    opened = context.new_page()
    faults.watch(opened, tracker.url)
    yield opened
    context.close()
