"""/login and /logout: a person gives a token once, and a signed cookie stands for it afterwards."""

from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api.auth.gate import Gate
from api.auth.permissions import caller_of, refuse_forged
from api.core.request_body import Form
from api.html.page import Page
from api.html.render import render
from schemas.access import Act, may
from schemas.metrics import DENIED
from stores.tables.client import Tables, TablesUnavailable
from stores.tokens.tokens import Rejected, Token, TokenTable, caller


def router(gate: Gate, tables: Tables) -> APIRouter:
    """The two pages."""
    tokens = TokenTable(tables)
    r = APIRouter(route_class=Page, include_in_schema=False)

    @r.get("/login")
    def login_page(request: Request, next: str = "/") -> Response:
        return render("auth/login.html", next=here(next), wrong="", caller=caller_of(request))

    @r.post("/login")
    async def log_in(form: Form) -> Response:
        target = here(form.get("next", "/"))
        token = gate.tokens().check(form.get("token", "").strip(), gate.clock())
        if not isinstance(token, Token):
            DENIED.labels("api", token).inc()
            status = 400 if token is Rejected.MISSING else 401
            return render("auth/login.html", status, next=target, wrong=_WRONG[token], caller=None)
        if not may(caller(token), Act.READ):
            DENIED.labels("api", "forbidden").inc()
            wrong = "This token is a runner's: it may only report. Ask for one to read with."
            return render("auth/login.html", 403, next=target, wrong=wrong, caller=None)
        response = RedirectResponse(target, status_code=303)
        gate.sessions.begin(response, token.id)
        return response

    @r.post("/logout")
    async def log_out(request: Request) -> Response:
        await refuse_forged(request, caller_of(request))
        response: Response = RedirectResponse("/login", status_code=303)
        login = gate.login_of(request.headers)
        try:
            if login:
                await run_in_threadpool(tokens.end_login, login.token_id, login.nonce, gate.clock())
                await run_in_threadpool(gate.token_list.refresh)
        except TablesUnavailable:
            response = render("auth/login.html", 503, next="/", wrong=_STILL_GOOD, caller=None)
        gate.sessions.end(response)
        return response

    return r


def here(target: str) -> str:
    """The path to go on to, if it is one of ours: never another site. Pure."""
    try:
        url = urlsplit(target)
    except ValueError:
        return "/"
    strange = url.scheme or url.netloc or not target.startswith("/") or target.startswith("//")
    if strange or "\\" in target or not target.isprintable() or url.path in ("/login", "/logout"):
        return "/"
    return target


_STILL_GOOD = (
    "You are logged out in this browser. The tables do not answer, so a copy of its cookie, if there is one, "
    "stays good until it expires."
)
_WRONG = {
    Rejected.MISSING: "Give a token.",
    Rejected.UNKNOWN: "This token is not known here.",
    Rejected.EXPIRED: "This token has expired.",
    Rejected.REVOKED: "This token was revoked.",
}
