"""Who asks, and whether they may: around every route of the api. What may be done by whom stands in `schemas/access.py`.

Whoever is not recognised gets to PUBLIC only, and whoever may not read gets no further either. A route that does more than
read says so with one dependency: `dependencies=[allow(Act.OPERATE)]`, or `who: Annotated[Caller, allow(Act.CHANGE_RUN)]`
where it wants to know who. `tests/api/auth/test_access_matrix.py` fails for a route that it does not know.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth.request_context import SEEN, Seen
from api.auth.sessions import COOKIE, CSRF_FIELD, CSRF_HEADER, Sessions
from api.core.problems import Problem, answer, explain
from api.core.request_body import form_fields, read_body
from schemas.access import Act, Caller, How, anybody, may
from schemas.metrics import DENIED
from schemas.settings import Settings
from stores.rates import Rates
from stores.tokens.token_list import TokenList
from stores.tokens.tokens import PREFIX, Rejected, Token, TokenSet, caller, secret_of

#: Paths that need nobody to be known; what lies under /static/ too.
PUBLIC = frozenset({"/livez", "/readyz", "/metrics", "/login", "/logout", "/api/v1/openapi.json"})
_STATIC = "/static/"
_UNLIMITED = frozenset({"/livez", "/readyz", "/metrics"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

#: The largest form (bytes) that is read to find its token.
_FORM_MAX = 1_000_000
_NAME_MAX = 200

_CALLER, _GATE, _SEED = "tracker.caller", "tracker.gate", "tracker.csrf_seed"


class Gate:
    """Recognises callers. `known` is the list of tokens, `clock` the wall clock in ms, `monotonic` in seconds."""

    def __init__(
        self,
        known: TokenList,
        settings: Settings,
        clock: Callable[[], int],
        sessions: Sessions,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.known, self.settings, self.clock, self.sessions = known, settings, clock, sessions
        self.rates, self.monotonic = Rates(settings.rate_per_second), monotonic

    def tokens(self) -> TokenSet:
        """The list of tokens. Raises Problem 503 while none is known."""
        if self.known.current is None:
            DENIED.labels("api", "not_ready").inc()
            raise Problem(
                503, "the list of tokens is not known yet: the tables do not answer", {"Retry-After": "5"}
            )
        return self.known.current

    def recognise(self, headers: Headers, peer: str) -> tuple[Caller | Rejected, str]:
        """Who asks, or why nobody is known; and the seed of their forms' token. Raises Problem 503.

        A token that is one of ours goes first. Proxies send an Authorization of their own, so then it is what the proxy says,
        then whatever Authorization there is, then a cookie.
        """
        secret = secret_of(headers.get("authorization"))
        if not secret.startswith(PREFIX) and (person := self._person(headers, peer)):
            role = self.settings.proxy_role_of(person)
            return Caller(person, role, How.PROXY, f"proxy:{person}"), f"proxy:{person}"
        tokens = self.tokens()
        if tokens.is_open and self.settings.may_be_open and not self.settings.proxy_header:
            return anybody(peer), "open"
        if "authorization" in headers:
            found = tokens.check(secret, self.clock())
            return (caller(found) if isinstance(found, Token) else found), ""
        session = self.sessions.read(_cookie(headers))
        if session is None:
            return Rejected.MISSING, ""
        found = tokens.by_id(session.token_id, self.clock())
        return (caller(found, How.COOKIE) if isinstance(found, Token) else found), session.nonce

    def _person(self, headers: Headers, peer: str) -> str:
        """Whom the proxy names, or ''. From another peer, or said twice, the header says nothing."""
        if not self.settings.proxy_header or not _is_within(peer, self.settings):
            return ""
        told = headers.getlist(self.settings.proxy_header)
        name = told[0].strip() if len(told) == 1 else ""
        return name if len(name) <= _NAME_MAX and name.isprintable() else ""

    def refuse_foreign(self, headers: Headers) -> None:
        """Raises Problem 403 if a page of another site makes a browser ask this."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None:
            foreign = site not in ("same-origin", "none")
        else:
            foreign = origin is not None and origin.partition("://")[2] != headers.get("host", "")
        if foreign:
            DENIED.labels("api", "foreign").inc()
            raise Problem(403, "a page of another site may not write here")

    def refuse_strange_host(self, headers: Headers) -> None:
        """Raises Problem 403 for a public name that is not ours: a page could have made it lead to this machine.

        Only while the tracker is open on loopback; addresses and names without a dot cannot be made to.
        """
        host = _host_of(headers.get("host", ""))
        ours = urlsplit(self.settings.base_url).hostname
        if "." not in host or host == ours or host.endswith(".localhost") or _is_address(host):
            return
        DENIED.labels("api", "foreign").inc()
        raise Problem(
            403, "set TRACKER_PUBLIC_URL to the address by which people reach the tracker, or make a token"
        )

    def limit(self, key: str) -> None:
        """Raises Problem 429 if this caller asks too much."""
        wait = self.rates.wait(key, self.monotonic())
        if wait:
            DENIED.labels("api", "rate").inc()
            raise Problem(429, "too many requests; ask less often", {"Retry-After": str(math.ceil(wait))})


