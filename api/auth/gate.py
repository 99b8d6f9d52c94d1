"""The gate around every route of the api: it recognises who asks.

Whoever is not recognised gets to PUBLIC only, and whoever may not read gets no further either. What a route asks of its caller
beyond that stands in permissions.py.
"""

import math
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth.permissions import SAFE_METHODS, entered, forbidden
from api.auth.sessions import COOKIE, LoginSession, LoginSessions
from api.core.problems import PROBES, Problem, answer, explain
from api.core.request_body import as_json, limited
from api.core.request_context import REQUEST_CONTEXT, RequestContext
from api.html.page import answer_problem
from schemas.access import Act, Caller, How, anybody, may
from schemas.metrics import DENIED
from schemas.settings import Settings
from stores.rates import Rates
from stores.tokens.token_list import TokenList
from stores.tokens.tokens import PREFIX, Rejected, Token, TokenSet, caller, secret_of

#: Paths that need nobody to be known; what lies under /static/ too.
PUBLIC = PROBES | {"/login", "/logout", "/api/v1/openapi.json"}
_STATIC = "/static/"
_API = "/api/"
_NAME_MAX = 200


class Gate:
    """Recognises callers. `token_list` is the list of tokens, `clock` the wall clock in ms, `monotonic` in seconds."""

    def __init__(
        self,
        token_list: TokenList,
        settings: Settings,
        clock: Callable[[], int],
        sessions: LoginSessions,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.token_list, self.settings, self.clock, self.sessions = token_list, settings, clock, sessions
        self.rates, self.monotonic = Rates(settings.rate_per_second), monotonic

    def tokens(self) -> TokenSet:
        """The list of tokens. Raises Problem 503 while none is known."""
        if self.token_list.current is None:
            DENIED.labels("api", "not_ready").inc()
            raise Problem(
                503, "the list of tokens is not known yet: the tables do not answer", {"Retry-After": "5"}
            )
        return self.token_list.current

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
        if tokens.is_open and self.settings.may_be_open:
            return anybody(peer), "open"
        if "authorization" in headers:
            token = tokens.check(secret, self.clock())
            return (caller(token) if isinstance(token, Token) else token), ""
        session = self.login_of(headers)
        if session is None:
            return Rejected.MISSING, ""
        token = tokens.by_login(session.token_id, session.nonce, self.clock())
        return (caller(token, How.COOKIE) if isinstance(token, Token) else token), session.nonce

    def login_of(self, headers: Headers) -> LoginSession | None:
        """The login of the cookie, if that is ours and not too old."""
        return self.sessions.read(_cookie(headers))

    def _person(self, headers: Headers, peer: str) -> str:
        """Whom the proxy names, or ''. From another peer, or said twice, the header says nothing."""
        if not self.settings.proxy_header or not _is_within(peer, self.settings):
            return ""
        names = headers.getlist(self.settings.proxy_header)
        name = names[0].strip() if len(names) == 1 else ""
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
        """Raises Problem 403 for a public name that is not ours: a page could have made it lead to us.

        Only while the tracker is open; addresses and names without a dot cannot be made to.
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
    """ASGI middleware: the gate before the app."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self.app, self.gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            who, seed = self._enter(scope)
        except Problem as problem:
            details, headers = explain(problem)
            response: Response = answer(details, headers)
            if _wants_page(scope):
                unknown = problem.status_code == HTTPStatus.UNAUTHORIZED
                response = _to_login(scope) if unknown else answer_problem(scope, details, headers)
            await response(scope, receive, send)
            return
        scope = entered(scope, who, seed, self.gate.sessions)
        if scope["path"].startswith(_API):
            scope = as_json(scope)
        reset = REQUEST_CONTEXT.set(RequestContext(who, self.gate.sessions.csrf(seed)))
        try:
            await self.app(scope, limited(receive), send)
        finally:
            REQUEST_CONTEXT.reset(reset)

    def _enter(self, scope: Scope) -> tuple[Caller | None, str]:
        """Who comes in. Raises Problem."""
        path, headers = scope["path"], Headers(scope=scope)
        peer = scope["client"][0] if scope.get("client") else ""
        if path.startswith(_STATIC) or path in PROBES:
            return None, ""
        if scope["method"] not in SAFE_METHODS:
            self.gate.refuse_foreign(headers)
        who, seed = self.gate.recognise(headers, peer)
        if not (isinstance(who, Caller) and who.how is How.OPEN):
            self.gate.limit(who.key if isinstance(who, Caller) else f"peer:{peer}")
        if path in PUBLIC:
            return (who if isinstance(who, Caller) else None), seed
        if isinstance(who, Rejected):
            DENIED.labels("api", who).inc()
            raise Problem(401, _WHY[who], {"WWW-Authenticate": 'Bearer realm="run-tracker"'})
        if who.how is How.OPEN:
            self.gate.refuse_strange_host(headers)
        if not may(who, Act.READ):
            raise forbidden(who, Act.READ)
        return who, seed


_WHY: Mapping[Rejected, str] = {
    Rejected.MISSING: "say who you are: log in at /login, or send a token as Authorization: Bearer …",
    Rejected.UNKNOWN: "this token is not known here",
    Rejected.EXPIRED: "this token has expired; ask an admin for another",
    Rejected.REVOKED: "this token was revoked; ask an admin for another",
}


def _wants_page(scope: Scope) -> bool:
    """Whether a person looks: a page is asked for or a form sent, and no token."""
    headers = Headers(scope=scope)
    return (
        not scope["path"].startswith(_API)
        and "authorization" not in headers
        and "text/html" in headers.get("accept", "")
    )


def _to_login(scope: Scope) -> Response:
    """To the login, which leads back to the page; after a form to the page that it stood on."""
    path, query = scope["raw_path"].decode("latin-1"), scope.get("query_string", b"").decode("latin-1")
    if scope["method"] not in SAFE_METHODS:
        page = urlsplit(Headers(scope=scope).get("referer", ""))
        path, query = page.path or "/", page.query
    here = path + (f"?{query}" if query else "")
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


def _host_of(header: str) -> str:
    """The name or address of a Host header, without its port; '' for none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return "not.a.host"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
