"""Checks the token of a runner's request, before its body is read; `schemas/access.py` decides what a role may do."""

import math
import time
from collections.abc import Callable

from starlette.requests import Request

from schemas.access import Act, Caller, How, anybody, may
from schemas.metrics import DENIED
from schemas.settings import Settings
from stores.rates import Rates
from stores.tokens.token_list import TokenList
from stores.tokens.tokens import Rejected, Token, caller, secret_of

RETRY_AFTER_SECONDS = "5"


class Refusal(Exception):
    """A request that gets no 2xx and leaves nothing on the log. `outcome` is its label in the metrics."""

    def __init__(self, status: int, outcome: str, message: str, retry_after: str = "") -> None:
        super().__init__(message)
        self.status, self.outcome, self.message = status, outcome, message
        self.headers: dict[str, str] = {}
        if retry_after or status == 503:
            self.headers["Retry-After"] = retry_after or RETRY_AFTER_SECONDS
        if status == 401:
            self.headers["WWW-Authenticate"] = 'Bearer realm="run-tracker"'


class Authenticator:
    """Recognises runners by their tokens. `clock` gives the wall clock in ms, `monotonic` seconds."""

    def __init__(
        self,
        tokens: TokenList,
        settings: Settings,
        clock: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens, self._clock, self._monotonic = tokens, clock, monotonic
        self._rates = Rates(settings.rate_per_second)
        self._may_be_open = settings.may_be_open

    def authenticate(self, request: Request, query: str = "") -> Caller:
        """The caller, who may report. Raises Refusal.

        `query` names a parameter that may bring the token, for runners that can send no header.
        """
        token_set = self._tokens.current
        if token_set is None:
            DENIED.labels("ingest", "not_ready").inc()
            raise Refusal(503, "not_ready", "the list of tokens is not known yet; try again")
        if (
            token_set.is_open and not self._may_be_open
        ):  # behind a proxy, or the tables were lost after the start
            DENIED.labels("ingest", "not_ready").inc()
            raise Refusal(
                503, "not_ready", "no token is known: make one for the runner, or restore the tables"
            )
        if token_set.is_open:
            if "origin" in request.headers:  # runners send none, and a web page has no business here
                raise _denied(403, "foreign", "a web page may not report while no token has been made")
            return anybody(request.client.host if request.client else "")
        secret = secret_of(request.headers.get("authorization"))
        if query and not secret:
            secret = request.query_params.get(query, "")
        token = token_set.check(secret, self._clock())
        if not isinstance(token, Token):
            raise _denied(401, token, _WHY[token])
        who = caller(token, How.TOKEN)
        if not may(who, Act.REPORT):
            raise _denied(
                403, "forbidden", f"a token of a {who.role} may not report; give the runner one of its own"
            )
        return who

    def limit(self, who: Caller) -> None:
        """Raises Refusal 429 if they send too much. Never called for a runner's own dialect, which would lose its batch."""
        if who.how is How.OPEN:
            return
        wait = self._rates.wait(who.key, self._monotonic())
        if wait:
            DENIED.labels("ingest", "rate").inc()
            raise Refusal(429, "rate_limited", "too many requests; send larger batches", str(math.ceil(wait)))


_WHY = {
    Rejected.MISSING: "this tracker wants a token: set TOWER_ACCESS_TOKEN, or send Authorization: Bearer …",
    Rejected.UNKNOWN: "this token is not known here; check TOWER_ACCESS_TOKEN, or ask for another",
    Rejected.EXPIRED: "this token has expired; ask for another",
    Rejected.REVOKED: "this token was revoked; ask for another",
}


def _denied(status: int, reason: str, message: str) -> Refusal:
    DENIED.labels("ingest", reason).inc()
    return Refusal(status, "unauthorised" if status == 401 else "forbidden", message)
