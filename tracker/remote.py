"""Asks a tracker that runs, over HTTP: commands do not open the log and the tables beside it."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from schemas.settings import Settings
from tracker.errors import NotDone

_TIMEOUT_SECONDS = 120.0
URL_HELP = (
    "Address of a running tracker, which may want a token in TRACKER_TOKEN; default: the one of the settings."
)


class Refused(NotDone):
    """The tracker answered, but not with a 2xx. `status` is its status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class RunningTracker:
    """A tracker at `url`, or where the settings say, and the settings' token for it, waited for so many seconds."""

    def __init__(self, settings: Settings, url: str = "", timeout: float = _TIMEOUT_SECONDS) -> None:
        self.timeout = timeout
        self.url = (url or settings.base_url).rstrip("/")
        self.token = settings.token.get_secret_value()
        if not self.url.startswith(("http://", "https://")):
            raise NotDone(f"{url!r} is no address: give one such as http://127.0.0.1:8000")

    def ask(
        self, path: str, method: str = "GET", body: Any = None, more: Mapping[str, str] | None = None
    ) -> Any:
        """The JSON that it answers, asked with `more` headers.

        Raises Refused, and NotDone if it does not answer or is no tracker.
        """
        address = self.url + path
        headers = {"Content-Type": "application/json", **(more or {})}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        try:
            with urlopen(Request(address, data, headers, method=method), timeout=self.timeout) as answer:
                return json.loads(answer.read() or b"null")
        except HTTPError as e:
            hint = "; set TRACKER_TOKEN to a token that may do this" if e.code in (401, 403) else ""
            with e:
                detail = _detail(e.read(2000))
            raise Refused(e.code, f"{address} answered {e.code}: {detail}{hint}") from e
        except (URLError, TimeoutError) as e:
            why = getattr(e, "reason", e)
            raise NotDone(f"{address} does not answer: {why}. Is the tracker running there?") from e
        except ValueError as e:
            raise NotDone(f"{address} does not answer with JSON: is it a tracker?") from e


def _detail(body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace")[:300]
