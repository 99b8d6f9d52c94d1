"""What the tests of ingest share: the traces, and reading back what was appended."""

import asyncio
import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from ingest.app import create_app
from schemas import wire
from schemas.events import Event
from schemas.settings import Settings
from tests.support.log import NOW, MemoryLog

TRACES = Path(__file__).parents[1] / "data" / "traces"
TOWER_TRACES = sorted(p for p in TRACES.glob("*.jsonl.gz") if "weblog" not in p.name)
WEBLOG_TRACES = sorted(TRACES.glob("*.weblog.jsonl.gz"))


def trace(name: str | Path) -> list[dict[str, Any]]:
    """The requests of a trace, in order: method, path, query, headers, body."""
    path = name if isinstance(name, Path) else TRACES / f"{name}.jsonl.gz"
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


class Edge:
    """Ingest over a MemoryLog, spoken to over ASGI."""

    def __init__(self, **settings: Any) -> None:
        self.log = MemoryLog()
        self.settings = Settings(public_url="https://tracker.example.org", **settings)
        self.app = create_app(self.log, self.settings, "ingest-1", lambda: NOW)

    def request(self, method: str, path: str, **what: Any) -> httpx.Response:
        """The answer, whatever it is."""
        return call(self.app, method, path, **what)

    def send(self, method: str, path: str, body: object = None) -> Any:
        """The answer's JSON. Bytes go as they are, all else as JSON. The answer must be a 2xx."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.request(method, path, content=content)
        assert answer.is_success, (answer.status_code, answer.text)
        return answer.json()

    def create(self, **body: object) -> str:
        """The id of a new run."""
        told = {"sessionId": "s", "runName": "n", "instant": NOW, "workflowId": None} | body
        return str(self.send("POST", "/trace/create", told)["workflowId"])

    @property
    def events(self) -> list[tuple[Event, list[dict[str, Any]]]]:
        """What is on the log, decoded as the projector does."""
        return [decoded(r.value) for r in self.log.records]

    @property
    def last(self) -> tuple[Any, list[dict[str, Any]]]:
        return self.events[-1]


def call(app: Starlette, method: str, path: str, **what: Any) -> httpx.Response:
    """One request to the app, which raises what it raises."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as client:
            return await client.request(method, path, **what)

    return asyncio.run(send())


def decoded(message: bytes) -> tuple[Event, list[dict[str, Any]]]:
    event, rows = wire.decode(message)
    return event, json.loads(b"[" + rows + b"]")


def dead_letter(event: Any) -> bytes:
    """The bytes that an unreadable request was kept as."""
    assert event.type == "request.unreadable", event
    return base64.b64decode(event.data.raw)


def aside(event: Any) -> Iterator[tuple[str, str]]:
    """(part, reason) of what was set aside."""
    return ((s.part, s.reason) for s in event.data.set_aside)