class Guarded:
    """ASGI middleware: the gate before the app. `reported` are routes of runners, which ingest guards itself."""

    def __init__(self, app: ASGIApp, gate: Gate, reported: Sequence[BaseRoute]) -> None:
        self.app, self.gate, self.reported = app, gate, reported

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_reported(scope):
            await self.app(scope, receive, send)
            return
        try:
            who, seed = self._enter(scope)
        except Problem as problem:
            details, headers = explain(problem)
            wants_page = problem.status == HTTPStatus.UNAUTHORIZED and _wants_page(scope)
            response: Response = _to_login(scope) if wants_page else answer(details, headers)
            await response(scope, receive, send)
            return
        scope = {**scope, _CALLER: who, _GATE: self.gate, _SEED: seed}
        reset = SEEN.set(Seen(who, self.gate.sessions.csrf(seed)))
        try:
            await self.app(scope, receive, send)
        finally:
            SEEN.reset(reset)

    def _is_reported(self, scope: Scope) -> bool:
        """Whole matches only: with another method the same path may be one of the api's own."""
        return any(route.matches(scope)[0] is Match.FULL for route in self.reported)

    def _enter(self, scope: Scope) -> tuple[Caller | None, str]:
        """Who comes in. Raises Problem."""
        path, headers = scope["path"], Headers(scope=scope)
        peer = scope["client"][0] if scope.get("client") else ""
        if path.startswith(_STATIC) or path in _UNLIMITED:
            return None, ""
        if scope["method"] not in _SAFE_METHODS:
            self.gate.refuse_foreign(headers)
        who, seed = self.gate.recognise(headers, peer)
        if not (isinstance(who, Caller) and who.how is How.OPEN):
            self.gate.limit(who.key if isinstance(who, Caller) else f"peer:{peer}")
        if path in PUBLIC:
            return (who if isinstance(who, Caller) else None), seed
        if isinstance(who, Rejected):
            DENIED.labels("api", who).inc()
            raise Problem(401, _WHY[who], {"WWW-Authenticate": 'Bearer realm="run-tracker"'})
        if who.how is How.OPEN and self.gate.settings.on_loopback:
            self.gate.refuse_strange_host(headers)
        if not may(who, Act.READ):
            raise forbidden(who, Act.READ)
        return who, seed


def allow(act: Act) -> Any:
    """Dependency of a route: Problem 403 unless the caller may do this (to the run `ref` of the path, if there is one)."""

    async def check(request: Request) -> Caller:
        who: Caller | None = request.scope.get(_CALLER)
        owner = None
        if who is not None and not may(who, act) and may(who, act, who.name) and "ref" in request.path_params:
            owner = await run_in_threadpool(_owner_of(request), request.path_params["ref"])
        if who is None or not may(who, act, owner):
            raise forbidden(who, act)
        await refuse_forged(request, who)
        return who

    return Depends(check)


async def refuse_forged(request: Request, who: Caller | None) -> None:
    """Raises Problem 403 if a browser sent who it is by itself, and neither header nor form has the page's token."""
    if who is None or not who.by_browser or request.method in _SAFE_METHODS:
        return
    gate: Gate = request.scope[_GATE]
    told = request.headers.get(CSRF_HEADER) or await _form_token(request)
    if not gate.sessions.is_csrf(request.scope[_SEED], told):
        DENIED.labels("api", "foreign").inc()
        raise Problem(
            403, "this form is not from a page of yours, or you have logged in anew: load the page again"
        )


def caller_of(request: Request) -> Caller | None:
    """Who asks, on a public page too."""
    return cast("Caller | None", request.scope.get(_CALLER))


def forbidden(who: Caller | None, act: Act) -> Problem:
    """403, counted. Says what the role is, and not whose run it is."""
    DENIED.labels("api", "forbidden").inc()
    role = who.role if who else "nobody"
    return Problem(403, f"{role} may not do this ({act.replace('_', ' ')}); ask an admin for another token")


def bind_owner(state: Any, owner_of: Callable[[str], str | None]) -> None:
    """Tell the app's state how a run's owner is found; blocking, raises Problem 404."""
    state.owner_of = owner_of


def _owner_of(request: Request) -> Callable[[str], str | None]:
    return cast(Callable[[str], "str | None"], request.app.state.owner_of)


async def _form_token(request: Request) -> str:
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return ""
    body = await read_body(request, _FORM_MAX, "a form")
    try:
        return form_fields(body).get(CSRF_FIELD, "")
    except Problem:  # what cannot be read holds no token either, and is answered 403
        return ""


_WHY: Mapping[Rejected, str] = {
    Rejected.MISSING: "say who you are: log in at /login, or send a token as Authorization: Bearer …",
    Rejected.UNKNOWN: "this token is not known here",
    Rejected.EXPIRED: "this token has expired; ask an admin for another",
    Rejected.REVOKED: "this token was revoked; ask an admin for another",
}


def _wants_page(scope: Scope) -> bool:
    """Whether a person looks: a page is asked for, and no token was sent."""
    headers = Headers(scope=scope)
    is_page = scope["method"] in ("GET", "HEAD") and not scope["path"].startswith("/api/")
    return is_page and "authorization" not in headers and "text/html" in headers.get("accept", "")


def _to_login(scope: Scope) -> Response:
    query = scope.get("query_string", b"").decode("latin-1")
    here = scope["path"] + (f"?{query}" if query else "")
    return RedirectResponse(f"/login?next={quote(here, safe='')}", status_code=303)


def _cookie(headers: Headers) -> str:
    return cookie_parser(headers.get("cookie", "")[:8192]).get(COOKIE, "")


def _is_within(peer: str, settings: Settings) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in settings.proxy_networks)


def _host_of(told: str) -> str:
    """The name or address of a Host header, without its port; '' for none."""
    try:
        return urlsplit(f"//{told}").hostname or ""
    except ValueError:
        return "not.a.host"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
