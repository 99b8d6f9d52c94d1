"""What a route lets its caller do. Who may do what stands in `schemas/access.py`; who asks, the gate has found out.

A route that does more than read says so with one dependency: `allow(Act.OPERATE)`, or `allow_on_run(Act.CHANGE_RUN)` for an act
on the run of its path. `tests/api/auth/test_access_matrix.py` fails for a route that it does not know.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import State
from starlette.types import Scope

from api.auth.sessions import LoginSessions
from api.core.params import Ref
from api.core.problems import Problem
from api.core.request_body import form_fields
from api.core.request_context import CSRF_FIELD, CSRF_HEADER
from schemas.access import Act, Caller, may
from schemas.metrics import DENIED

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_CALLER, _SESSIONS, _CSRF_SEED = "tracker.caller", "tracker.sessions", "tracker.csrf_seed"


@dataclass(frozen=True, slots=True)
class Authorized:
    """A caller who may do the route's act to this run.

    The act takes the run's id from here and never resolves the name again, which may mean another run a moment later.
    """

    caller: Caller
    run_id: str


def entered(scope: Scope, caller: Caller | None, csrf_seed: str, sessions: LoginSessions) -> Scope:
    """The scope of a request that the gate lets in, for the functions of this file."""
    return {**scope, _CALLER: caller, _SESSIONS: sessions, _CSRF_SEED: csrf_seed}


def caller_of(request: Request) -> Caller | None:
    """Who asks, on a public page too."""
    return cast("Caller | None", request.scope.get(_CALLER))


def allow(act: Act) -> Any:
    """Dependency of a route, gives the Caller. Problem 403 unless they may do this."""

    async def check(request: Request) -> Caller:
        caller = caller_of(request)
        if caller is None or not may(caller, act):
            raise forbidden(caller, act)
        await refuse_forged(request, caller)
        return caller

    return Depends(check)


def allow_on_run(act: Act) -> Any:
    """Dependency of a route with `ref` in its path, gives Authorized. Problem 403 unless they may do this to the run; 404."""

    async def check(request: Request, ref: Ref) -> Authorized:
        caller = caller_of(request)
        if caller is None or not may(caller, act, caller.name):  # not even to a run of their own
            raise forbidden(caller, act)
        await refuse_forged(request, caller)
        runs: _Runs = request.app.state.runs
        run_id = await run_in_threadpool(runs.resolve, ref)
        if not may(caller, act) and not may(caller, act, await run_in_threadpool(runs.owner, run_id)):
            raise forbidden(caller, act)
        return Authorized(caller, run_id)

    return Depends(check)


@dataclass(frozen=True, slots=True)
class _Runs:
    resolve: Callable[[str], str]
    owner: Callable[[str], str | None]


def bind_runs(state: State, resolve: Callable[[str], str], owner: Callable[[str], str | None]) -> None:
    """Tell the app how the id of a run is found from its ref (raises Problem 404), and its owner from its id. Both may block."""
    state.runs = _Runs(resolve, owner)


async def refuse_forged(request: Request, caller: Caller | None) -> None:
    """Raises Problem 403 if a browser sent who it is by itself, and neither header nor form has the page's token."""
    if caller is None or not caller.by_browser or request.method in SAFE_METHODS:
        return
    sessions: LoginSessions = request.scope[_SESSIONS]
    form_token = request.headers.get(CSRF_HEADER) or await _form_token(request)
    if not sessions.is_csrf(request.scope[_CSRF_SEED], form_token):
        DENIED.labels("api", "foreign").inc()
        raise Problem(
            403, "this form is not from a page of yours, or you have logged in anew: load the page again"
        )


def forbidden(caller: Caller | None, act: Act) -> Problem:
    """403, counted. Says what the role is, and not whose run it is."""
    DENIED.labels("api", "forbidden").inc()
    role = caller.role if caller else "nobody"
    return Problem(403, f"{role} may not do this ({act.replace('_', ' ')}); ask an admin for another token")


async def _form_token(request: Request) -> str:
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return ""
    try:
        return (await form_fields(request)).get(CSRF_FIELD, "")
    except Problem as problem:
        if problem.status_code == 413:
            raise
        return ""  # a form that cannot be read holds no token either
