"""Asks a tracker that runs, over HTTP: for commands that may not open the log and tables beside it."""

import json
import os
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

_TIMEOUT_SECONDS = 120
#: Where commands find the token that they show to a tracker that wants one.
TOKEN_VARIABLE = "TRACKER_TOKEN"


class Refused(ValueError):
    """The tracker answered, but not with a 2xx. `status` is its status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def ask(url: str, path: str, method: str = "GET", body: dict[str, Any] | None = None) -> bytes:
    """The body of the answer. Raises Refused, and ValueError for an address that is none or does not answer."""
    address = url.rstrip("/") + path
    if not address.startswith(("http://", "https://")):
        raise ValueError(f"{url!r} is no address: give one such as http://127.0.0.1:8000")
    headers = {"Content-Type": "application/json"}
    if token := os.environ.get(TOKEN_VARIABLE):
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(address, data, headers, method=method), timeout=_TIMEOUT_SECONDS) as answer:
            found: bytes = answer.read()
            return found
    except HTTPError as e:
        hint = f"; set {TOKEN_VARIABLE}" if e.code in (401, 403) else ""
        raise Refused(e.code, f"{address} answered {e.code}: {_detail(e.read(2000))}{hint}") from e
    except (URLError, TimeoutError) as e:
        raise ValueError(f"{address} does not answer: {e}. Is the tracker running there?") from e


def _detail(body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace")[:300]
