"""Asks a tracker that runs, over HTTP: commands do not open the log and the tables beside it."""

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from schemas.settings import Settings
from tracker.client import credentials
from tracker.errors import NotDone

_TIMEOUT_SECONDS = 120.0
#: Settings that say where a tracker is.
_WHERE = frozenset({"public_url", "host", "port"})
URL_HELP = "Address of a running tracker; default: the one of the settings, else of `tracker auth login`."


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would be followed with the token, wherever it leads."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = build_opener(_NoRedirect)


class Refused(NotDone):
    """The tracker answered, but not with a 2xx. `status` is its status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class RunningTracker:
    """A tracker at `url`, or where the settings say, or else where this user has logged in, waited for so many seconds.

    The token is that of the settings, else that of the login, which no other tracker is shown.
    """

    def __init__(self, settings: Settings, url: str = "", timeout: float = _TIMEOUT_SECONDS) -> None:
        self.timeout = timeout
        login = credentials.read()
        where = settings.base_url if login is None or settings.model_fields_set & _WHERE else login.server
        self.url = (url or where).rstrip("/")
        self.token = settings.token.get_secret_value()
        if login and not self.token and self.url == login.server:
            self.token = login.token
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
            with _OPENER.open(Request(address, data, headers, method=method), timeout=self.timeout) as answer:
                return json.loads(answer.read() or b"null")
        except HTTPError as e:
            hint = (
                "; set TRACKER_TOKEN to a token that may do this, or `tracker auth login`"
                if e.code in (401, 403)
                else ""
            )
            if 300 <= e.code < 400:
                hint = f"; it leads to {e.headers.get('Location', '')[:300]}, which is not shown the token: give that address"
            with e:
                detail = _detail(e.read(2000))
            raise Refused(e.code, f"{address} answered {e.code}: {detail}{hint}") from e
        except (OSError, HTTPException) as e:  # also a connection that ends before the answer does
            why = getattr(e, "reason", e)
            raise NotDone(f"{address} does not answer: {why}. Is the tracker running there?") from e
        except ValueError as e:
            raise NotDone(f"{address} does not answer with JSON: is it a tracker?") from e


def _detail(body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace")[:300]
