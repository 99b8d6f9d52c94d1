"""An HTTP client, a reader of the API, and waiting with a deadline. Knows API.md, nothing of the project's code."""

import http.client
import json
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from tests.support.progress import wait_for_progress

TIMEOUT = 30.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One connection, kept open; for one thread. `headers` go with every request."""

    def __init__(self, base: str, **headers: str) -> None:
        self.base = base
        self._headers = {"Content-Type": "application/json", "Authorization": "Bearer any", **headers}
        parts = urllib.parse.urlsplit(base)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """`body`: bytes as they are, anything else as JSON. A kept connection that was closed is opened again."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        told = {**self._headers, **headers}
        try:
            return self._request(method, path, raw, told)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self._connection.close()
            return self._request(method, path, raw, told)

    def _request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Reader(Client):
    """A reader of /api/v1."""

    def get(self, path: str) -> Any:
        """The JSON of a 200."""
        answer = self.request("GET", f"/api/v1{path}")
        assert answer.status == 200, f"{path} answered {answer.status}: {answer.body[:300]!r}"
        return answer.json

    def run(self, run: str) -> Any:
        return self.get(f"/runs/{urllib.parse.quote(run, safe='')}")

    def processes(self, run_id: str) -> dict[str, dict[str, Any]]:
        return {p["process"]: p for p in self.get(f"/runs/{run_id}/processes")["processes"]}

    def tasks(self, run_id: str) -> dict[int, dict[str, Any]]:
        return {t["task_id"]: t for t in self.paged(f"/runs/{run_id}/tasks", "tasks")}

    def dead_letters(self) -> list[dict[str, Any]]:
        return list(self.paged("/dead-letters", "dead_letters"))

    def books(self) -> dict[str, Any]:
        books: dict[str, Any] = self.get("/books")
        return books

    def paged(self, path: str, name: str) -> Iterator[dict[str, Any]]:
        """All entries of a list, page by page."""
        token = ""
        while True:
            page = self.get(f"{path}?page_size=500" + (f"&page_token={token}" if token else ""))
            yield from page[name]
            if not page["next_page_token"]:
                return
            token = urllib.parse.quote(page["next_page_token"])


until = wait_for_progress


def imbalance(reader: Reader) -> str:
    """What the books lack to be balanced and at rest, in words; empty if nothing."""
    b = reader.books()
    balanced = (
        b["accepted"] == b["on_log"] + b["spooled"]
        and b["on_log"] == b["projected"] + b["dead_lettered"] + b["lag"]
    )
    return "" if balanced and b["lag"] == 0 and b["spooled"] == 0 else f"books: {b}"
