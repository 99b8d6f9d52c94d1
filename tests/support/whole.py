"""The whole tracker in this process, in its own time: requests of runners in, JSON and pages out, nothing waits.

The stages are the real ones: ingest's routes over a local log, the projector, the api on chDB. Only the clock is the
test's, and projection happens when it is asked for.
"""

import asyncio
import gzip
import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from api.app import create_app
from ingest.app import routes
from ingest.owners import RunOwners, reading
from ingest.ticker import Ticker
from projections.consume.setup import projector
from schemas.settings import Settings
from schemas.topics import EVENTS
from stores.log.local import LocalLog
from stores.tables.client import Tables
from stores.tokens.token_list import TokenList
from tests.support.alerts.notifier import Around, UnhurriedLog, rules, tell
from tracker.reread import read_again

CASES = Path(__file__).parents[1] / "data" / "cases"

#: When the recorded cases begin: 2026-11-26T10:00:00Z, in ms.
T0 = 1_795_687_200_000


def case(name: str) -> list[dict[str, Any]]:
    """The requests of the case whose file name begins so."""
    [path] = CASES.glob(f"{name}*.jsonl.gz")
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


class Whole:
    """`now`: the wall clock of all stages and of the log, in ms."""

    def __init__(
        self, tables: Tables, folder: Path, tokens: TokenList | None = None, **settings: Any
    ) -> None:
        self.now = T0
        self.tables = tables
        self.settings = Settings(data=folder, public_url="http://tracker", **settings)
        self.log = LocalLog(folder / "log.sqlite", partitions=1, clock=lambda: self.now)
        self.published: list[tuple[str, str, bytes]] = []
        self._notices = UnhurriedLog(1)
        self._loop = asyncio.new_event_loop()
        self._at = 0
        self.do(self.log.start())
        self.projector = projector(tables, self.settings, self._publish, threading.Event())
        self.projector.assign([0])
        self._ticker = Ticker(self.log, "ingest-0", 5, lambda: self.now)
        owners = RunOwners(reading(tables))
        runners = routes(self.log, self.settings, "ingest-0", lambda: self.now, tokens, owners)
        self.app = create_app(
            *(tables, self.log, self.settings, lambda: self.now),
            extra_routes=runners,
            read_again=read_again(self.settings),
        )
        self.tick()

    def close(self) -> None:
        self.do(self.log.stop())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def do(self, what: Any) -> Any:
        return self._loop.run_until_complete(what)

    def _publish(self, topic: str, messages: Sequence[tuple[str, bytes]]) -> None:
        self.published += [(topic, key, value) for key, value in messages]
        for key, value in messages:
            self._notices.put(topic, value, key, topic=topic)

    def tick(self) -> None:
        """A tick of the one ingest process, and everything is projected."""
        assert self.do(self._ticker.tick())
        self.project()

    def project(self, refresh: bool = True) -> None:
        bounds = self.do(self.log.bounds(EVENTS))[0]
        while self._at < bounds.end:
            records = self.do(self.log.take(EVENTS, {0: self._at}, 1000, 0))
            self.projector.project(records)
            self._at = records[-1].offset + 1
        if refresh:
            self.projector.refresh_all()

    def wait(self, seconds: float, step: float = 5) -> None:
        """Time passes, with a tick each `step` seconds."""
        end, pause = self.now + int(seconds * 1000), int(step * 1000)
        while self.now + pause <= end:
            self.now += pause
            assert self.do(self._ticker.tick())
        self.now = end
        self.tick()

    def alerts(self) -> list[Any]:
        """What a notifier writes that is started now and reads on where the one before stopped, by the API."""
        tell(Around(self._notices, self.tables, rules({"ops": 0}), self.settings, self.now))
        found: list[Any] = self.get("/alerts")["alerts"]
        return found

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://tracker") as client:
                return await client.request(method, path, **options)

        answer: httpx.Response = self.do(ask())
        return answer

    def send(self, requests: Iterable[Mapping[str, Any]], wait: bool = True) -> list[str]:
        """Send the recorded requests, at their times after `now`, and project them; the ids of the runs that were created."""
        ids: list[str] = []
        began = self.now
        for r in requests:
            self.now = max(self.now, began + int(float(r["at"]) * 1000))
            path = str(r["path"]).replace("/trace/x/", f"/trace/{ids[-1]}/" if ids else "/trace/x/")
            answer = self.request(r["method"], path, params=r.get("query"), json=r["body"])
            assert answer.is_success, (r["method"], path, answer.status_code, answer.text)
            if path.endswith("/trace/create"):
                ids.append(answer.json()["workflowId"])
        self.now += 1000
        self.tick()
        return ids

    def get(self, path: str, /, **params: Any) -> Any:
        """The JSON of an answer that must be 200; `path` under /api/v1."""
        answer = self.request("GET", "/api/v1" + path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def page(self, path: str, status: int = 200, **params: Any) -> str:
        """The HTML of a page, whose status must be this."""
        answer = self.request("GET", path, params=params or None)  # {} would take the query out of the path
        assert answer.status_code == status, (answer.status_code, answer.text[:500])
        assert answer.headers["content-type"].startswith("text/html")
        return answer.text

    def run(self, name: str) -> Any:
        return self.get(f"/runs/{quote(name, safe='')}")


@contextmanager
def whole(tables: Tables, folder: Path, tokens: TokenList | None = None, **settings: Any) -> Iterator[Whole]:
    """With `tokens` runners must bring one; people need none."""
    tracker = Whole(tables, folder, tokens, **settings)
    try:
        yield tracker
    finally:
        tracker.close()
