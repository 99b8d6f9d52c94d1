"""A notifier on a real log and real tables, with a receiver that fails as it is told. No test stands here."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from projections.alerts import notifier_state, outbox
from projections.alerts.notifier import Notifier
from projections.alerts.rules import Receiver, Rule, Rules
from projections.project.outage_counts import NO_RUNS, OutageCounts
from projections.project.sweep import Transition
from schemas.settings import Settings
from schemas.topics import TRANSITIONS
from schemas.values import iso
from stores.log.local import LocalLog
from stores.tables.client import Tables
from tests.support.progress import Patience

PATIENCE = 20.0
ANSWERS = {
    "ok": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "500": b"HTTP/1.1 500 Internal Server Error\r\n\r\n",
    "404": b"HTTP/1.1 404 Not Found\r\n\r\n",
    "429": b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\n\r\n",
    "drop": b"",
}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Target:
    """A receiver that answers as its script says, then well. `got`: every (key, status, body) that came; `took`: the keys."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, dict[str, Any]]] = []
        self.took: list[str] = []
        self.script: list[str] = []
        self.port = 0
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            body = json.loads(await reader.readexactly(int(headers["Content-Length"])))
            key = headers["Idempotency-Key"]
            self.got.append((key, body["status"], body))
            answer = self.script.pop(0) if self.script else "ok"
            if answer == "hang":
                await reader.read()  # until the other side gives up
            else:
                if answer == "ok":
                    self.took.append(key)
                writer.write(ANSWERS[answer])
                await writer.drain()
        writer.close()


class Stage:
    """A log, tables, a receiver, and what a projector would tell."""

    def __init__(self, log: LocalLog, tables: Tables, settings: Settings) -> None:
        self.log, self.tables, self.settings = log, tables, settings
        self.target = Target()
        self.offset = 0

    def notifier(self, *more: Receiver) -> Notifier:
        url = SecretStr(f"http://127.0.0.1:{self.target.port}/")
        receivers = {"ops": Receiver(url=url), **{f"more{n}": r for n, r in enumerate(more)}}
        rules = Rules(receivers=receivers, rules=[Rule(receivers=list(receivers))])
        send = outbox.sender(rules, self.settings, now_ms, timeout=2)
        return Notifier(self.log, self.tables, self.settings, rules, now_ms, send)

    async def change(self, run: str, to: str, outage_counts: OutageCounts = NO_RUNS) -> None:
        """A round at which the run's status changes."""
        self.offset += 1
        at = now_ms()
        t = Transition(run, self.offset, 0, at, 0, "running", to, "because")
        await self.log.append(TRANSITIONS, run, TRANSITIONS, t.as_json())
        self.tick(at, outage_counts)

    def insert(self, table: str, *rows: dict[str, Any]) -> None:
        self.tables.insert(table, "\n".join(json.dumps(r) for r in rows).encode())

    def tick(self, at_ms: int, outage_counts: OutageCounts = NO_RUNS) -> None:
        """The one partition of the events is projected up to now."""
        self.offset += 1
        mark = {"partition": 0, "offset": self.offset, "appended_at": iso(at_ms), "round": self.offset}
        self.insert("watermarks", mark | {"tick": {"offset": self.offset, "appended": at_ms}})
        clock = {"partition": 0, "offset": self.offset, "appended_at": iso(at_ms), "clock_ms": 0}
        self.insert("clocks", clock | {"interval_ms": 1000, "processes": {}} | asdict(outage_counts))

    def alerts(self) -> list[dict[str, Any]]:
        return self.tables.rows("SELECT * FROM alerts FINAL ORDER BY since, id")

    async def until(self, ready: Callable[[], bool], what: str = "") -> None:
        patience = Patience(PATIENCE)
        while not ready():
            assert patience.left(), f"{what}: {self.target.took}, {self.alerts()}"
            await asyncio.sleep(0.02)

    async def finished(self) -> None:
        await self.until(
            lambda: bool(self.alerts()) and all(a["finished"] for a in self.alerts()), "finished"
        )


@asynccontextmanager
async def running(notifier: Notifier) -> AsyncIterator[None]:
    task = asyncio.create_task(notifier.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


Scene = Callable[[Stage], Awaitable[None]]
Play = Callable[..., None]


@pytest.fixture
def play(tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Runs a scene on a stage of its own."""
    monkeypatch.setattr(outbox, "_FIRST_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(notifier_state, "_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(notifier_state, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(notifier_state, "_POLL_SECONDS", 0.05)

    def run(scene: Scene, **settings: Any) -> None:
        async def act() -> None:
            log = LocalLog(tmp_path / "log.sqlite", partitions=1)
            await log.start()
            asked = Settings(alert_allow_private=True, **({"alert_watchdog_seconds": 0} | settings))
            stage = Stage(log, tables, asked)
            try:
                await scene(stage)
            finally:
                stage.target.close()
                await log.stop()

        asyncio.run(act())

    return run
