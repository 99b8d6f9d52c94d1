"""Tokens under /api/v1: made, listed, revoked, by admins. The first is made by the command line."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from api.auth.gate import Gate
from api.auth.permissions import allow, caller_of
from api.auth.sessions import PROOF_HEADER
from api.core.db import Reader
from api.core.problems import Problem, responses
from api.tokens import commands
from api.tokens.models import NewToken, TokenList, TokenMade, TokenShown
from schemas.access import Act, How
from stores.tokens.tokens import TokenTable

TokenId = Annotated[str, Path(pattern=r"^[0-9a-f]{1,32}$")]


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
        return TokenList(tokens=[commands.describe(t) for t in table.read()])

    @r.post("/tokens", status_code=201, responses=responses(413))
    def make_token(new: NewToken, request: Request) -> TokenMade:
        """Make a token. Its secret is in this answer and nowhere else. The first is an admin's, by `tracker token create`."""
        caller, proof = caller_of(request), request.headers.get(PROOF_HEADER, "")
        if caller and caller.how is How.OPEN and not gate.sessions.is_command_line(proof):
            raise Problem(
                403, "make the first token at the command line: tracker token create NAME --role admin"
            )
        try:
            made = commands.make_token(table, new, gate.clock())
        except commands.FirstToken as e:
            raise Problem(409, str(e)) from e
        gate.token_list.refresh()
        return made

    @r.delete("/tokens/{token_id}", responses=responses(404))
    def revoke_token(token_id: TokenId) -> TokenShown:
        """Revoke a token, for good. Other processes know within TRACKER_TOKENS_SECONDS."""
        revoked = commands.revoke_token(table, token_id, gate.clock())
        gate.token_list.refresh()
        return revoked

    return r
