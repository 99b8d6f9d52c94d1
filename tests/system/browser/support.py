"""A real tracker for a real browser: started as users start it, fed with recorded requests of a stock Nextflow."""

import gzip
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx

from tests.support.progress import Patience
from tests.support.services.process import Child, free_port
from tests.support.stacks.stack import COMMAND

TRACES = Path(__file__).parents[2] / "data" / "traces"
#: Finds what hinders people who cannot see or use a mouse.
AXE = (Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js").read_text("utf-8")
DISCONNECTED_SECONDS = 8
STALLED_SECONDS = 3
PRICES = {
    "currency": "USD",
    "rates": [{"per_cpu_hour": "0.04", "per_gib_hour": "0.004"}],
}

#: Says much about who shows it otherwise than as text.
EVIL = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}${7*7}<b>bold</b>"


class Tracker:
    """`tracker up` with short thresholds, and a runner's side to talk to it."""

    def __init__(self, folder: Path, **more: str) -> None:
        """`more`: further settings, such as TRACKER_PORT."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = folder / "data"
        self.roots = folder / "roots"
        self.roots.mkdir()
        prices = folder / "prices.json"
        prices.write_text(json.dumps(PRICES))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")}
        settings = {
            "TRACKER_PORT": str(self.port),
            "TRACKER_DATA": str(self.data),
            "TRACKER_TICK_SECONDS": "1",
            "TRACKER_DISCONNECTED_AFTER_SECONDS": str(DISCONNECTED_SECONDS),
            "TRACKER_STALLED_AFTER_SECONDS": str(STALLED_SECONDS),
            "TRACKER_PRICE_BOOK": str(prices),
            "TRACKER_LOCAL_ROOTS": str(self.roots),
        } | more
        self._child = Child([*COMMAND, "up"], folder / "tracker.log", env=kept | settings)
        self._client = httpx.Client(base_url=self.url, timeout=30)

    def __enter__(self) -> Self:
        self._child.wait_until(self._ready, "tracker up", 60)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._child.terminate(15)

    def _ready(self) -> bool:
        try:
            return self._client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def send(self, method: str, path: str, body: Any) -> Any:
        """A runner's request; its answer."""
        answer = self._client.request(method, path, json=body, headers={"Authorization": "Bearer any"})
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        """An answer of the API."""
        answer = self._client.get("/api/v1" + path)
        answer.raise_for_status()
        return answer.json()

    def there(self, path: str) -> bool:
        """Whether the API knows it."""
        return self._client.get("/api/v1" + path).status_code == 200

    def event(self, type: str, run_id: str, **data: Any) -> None:
        """A native event."""
        self.send("POST", "/v1/events", {"type": type, "run_id": run_id, "data": data})

    def replay(self, trace: str, pause: float = 0.0) -> str:
        """All requests of the trace, in order; the run's id."""
        run_id = ""
        for request in recorded(trace):
            verb = request["path"].rsplit("/", 1)[-1]
            path = "/trace/create" if verb == "create" else f"/trace/{run_id}/{verb}"
            answer = self.send(request["method"], path, request["body"])
            run_id = run_id or answer["workflowId"]
            time.sleep(pause)
        return run_id

    def wait(self, what: str, is_so: Callable[[], bool], seconds: float = 20) -> None:
        """Until it is so."""
        patience = Patience(seconds)
        while not is_so():
            assert patience.left(), f"not yet: {what}"
            time.sleep(0.1)

    def wait_for_run(self, run_id: str, **known: Any) -> None:
        """Until the API tells this of the run."""

        def told() -> bool:
            answer = self._client.get(f"/api/v1/runs/{run_id}")
            return answer.status_code == 200 and known.items() <= answer.json().items()

        self.wait(f"run {run_id} {known}", told)


def recorded(trace: str) -> list[dict[str, Any]]:
    """The requests of a trace."""
    return [
        json.loads(line) for line in gzip.decompress((TRACES / f"{trace}.jsonl.gz").read_bytes()).splitlines()
    ]


def told_at_end(trace: str) -> dict[str, Any]:
    """What the runner said of the run in its last request."""
    workflow: dict[str, Any] = recorded(trace)[-1]["body"]["workflow"]
    return workflow
