"""Tokens are made and revoked. They stand in a table of their own and not on the log, which anybody with a backup can read."""

from api.core.figures import time_of
from api.core.problems import not_found
from api.tokens.models import NewToken, TokenMade, TokenShown
from schemas.access import Role
from schemas.values import iso
from stores.tokens.tokens import Token, TokenTable, make

_DAY_MS = 86_400_000


class FirstToken(ValueError):
    """The first token is not an admin's."""


def make_token(table: TokenTable, new: NewToken, now_ms: int) -> TokenMade:
    """Raises FirstToken. Blocking."""
    if new.role is not Role.ADMIN and not table.read():
        raise FirstToken("make an admin's token first: from the first token on nobody gets in without one")
    expires_ms = None if new.days is None else now_ms + int(new.days * _DAY_MS)
    secret, token = make(new.name, new.owner or new.name, new.role, now_ms, expires_ms)
    table.write(token)
    return TokenMade(**describe(token).model_dump(), secret=secret)


def revoke_token(table: TokenTable, token_id: str, now_ms: int) -> TokenShown:
    """Revoke it for good. Raises Problem 404. Blocking."""
    token = table.revoke(token_id, now_ms)
    if token is None:
        raise not_found("token", token_id)
    return describe(token)


def describe(token: Token) -> TokenShown:
    """Pure. The token without what its secret could be guessed from."""
    return TokenShown(
        **token.model_dump(include={"id", "name", "owner", "role", "last_four"}),
        created_at=iso(token.created_ms),
        expires_at=time_of(token.expires_ms),
        revoked_at=time_of(token.revoked_ms),
    )
