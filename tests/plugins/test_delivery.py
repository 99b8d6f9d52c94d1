"""Plugins deliver their events from a thread of its own: nothing is lost that the tracker will take, and nobody waits for it."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from snakemake_logger_plugin_runtracker import delivery
from snakemake_logger_plugin_runtracker.delivery import Event, Outbox, Sender
from snakemake_logger_plugin_runtracker.redaction import redacted
from tests.support.progress import wait_for_progress


class Tracker(ThreadingHTTPServer):
    """Answers with the statuses that a test says, then with 200; `taken` are the events of requests that it took."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.taken: list[Event] = []
        self.tokens: set[str | None] = set()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.tokens.add(self.headers["Authorization"])
                status = server.answers.pop(0) if server.answers else 200
                if status == 200:
                    server.taken += body["events"]
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    with Tracker() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_GATHER_SECONDS", 0.01)
    monkeypatch.setattr(delivery, "_LONGEST_PAUSE_SECONDS", 0.01)


def event(kind: str, **data: Any) -> Event:
    return {"type": kind, "run_id": "r", "data": data}


def task(number: int, status: str = "running") -> Event:
    return event("tasks.changed", instant=number, tasks=[{"task_id": number, "status": status}])


def beat() -> Event:
    return event("run.heartbeat", instant=0)


def until(holds: Callable[[], bool]) -> None:
    wait_for_progress("the sender", lambda: [] if holds() else ["not yet"])


def test_of_a_task_the_newest_snapshot_waits_and_the_end_comes_last() -> None:
    box = Outbox()
    box.put(event("run.completed"))
    for put in (task(1), event("run.begun"), task(2), task(1, "succeeded")):
        box.put(put)
    begun, changed, completed = box.take()
    assert begun["type"] == "run.begun" and completed["type"] == "run.completed"
    assert {t["task_id"]: t["status"] for t in changed["data"]["tasks"]} == {1: "succeeded", 2: "running"}
    assert box.take() == [] and len(box) == 0


def test_what_waits_is_bounded_and_what_is_dropped_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "MOST_TASKS", 300)
    monkeypatch.setattr(delivery, "MOST_EVENTS", 5)
    box = Outbox()
    for number in range(400):
        box.put(task(number))
        box.put(beat())
    box.put(task(7, "failed"))  # of a task that waits the newest is kept all the same
    box.put(event("run.completed"))
    assert box.dropped == 100 + 395 and len(box) == 306
    batches = [box.take(), box.take()]
    assert [len(b[-1]["data"].get("tasks", ())) for b in batches] == [200, 0] and batches[1][-1][
        "type"
    ] == "run.completed"
    assert next(t for t in batches[0][-1]["data"]["tasks"] if t["task_id"] == 7)["status"] == "failed"


def test_everything_arrives_over_outages(tracker: Tracker) -> None:
    tracker.answers = [503, 500, 429]
    sender = Sender(tracker.url + "/", "trk_1", beat)
    sender.put(event("run.begun"))
    until(lambda: bool(tracker.taken))
    for number in range(500):
        sender.put(task(number))
    sender.put(event("run.completed"))
    assert sender.close(60) == 0 and not sender.problem
    assert {t["task_id"] for e in tracker.taken for t in e["data"].get("tasks", ())} == set(range(500))
    assert tracker.taken[-1]["type"] == "run.completed" and tracker.tokens == {"Bearer trk_1"}


def test_a_refused_request_is_dropped_alone(tracker: Tracker) -> None:
    tracker.answers = [422]
    sender = Sender(tracker.url, "", beat)
    sender.put(event("run.begun"))
    until(lambda: not tracker.answers)
    sender.put(event("run.completed"))
    assert sender.close(60) == 1 and [e["type"] for e in tracker.taken] == ["run.completed"]


@pytest.mark.parametrize("status", [301, 401, 403, 404])
def test_a_tracker_that_refuses_all_is_not_asked_again(tracker: Tracker, status: int) -> None:
    tracker.answers = [status, status]
    sender = Sender(tracker.url, "old", beat)
    sender.put(event("run.begun"))
    until(lambda: len(tracker.answers) == 1)
    until(lambda: bool(sender.problem))
    sender.put(event("run.completed"))
    assert sender.close(60) == 2 and str(status) in sender.problem
    assert tracker.taken == [] and len(tracker.answers) == 1


def test_a_silent_run_says_that_it_lives(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "HEARTBEAT_SECONDS", 0.05)
    sender = Sender(tracker.url, "", beat)
    sender.put(event("run.begun"))
    until(lambda: [e["type"] for e in tracker.taken].count("run.heartbeat") >= 2)
    assert sender.close(60) == 0


@pytest.mark.parametrize("listens", [True, False])
def test_the_end_has_a_deadline(listens: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sender = Sender(f"http://127.0.0.1:{silent.getsockname()[1] if listens else 9}", "", beat)
        sender.put(task(1))
        sender.put(event("run.completed"))
        assert sender.close(0.3) == 2  # returns, though the tracker never will


def test_nothing_to_tell_starts_nothing() -> None:
    before = threading.active_count()
    assert Sender("http://127.0.0.1:9", "", beat).close(5) == 0 and threading.active_count() == before


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("snakemake -c 4 --config genome=hg38 api_key=hunter2", "snakemake -c 4 --config genome=hg38 api_key=[redacted]"),
        ("snakemake --logger-runtracker-token trk_1 all", "snakemake --logger-runtracker-token [redacted] all"),
        ("snakemake --logger-runtracker-token=trk_1", "snakemake --logger-runtracker-token=[redacted]"),
        ("snakemake --storage s3://u:hunter2@h/x 'a b'", "snakemake --storage s3://[redacted]@h/x 'a b'"),
        ("snakemake --password -c 1", "snakemake --password -c 1"),
        ("snakemake 'unclosed", ""),
    ],
)  # fmt: skip
def test_secrets_do_not_leave_the_machine(command: str, shown: str) -> None:
    assert redacted(command) == shown
