"""Who may do what: every route, role, and owner or not. A route that stands in no table here fails."""

import pytest
from fastapi.routing import APIRoute

from api.auth.gate import PUBLIC
from schemas.access import Act, Caller, How, Role, anybody, may
from tests.support.api.access import OWNER, RUN, Guarded, SomeTokens
from tests.support.api.routes import Asked, flat, routes

#: What each role may do, and what it may do as well to a run of its own.
RIGHTS: dict[Role, tuple[set[Act], set[Act]]] = {
    Role.RUNNER: ({Act.REPORT}, set()),
    Role.VIEWER: ({Act.READ}, {Act.CHANGE_RUN, Act.DELETE_OUTPUTS}),
    Role.OPERATOR: ({Act.REPORT, Act.READ, Act.CHANGE_RUN, Act.OPERATE}, {Act.DELETE_OUTPUTS}),
    Role.ADMIN: (set(Act), set()),
}

#: Of each route of the api what it needs; None: nothing. Routes that only read are not listed: they need READ.
NEEDS: dict[tuple[str, str], Act | None] = {
    ("GET", "/livez"): None,
    ("GET", "/readyz"): None,
    ("GET", "/metrics"): None,
    ("GET", "/api/v1/openapi.json"): None,
    ("GET", "/login"): None,
    ("POST", "/login"): None,
    ("POST", "/logout"): None,
    ("GET", "/api/v1/tokens"): Act.TOKENS,
    ("POST", "/api/v1/tokens"): Act.TOKENS,
    ("DELETE", "/api/v1/tokens/{token_id}"): Act.TOKENS,
    ("PUT", "/api/v1/runs/{ref}/labels"): Act.CHANGE_RUN,
    ("POST", "/api/v1/runs/{ref}/labels"): Act.CHANGE_RUN,
    ("PUT", "/api/v1/runs/{ref}/hidden"): Act.CHANGE_RUN,
    ("POST", "/api/v1/runs/{ref}/notes"): Act.CHANGE_RUN,
    ("PUT", "/api/v1/runs/{ref}/notes/{note_id}"): Act.CHANGE_RUN,
    ("PUT", "/api/v1/runs/{ref}/analysis"): Act.CHANGE_RUN,
    ("POST", "/api/v1/runs/{ref}/outputs/refresh"): Act.CHANGE_RUN,
    ("POST", "/runs/{ref}/outputs/refresh"): Act.CHANGE_RUN,
    ("DELETE", "/api/v1/runs/{ref}/outputs"): Act.DELETE_OUTPUTS,
    ("POST", "/runs/{ref}/outputs/delete"): Act.DELETE_OUTPUTS,
    ("POST", "/runs/{ref}/labels"): Act.CHANGE_RUN,
    ("POST", "/runs/{ref}/hidden"): Act.CHANGE_RUN,
    ("POST", "/runs/{ref}/notes"): Act.CHANGE_RUN,
    ("POST", "/api/v1/dead-letters/{letter_id}/replay"): Act.OPERATE,
    ("POST", "/api/v1/dead-letters/replay"): Act.OPERATE,
    ("POST", "/api/v1/alerts/{alert_id}/acknowledge"): Act.OPERATE,
    ("POST", "/api/v1/alerts/{alert_id}/silence"): Act.OPERATE,
    ("POST", "/dashboard/delete"): Act.READ,  # of whose runs, it looks at itself
    ("POST", "/api/v1/alerts/{alert_id}/assign"): Act.OPERATE,
    ("POST", "/alerts/{alert_id}/acknowledge"): Act.OPERATE,
    ("POST", "/alerts/{alert_id}/silence"): Act.OPERATE,
    ("POST", "/alerts/{alert_id}/assign"): Act.OPERATE,
    ("POST", "/mcp"): Act.READ,
}

_VALUES = {
    "ref": RUN,
    "task_id": "1",
    "text_name": "script",
    "part": "tasks",
    "note_id": "n1",
    "alert_id": "a1",
    "letter_id": "0-1",
    "status": "running",
    "token_id": "0",
    "job_id": "j1",
    "name": "pipe",
}


def needed(asked: Asked) -> Act | None:
    """What the route needs. Raises for one that may do more than read and is in no table."""
    if asked in NEEDS:
        return NEEDS[asked]
    assert asked.method == "GET", f"{asked.method} {asked.path}: put it into NEEDS, with what it needs"
    return Act.READ


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("owner", [None, OWNER, "somebody else", ""])
def test_rights(role: Role, act: Act, owner: str | None) -> None:
    anyway, own = RIGHTS[role]
    who = Caller(OWNER, role, How.TOKEN, "k")
    assert may(who, act, owner) == (act in anyway or (act in own and owner == OWNER))


def test_nobody_may_nothing_and_while_open_everybody_everything() -> None:
    for act in Act:
        assert not may(None, act, OWNER) and may(anybody("127.0.0.1"), act)
    nameless = Caller("", Role.VIEWER, How.TOKEN, "k")
    assert not may(nameless, Act.CHANGE_RUN, ""), "no name owns what nobody owns"


def test_every_route_of_the_api_lets_in_whom_it_should() -> None:
    tokens = SomeTokens()
    stage = Guarded(tokens, rate_per_second=0)
    wrong, seen = [], set()
    for asked in routes(stage.app.routes):
        act = needed(asked)
        seen.add(asked)
        path = asked.path.format(**_VALUES)
        for role, owns in [(None, False), *((role, owns) for role in Role for owns in (False, True))]:
            allowed = act is None or (role is not None and _allowed(role, act, owns, "{ref}" in asked.path))
            headers = {} if role is None else tokens.headers(role, owns)
            status = stage.request(asked.method, path, headers=headers).status_code
            expected = 401 if role is None else 403
            # 503: the tables are away, which is asked of readers, after they were let in
            if (status == expected) is allowed or status == 500 or (status == 503 and not allowed):
                wrong.append(f"{asked.method} {path} as {role} (owner: {owns}): {status}")
    assert wrong == []
    assert set(NEEDS) <= seen, "NEEDS names routes that are not"
    assert len(seen) > 30


def _allowed(role: Role, act: Act, owns: bool, of_run: bool) -> bool:
    anyway, own = RIGHTS[role]
    return act in anyway or (owns and of_run and act in own)


def test_a_new_route_must_be_listed() -> None:
    with pytest.raises(AssertionError, match="NEEDS"):
        needed(Asked("POST", "/api/v1/runs/{ref}/destroy"))


def test_routes_that_need_more_than_reading_say_so() -> None:
    """With nobody's token the answer is 401 whatever the route says, so look at what it declares too."""
    stage = Guarded(SomeTokens())
    declared = set()
    for route in flat(stage.app.routes):
        unsafe = (route.methods or set()) - {"GET", "HEAD", "OPTIONS"}
        if isinstance(route, APIRoute) and unsafe and route.path not in PUBLIC:
            checks = [getattr(d.call, "__qualname__", "") for d in route.dependant.dependencies]
            assert {"allow.<locals>.check", "allow_on_run.<locals>.check"} & set(checks), route.path
            declared |= {(method, route.path) for method in unsafe}
    mcp = ("POST", "/mcp")  # only reads, as the gate lets it
    assert declared == {a for a, act in NEEDS.items() if act is not None and a[0] != "GET"} - {mcp}
