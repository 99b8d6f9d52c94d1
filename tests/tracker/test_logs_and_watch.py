"""`tracker logs` prints and follows files that grow; `tracker watch` draws a run until it is over."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tests.support.fake_tracker import FakeTracker, tracker
from tracker.client.following import FileEnd, follow, news
from tracker.client.remote import Refused
from tracker.commands.runs.watch import picture
from tracker.errors import NotDone

LOG = {
    "path": "/data/.nextflow.log",
    "bytes": 12,
    "text": "hello\tworld\n",
    "truncated": False,
    "message": None,
}
RUN: dict[str, Any] = {
    "id": "r1", "name": "nightly\x1b[31m", "pipeline": "lab/flow", "status": "running", "duration_ms": 3_725_000,
    "tasks": {"succeeded": 1, "cached": 1, "failed": 1, "running": 1, "total": 5},
}  # fmt: skip
PROCESS = {
    "label": "CALL",
    "pending": 1,
    **dict.fromkeys(("submitted", "running", "succeeded", "cached", "failed", "aborted"), 1),
}
TASK = {"name": "CALL (S03)", "attempt": 2, "exit": 3}


def test_the_runners_log(fake: FakeTracker) -> None:
    fake.answers["GET", "/api/v1/runs/nightly/log"] = 200, LOG
    result = tracker("logs", "nightly", "--url", fake.url)
    assert (
        result.exit_code == 0
        and "hello   world\n" in result.output
        and "==> /data/.nextflow.log <==" in result.output
    )
    assert json.loads(tracker("logs", "nightly", "--json", "--url", fake.url).output) == LOG


def test_what_a_task_printed(fake: FakeTracker) -> None:
    files = [
        {"name": n, "path": f"/w/{n}", "bytes": 4, "text": f"{n}\n", "truncated": False}
        for n in ("err", "out")
    ]
    fake.answers["GET", "/api/v1/runs/n/tasks/7/log"] = 200, {"files": files, "message": None}
    result = tracker("logs", "n", "--task", "7", "--url", fake.url)
    assert result.exit_code == 0 and result.output.index("err\n") < result.output.index("out\n")


def test_why_there_is_no_log(fake: FakeTracker) -> None:
    fake.answers["GET", "/api/v1/runs/n/log"] = (
        200,
        LOG | {"path": None, "bytes": None, "text": None, "message": "it is gone"},
    )
    result = tracker("logs", "n", "--url", fake.url)
    assert result.exit_code == 1 and "it is gone" in result.output


class Growing:
    """A file that grows by a part at each look; the API gives its last `most` bytes. Then the run is over."""

    def __init__(self, parts: list[str | Exception], most: int = 10**6) -> None:
        self.parts, self.most, self.written, self.at = parts, most, b"", 0

    def ask(self) -> list[FileEnd]:
        part = self.parts[self.at]
        self.at += 1
        if isinstance(part, Exception):
            raise part
        self.written += part.encode()
        end = self.written[max(0, len(self.written) - self.most) :].decode("utf-8", "replace")
        return [FileEnd("log", len(self.written), end)]

    def follow(self, pause: Callable[[float], None] = lambda _: None) -> list[str]:
        return [f.text for f in follow(self.ask, lambda: self.at >= len(self.parts) - 1, pause)]


@given(st.lists(st.text(alphabet="ab\n", max_size=5), min_size=1, max_size=10))
def test_all_of_a_growing_file_is_printed_once(parts: list[str]) -> None:
    assert "".join(Growing(list(parts)).follow()) == "".join(parts)


def test_a_tracker_that_is_away_is_waited_for() -> None:
    away = [NotDone("no answer"), Refused(503, "soon")]
    assert Growing(["a", away[0], "b", away[1], "c"]).follow() == ["a", "b", "c"]
    with pytest.raises(Refused):
        Growing(["a", Refused(404, "no such run"), "b"]).follow()


def test_a_file_that_outgrows_the_answer_or_begins_anew() -> None:
    assert Growing(["abc", "defghijkl"], most=4).follow() == ["abc", "ijkl"]
    seen = {"log": 100}
    assert [f.text for f in news(seen, [FileEnd("log", 3, "new")])] == ["new"] and seen == {"log": 3}


def test_what_is_drawn_of_a_run() -> None:
    console = Console(width=100, record=True, force_terminal=False)
    console.print(picture(RUN, [PROCESS] * 25, [TASK]))
    drawn = console.export_text()
    for shown in ("lab/flow", "running", "1:02:05", "3 of 5 tasks", "CALL", "and 5 more processes", "exit 3"):
        assert shown in drawn
    assert "\x1b[31m" not in drawn and "\\x1b" in drawn


def test_watching_ends_with_the_run(fake: FakeTracker) -> None:
    fake.answers["GET", "/api/v1/runs/nightly"] = 200, RUN | {"status": "failed"}
    fake.answers["GET", "/api/v1/runs/r1/processes"] = 200, {"processes": [PROCESS]}
    fake.answers["GET", "/api/v1/runs/r1/tasks"] = 200, {"tasks": [TASK]}
    result = tracker("watch", "nightly", "--url", fake.url)
    assert result.exit_code == 1 and "CALL (S03), attempt 2, exit 3" in result.output
