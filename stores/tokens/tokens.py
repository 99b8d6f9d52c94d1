"""Tokens: made, kept as a hash, recognised; the only writer of the tables `tokens` and `ended_logins`."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from schemas.access import Caller, How, Role
from schemas.values import iso
from stores.tables.client import Tables

#: What every token starts with, so that people and scanners of secrets know one when they see it.
PREFIX = "trk_"
_RANDOM_BYTES = 32
#: Longest text that is hashed: nobody is made to hash more by sending more.
_LONGEST = 4096


class Token(BaseModel):
    """A token as it is kept. Times are ms since 1970."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str = Field(description="What it is for")
    owner: str = Field(description="Whose it is; runs that it reports belong to them")
    role: Role
    sha256: str
    last_four: str
    created_ms: int
    expires_ms: int | None = None
    revoked_ms: int | None = None
    ended_logins: tuple[str, ...] = Field((), description="Logins with it that people have ended")


class Rejected(StrEnum):
    """Why a token is not good; also a label of the metrics."""

    MISSING = "missing"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"


def make(name: str, owner: str, role: Role, now_ms: int, expires_ms: int | None = None) -> tuple[str, Token]:
    """A new token: its secret, which is shown once and kept nowhere, and what is kept of it."""
    secret = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    token = Token(
        id=secrets.token_hex(5),
        name=name,
        owner=owner,
        role=role,
        sha256=_hash(secret),
        last_four=secret[-4:],
        created_ms=now_ms,
        expires_ms=expires_ms,
    )
    return secret, token


def secret_of(authorization: str | None) -> str:
    """The token of an Authorization header, '' without one: Bearer, or Basic with the token as password.

    Nextflow sends `@token:TOKEN`; of `TOKEN:`, as `curl -u TOKEN:` sends, the name counts.
    """
    scheme, _, value = (authorization or "")[: 2 * _LONGEST].strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value
    if scheme.lower() != "basic":
        return ""
    try:
        name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return (password or name).strip()


class TokenSet:
    """The tokens at one moment. Immutable."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self.tokens = sorted(tokens, key=lambda t: (t.created_ms, t.id))
        self._by_id = {t.id: t for t in self.tokens}
        self._by_start: dict[str, list[Token]] = {}
        for token in self.tokens:
            self._by_start.setdefault(token.sha256[:16], []).append(token)

    @property
    def is_open(self) -> bool:
        """Whether no token has ever been made. Revoking or outliving the last one opens nothing."""
        return not self.tokens

    def check(self, secret: str, now_ms: int) -> Token | Rejected:
        """The token that this is, if it is good. Hashes are compared in constant time."""
        if not secret:
            return Rejected.MISSING
        digest = _hash(secret[:_LONGEST])
        for token in self._by_start.get(digest[:16], ()):
            if hmac.compare_digest(token.sha256, digest):
                return _valid(token, now_ms)
        return Rejected.UNKNOWN

    def by_id(self, token_id: str, now_ms: int) -> Token | Rejected:
        """The token of this id, if it is good."""
        token = self._by_id.get(token_id)
        return _valid(token, now_ms) if token else Rejected.UNKNOWN

    def by_login(self, token_id: str, login: str, now_ms: int) -> Token | Rejected:
        """The token of this id, if it is good and this login with it has not been ended."""
        token = self.by_id(token_id, now_ms)
        return Rejected.MISSING if isinstance(token, Token) and login in token.ended_logins else token


def caller(token: Token, how: How = How.TOKEN) -> Caller:
    """Who asks with this token."""
    return Caller(token.owner, token.role, how, f"token:{token.id}")


class TokenTable:
    """Reads and writes the table. Blocking. Raises what `Tables` raises."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def read(self) -> list[Token]:
        """All tokens, the revoked and expired too."""
        return [Token(**row) for row in self._tables.rows(_READ)]

    def write(self, token: Token) -> None:
        """Write it, new or changed."""
        row = {
            **token.model_dump(exclude={"created_ms", "expires_ms", "revoked_ms", "ended_logins"}),
            "created_at": iso(token.created_ms),
            "expires_at": None if token.expires_ms is None else iso(token.expires_ms),
            "revoked_at": None if token.revoked_ms is None else iso(token.revoked_ms),
        }
        self._tables.insert("tokens", json.dumps(row).encode())

    def end_login(self, token_id: str, login: str, now_ms: int) -> None:
        """End the login of this name with this token, for good."""
        row = {"token_id": token_id, "login": login, "ended_at": iso(now_ms)}
        self._tables.insert("ended_logins", json.dumps(row).encode())

    def revoke(self, token_id: str, now_ms: int) -> Token | None:
        """Revoke it, for good; the token, or None where there is none of this id."""
        for token in self.read():
            if token.id == token_id:
                if token.revoked_ms is None:
                    token = token.model_copy(update={"revoked_ms": now_ms})
                    self.write(token)
                return token
        return None


def dump(tokens: Sequence[Token]) -> bytes:
    """Tokens as JSON: hashes, no secrets."""
    return json.dumps([t.model_dump(mode="json") for t in tokens]).encode()


def load(text: bytes) -> list[Token]:
    """What `dump` wrote. Raises ValueError."""
    rows = json.loads(text)
    if not isinstance(rows, list):
        raise ValueError("not a list of tokens")
    return [Token.model_validate(row) for row in rows]


_READ = """
SELECT
    id, name, owner, role, sha256, last_four,
    toUnixTimestamp64Milli(created_at) AS created_ms,
    toUnixTimestamp64Milli(expires_at) AS expires_ms,
    toUnixTimestamp64Milli(revoked_at) AS revoked_ms,
    logins AS ended_logins
FROM (SELECT * FROM tokens FINAL) AS tokens
LEFT JOIN
(
    SELECT token_id, groupUniqArray(login) AS logins
    FROM (SELECT token_id, login FROM ended_logins ORDER BY ended_at DESC LIMIT 1000 BY token_id)
    GROUP BY token_id
) AS ended ON ended.token_id = tokens.id
ORDER BY created_at, id
"""


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _valid(token: Token, now_ms: int) -> Token | Rejected:
    if token.revoked_ms is not None:
        return Rejected.REVOKED
    if token.expires_ms is not None and token.expires_ms <= now_ms:
        return Rejected.EXPIRED
    return token
