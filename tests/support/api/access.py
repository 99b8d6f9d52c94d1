"""Tokens of every role for tests, and the api behind a gate that knows them."""

import re
from typing import Any

import anyio
import httpx

from api.app import create_app
from api.auth.gate import Gate
from api.auth.sessions import COOKIE, LoginSessions
from api.core import db as reader
from schemas.access import Role
from schemas.settings import Settings
from stores.tables.client import TablesUnavailable
from stores.tokens.tokens import Token, TokenSet, make
from tests.support.api.stage import T0
from tests.support.log import MemoryLog

RUN, OWNER = "run1", "ann"
KEY = "a key for tests alone, of 32 characters and more"


class SomeTokens:
    """For each role a token of the run's owner and one of somebody else. Stands for a `CachedTokenList`."""

    def __init__(self, now_ms: int = T0) -> None:
        self.secrets: dict[tuple[Role, bool], str] = {}
        self.tokens: list[Token] = []
        for role in Role:
            for owns in (False, True):
                secret, token = make("for tests", OWNER if owns else "bob", role, now_ms)
                self.secrets[role, owns] = secret
                self.tokens.append(token)
        self.current: TokenSet | None = TokenSet(self.tokens)

    def refresh(self) -> bool:
        return True

    def secret(self, role: Role, owns: bool = False) -> str:
        return self.secrets[role, owns]

    def token(self, role: Role, owns: bool = False) -> Token:
        found = self.current.check(self.secret(role, owns), T0) if self.current else None
        assert isinstance(found, Token)
        return found

    def change(self, token: Token) -> None:
        """As if another process had written it."""
        self.tokens = [token if t.id == token.id else t for t in self.tokens]
        self.current = TokenSet(self.tokens)

    def headers(self, role: Role, owns: bool = False) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret(role, owns)}"}


class FewTables:
    """Stands for `Tables`: they know the run RUN and whose it is, and are away for every other question."""

    def rows(self, sql: str, /, **parameters: Any) -> list[dict[str, Any]]:
        if sql == reader.sql("runs/run_by_id"):
            return [{"run_id": RUN}]
        if sql in (reader.sql("runs/run_by_name"), reader.sql("notes/note_known")):
            return []
        if sql == reader.sql("runs/run_owner"):
            return [{"name": OWNER}]
        raise TablesUnavailable("away")

    def insert(self, table: str, rows: bytes) -> None:
        """Taken, and never told again."""

    def ping(self) -> bool:
        return True


class Guarded:
    """The api behind a gate with these tokens. `now` is the wall clock (ms), `seconds` the one of rates."""

    def __init__(self, tokens: Any, tables: Any = None, extra: Any = (), **settings: Any) -> None:
        self.now, self.seconds = T0, 0.0
        self.log = MemoryLog()
        self.settings = Settings(**settings)
        self.sessions = LoginSessions(KEY, self.settings.login_hours, secure=False)
        self.gate = Gate(tokens, self.settings, lambda: self.now, self.sessions, lambda: self.seconds)
        given: Any = tables or FewTables()
        self.app = create_app(given, self.log, self.settings, lambda: self.now, extra, self.gate)

    def request(self, method: str, path: str, peer: str = "127.0.0.1", **options: Any) -> httpx.Response:
        """The answer, whatever it is; redirects are not followed."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(peer, 4321))
            async with httpx.AsyncClient(transport=transport, base_url="http://tracker") as client:
                return await client.request(method, path, **options)

        return anyio.run(ask)


def log_in(stage: Guarded, secret: str, **fields: str) -> httpx.Response:
    return stage.request("POST", "/login", data={"token": secret, **fields})


def cookie_of(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 303, response.text
    return {"Cookie": f"{COOKIE}={response.cookies[COOKIE]}"}


def form_token(stage: Guarded, headers: dict[str, str], **options: Any) -> str:
    page = stage.request("GET", "/login", headers=headers, **options)
    [found] = re.findall(r'<meta name="csrf-token" content="([0-9a-f]+)">', page.text)
    return str(found)
