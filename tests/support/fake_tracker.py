"""A tracker that answers what a test says, and commands that ask it. No test stands here."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner, Result

from tracker import cli


class FakeTracker(ThreadingHTTPServer):
    """Answers (method, path) with (status, body), of a redirect where it leads to, and with the end of the connection where
    the status is 0.

    `requests` are those that came, with the token and the query.
    """

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {}
        self.requests: list[tuple[str, str, str, Any]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"null")
                fake.requests.append((self.command, self.path, self.headers["Authorization"] or "", body))
                status, answer = fake.answers.get(
                    (self.command, url.path), (404, {"detail": "no such thing"})
                )
                if not status:
                    self.close_connection = True
                    return
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", answer)
                self.end_headers()
                self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

            do_POST = do_DELETE = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def fake() -> Iterator[FakeTracker]:
    with FakeTracker() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def tracker(*arguments: str, **settings: str) -> Result:
    env = {f"TRACKER_{name.upper()}": value for name, value in settings.items()}
    return CliRunner(env=env).invoke(cli.app, list(arguments))
