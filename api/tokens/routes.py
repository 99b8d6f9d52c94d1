"""Tokens under /api/v1: made, listed, revoked. By admins; and while none is made, by whoever is on this machine."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.auth.gate import Gate, allow
from api.core.db import Reader
from api.core.figures import time_of
from api.core.models import Time
from api.core.problems import Problem, not_found, responses
from api.core.request_body import described, read_json
from schemas.access import Act, Role
from schemas.events import iso
from stores.tokens.tokens import Token, TokenTable, make

_DAY_MS = 86_400_000

TokenId = Annotated[str, Path(pattern=r"^[0-9a-f]{1,32}$")]


class TokenShown(BaseModel):
    """A token without its secret, of which only the last four characters are known."""

    id: str
    name: str
    owner: str
    role: Role
    last_four: str
    created_at: Time
    expires_at: Time | None
    revoked_at: Time | None


class TokenMade(TokenShown):
    """A new token. The secret is told this once."""

    secret: str


class TokenList(BaseModel):
    """All tokens, oldest first."""

    tokens: list[TokenShown]


class TokenWanted(BaseModel):
    """What to make."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(
        min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$", description="What it is for"
    )
    owner: str = Field(
        "", max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$", description="Whose it is; the name, if left out"
    )
    role: Role = Role.RUNNER
    days: float | None = Field(None, gt=0, le=36_500, description="It expires after so many days; else never")


def router(reader: Reader, gate: Gate) -> APIRouter:
    """All routes."""
    r = APIRouter(
        prefix="/api/v1",
        tags=["tokens"],
        responses=responses(400, 401, 403),
        dependencies=[allow(Act.TOKENS)],
    )
    table = TokenTable(reader.tables)

    @r.get("/tokens")
    def list_tokens() -> TokenList:
        """All tokens, the expired and revoked too."""
        return TokenList(tokens=[shown(t) for t in table.read()])

    @r.post(
        "/tokens",
        status_code=201,
        responses=responses(413),
        openapi_extra=described(TokenWanted, required=True),
    )
    async def make_token(request: Request) -> TokenMade:
        """Make a token. Its secret is in this answer and nowhere else. The first must be an admin's."""
        wanted = await read_json(request, TokenWanted)
        return await run_in_threadpool(make_and_know, wanted)

    def make_and_know(wanted: TokenWanted) -> TokenMade:
        try:
            token = made(table, wanted, gate.clock())
        except FirstToken as e:
            raise Problem(409, str(e)) from e
        gate.known.refresh()
        return token

    @r.delete("/tokens/{token_id}", responses=responses(404))
    def revoke_token(token_id: TokenId) -> TokenShown:
        """Revoke a token, for good. Other processes know within TRACKER_TOKENS_SECONDS."""
        token = table.revoke(token_id, gate.clock())
        if token is None:
            raise not_found("token", token_id)
        gate.known.refresh()
        return shown(token)

    return r


class FirstToken(ValueError):
    """The first token is not an admin's."""


def made(table: TokenTable, wanted: TokenWanted, now_ms: int) -> TokenMade:
    """Make it. Raises FirstToken. Blocking."""
    if wanted.role is not Role.ADMIN and not table.read():
        raise FirstToken("make an admin's token first: from the first token on nobody gets in without one")
    expires_ms = None if wanted.days is None else now_ms + int(wanted.days * _DAY_MS)
    secret, token = make(wanted.name, wanted.owner or wanted.name, wanted.role, now_ms, expires_ms)
    table.write(token)
    return TokenMade(**shown(token).model_dump(), secret=secret)


def shown(token: Token) -> TokenShown:
    """For people. Pure."""
    return TokenShown(
        **token.model_dump(include={"id", "name", "owner", "role", "last_four"}),
        created_at=iso(token.created_ms),
        expires_at=time_of(token.expires_ms),
        revoked_at=time_of(token.revoked_ms),
    )
