"""From a runner's silence to a receiver's door, on `tracker up` and on one process a stage, with thresholds of seconds."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.support.ingest import trace
from tests.support.progress import Patience
from tests.support.stacks.stack import EmbeddedStack, Stack, shared

PATIENCE = 60.0
SECRET = "sesame"
SETTINGS = {
    "tick_seconds": 0.5,
    "disconnected_after_seconds": 4,
    "stalled_after_seconds": 2,
    "alert_allow_private": "true",
    "alert_secret": SECRET,
}


class Receiver:
    """A webhook that takes everything: `got` are (key, body)s in order."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, Any]]] = []
        got = self.got

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["X-Tracker-Signature"].startswith("sha256=")
                got.append((self.headers["Idempotency-Key"], json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing on the terminal."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def told(self, run_id: str) -> list[str]:
        """`disconnected firing`, … about the run, in order, each key once."""
        seen: dict[str, str] = {}
        for key, body in self.got:
            labels = body["commonLabels"]
            if labels.get("run_id", "") == run_id:
                seen.setdefault(key, f"{labels['alertname'].removeprefix('Run').lower()} {body['status']}")
        return list(seen.values())


class Scene:
    def __init__(self, stack: Stack, receiver: Receiver) -> None:
        self.stack, self.receiver = stack, receiver
        self.only_created = ""

    def send(self, path: str, body: object, method: str = "PUT") -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": "Bearer any"}
        with urlopen(
            Request(self.stack.ingest_urls[0] + path, raw, headers, method=method), timeout=30
        ) as answer:
            return json.loads(answer.read() or b"{}")

    def get(self, path: str) -> Any:
        with urlopen(self.stack.api_url + path, timeout=30) as answer:
            return json.loads(answer.read())

    def play(self, name: str, most: int = 1000) -> str:
        """The first requests of a trace, at once; the run's id."""
        run_id = ""
        for request in trace(name)[:most]:
            verb = request["path"].rsplit("/", 1)[-1]
            path = f"/trace/{run_id}/{verb}" if run_id else "/trace/create"
            answer = self.send(path, request["body"], request["method"])
            run_id = run_id or answer["workflowId"]
        return run_id

    def until(self, ready: Callable[[], bool], what: str) -> None:
        patience = Patience(PATIENCE)
        while not ready():
            assert patience.left(), f"{what}: {self.receiver.got}\n{self.stack.logs()}"
            time.sleep(0.05)

    def until_told(self, run_id: str, *what: str) -> None:
        self.until(lambda: self.receiver.told(run_id) == list(what), f"{run_id} {what}")

    @contextmanager
    def beating(self, run_id: str) -> Iterator[None]:
        """The run's heart beats meanwhile."""
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(0.5):
                self.send(
                    f"/trace/{run_id}/heartbeat", {"progress": {}, "instant": time.time_ns() // 1_000_000}
                )

        thread = threading.Thread(target=beat)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@pytest.fixture(
    scope="module",
    params=["embedded", pytest.param("scaled", marks=[pytest.mark.kafka, pytest.mark.clickhouse])],
)
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    receiver = Receiver()
    settings = {**SETTINGS, "alert_webhook": receiver.url}
    folder = tmp_path_factory.mktemp("alerts")
    make = (
        EmbeddedStack(folder, **settings)
        if request.param == "embedded"
        else shared(request, folder, **settings)
    )
    with make as stack:
        scene = Scene(stack, receiver)
        scene.only_created = scene.play("resume", most=1)  # falls silent while the others play
        yield scene
    receiver.server.shutdown()
    receiver.server.server_close()


def test_a_killed_run_is_told_and_resolved_when_it_is_heard_again(scene: Scene) -> None:
    run_id = scene.play("killed")
    scene.until_told(run_id, "disconnected firing")
    [alert] = scene.get(f"/api/v1/alerts?state=firing&run_id={run_id}")["alerts"]
    assert alert["kind"] == "disconnected" and scene.get(f"/api/v1/runs/{run_id}")["status"] == "disconnected"
    last = [r["body"] for r in trace("killed") if r["path"].endswith("progress")][-1]
    with scene.beating(run_id):
        scene.send(f"/trace/{run_id}/progress", last)
        scene.until_told(run_id, "disconnected firing", "disconnected resolved")
        assert scene.get(f"/api/v1/runs/{run_id}")["status"] == "running"
        scene.until(
            lambda: scene.get(f"/api/v1/alerts?run_id={run_id}")["alerts"][0]["deliveries"][0]["resolved_at"],
            "the delivery is written",
        )
    scene.send(f"/trace/{run_id}/complete", trace("success")[-1]["body"])


def test_a_hung_run_is_stalled_though_its_heart_beats_until_it_completes(scene: Scene) -> None:
    run_id = scene.play("hung")
    with scene.beating(run_id):
        scene.until_told(run_id, "stalled firing")
        scene.send(f"/trace/{run_id}/complete", trace("success")[-1]["body"])
    scene.until_told(run_id, "stalled firing", "stalled resolved")
    assert scene.get(f"/api/v1/runs/{run_id}")["status"] == "succeeded"


def test_a_run_of_which_only_the_create_came(scene: Scene) -> None:
    run_id = scene.only_created
    scene.until_told(run_id, "disconnected firing")
    run = scene.get(f"/api/v1/runs/{run_id}")
    assert run["reported_state"] == "submitted" and run["name"] and run["session_id"]
    scene.send(f"/trace/{run_id}/complete", trace("success")[-1]["body"])
    scene.until_told(run_id, "disconnected firing", "disconnected resolved")


def test_a_failed_run_is_told_and_acknowledging_ends_it(scene: Scene) -> None:
    run_id = scene.play("failed")
    scene.until_told(run_id, "failed firing")
    scene.until(lambda: bool(scene.get(f"/api/v1/alerts?run_id={run_id}")["alerts"]), "the alert is written")
    [alert] = scene.get(f"/api/v1/alerts?run_id={run_id}")["alerts"]
    act = Request(
        f"{scene.stack.api_url}/api/v1/alerts/{alert['id']}/acknowledge", json.dumps({"by": "ada"}).encode()
    )
    with urlopen(act, timeout=30) as answer:
        assert answer.status == 202
    scene.until_told(run_id, "failed firing", "failed resolved")


def test_dead_letters_and_the_watchdog_are_told_and_a_healthy_tracker_is_not_behind(scene: Scene) -> None:
    scene.send("/trace/nobody1/progress", b"no JSON")
    scene.until(lambda: "deadletters firing" in scene.receiver.told(""), "dead letters")
    assert "watchdog firing" in scene.receiver.told("")
    assert not any("behind" in t for t in scene.receiver.told(""))
    books = scene.get("/api/v1/books")
    assert books["balanced"]
