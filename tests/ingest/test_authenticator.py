"""Who may report: every route of ingest, role and dialect; the owner that stands on the log; what a refusal says."""

import base64
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from ingest.app import create_app
from schemas.access import Act, Role, may
from schemas.settings import Settings
from stores.tables.client import TablesUnavailable
from stores.tokens.token_list import CachedTokenList, NoTokens
from stores.tokens.tokens import Token, caller
from tests.support.api.access import OWNER, SomeTokens
from tests.support.ingest import Edge, call
from tests.support.log import NOW, MemoryLog

#: Each route with a body that it takes; None: it needs no token.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/trace/create"): {"sessionId": "s", "runName": "n", "instant": NOW},
    ("PUT", "/trace/create"): {"sessionId": "s", "runName": "n", "instant": NOW},
    ("PUT", "/trace/{run_id}/{verb}"): {"instant": NOW},
    ("POST", "/trace/{run_id}/{verb}"): {"instant": NOW},
    ("PUT", "/trace/{rest:path}"): {},
    ("POST", "/trace/{rest:path}"): {},
    ("PATCH", "/workflow/{run_id}"): {},
    ("GET", "/user-info"): {},
    ("GET", "/service-info"): None,
    ("POST", "/weblog"): {"event": "started", "runName": "n", "runId": "s"},
    ("POST", "/v1/events"): {"type": "run.heartbeat", "run_id": "r"},
    ("GET", "/livez"): None,
    ("GET", "/readyz"): None,
    ("GET", "/metrics"): None,
}
RUNNERS = [asked for asked, body in BODIES.items() if body is not None]


class GuardedEdge(Edge):
    """Ingest that knows some tokens."""

    def __init__(self, known: Any, **settings: Any) -> None:
        super().__init__(**settings)
        self.app = create_app(self.log, self.settings, "ingest-1", lambda: NOW, known)

    def ask(self, method: str, path: str, **options: Any) -> Any:
        path = path.replace("{rest:path}", "odd").format(run_id="run1", verb="heartbeat")
        return self.request(method, path, **options)


@pytest.fixture
def tokens() -> SomeTokens:
    return SomeTokens(NOW)


def test_every_route_stands_in_the_table() -> None:
    found = set()
    for route in create_app(MemoryLog(), Settings(), "p", lambda: NOW).routes:
        assert isinstance(route, Route) and route.methods
        path = route.path.removeprefix("/api").removeprefix("/launched-as/{launched_as}")
        found |= {(m, path) for m in route.methods - {"HEAD", "OPTIONS"}}
    assert found == set(BODIES)


@pytest.mark.parametrize("role", [None, *Role])
@pytest.mark.parametrize("asked", BODIES, ids=" ".join)
def test_every_route_lets_in_whom_it_should(
    tokens: SomeTokens, asked: tuple[str, str], role: Role | None
) -> None:
    edge, body = GuardedEdge(tokens), BODIES[asked]
    for owns in (False, True):
        answer = edge.ask(*asked, headers=tokens.headers(role, owns) if role else {}, json=body)
        if body is None:
            assert answer.status_code == 200
        elif role is None:
            assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Bearer")
        else:
            allowed = may(caller(tokens.token(role, owns)), Act.REPORT)
            assert allowed is (role is not Role.VIEWER), "a viewer only reads"
            assert answer.status_code == (200 if allowed else 403), answer.text
    if role in (None, Role.VIEWER):
        assert edge.log.records == [], "who is refused leaves nothing on the log"


@pytest.mark.parametrize("asked", RUNNERS, ids=" ".join)
def test_a_bad_token_is_refused_and_never_repeated(tokens: SomeTokens, asked: tuple[str, str]) -> None:
    edge = GuardedEdge(tokens)
    bad = "trk_not-one-of-ours"
    for authorization in (f"Bearer {bad}", "Basic " + base64.b64encode(f"@token:{bad}".encode()).decode()):
        answer = edge.ask(*asked, headers={"Authorization": authorization}, json=BODIES[asked])
        assert answer.status_code == 401 and bad not in answer.text
        assert "not known" in answer.text


def test_nextflow_sends_its_token_as_basic(tokens: SomeTokens) -> None:
    edge = GuardedEdge(tokens)
    secret = tokens.secret(Role.RUNNER, owns=True)
    basic = "Basic " + base64.b64encode(f"@token:{secret}".encode()).decode()
    for method, path in RUNNERS:
        answer = edge.ask(method, path, headers={"Authorization": basic}, json=BODIES[method, path])
        assert answer.status_code == 200, answer.text
    assert {event.owner for event, _ in edge.events} == {OWNER}, "whose token it is, also of dead letters"
    assert all(secret.encode() not in r.value for r in edge.log.records)
    assert edge.ask("GET", "/user-info", headers={"Authorization": basic}).json()["user"]["userName"] == OWNER


def test_weblog_may_bring_its_token_in_the_address_and_nobody_else(tokens: SomeTokens) -> None:
    edge = GuardedEdge(tokens)
    secret = tokens.secret(Role.RUNNER)
    assert edge.request("POST", f"/weblog?token={secret}", json=BODIES["POST", "/weblog"]).status_code == 200
    assert secret.encode() not in edge.log.records[0].value
    assert edge.request("POST", f"/trace/create?token={secret}", json={}).status_code == 401


def test_expired_and_revoked_say_so(tokens: SomeTokens) -> None:
    edge = GuardedEdge(tokens)
    mine = tokens.token(Role.RUNNER)
    for change, word in (({"expires_ms": NOW}, "expired"), ({"revoked_ms": NOW}, "revoked")):
        tokens.change(mine.model_copy(update=change))
        answer = edge.ask("POST", "/trace/create", headers=tokens.headers(Role.RUNNER), json={})
        assert answer.status_code == 401 and word in answer.json()["message"]


def test_while_tokens_are_not_known_yet_runners_are_asked_to_try_again(tokens: SomeTokens) -> None:
    """5xx: what every version of Nextflow tries again."""
    tokens.current = None
    edge = GuardedEdge(tokens)
    for method, path in RUNNERS:
        answer = edge.ask(method, path, headers=tokens.headers(Role.RUNNER), json={})
        assert answer.status_code == 503 and answer.headers["retry-after"]
    assert edge.request("GET", "/livez").status_code == 200
    assert edge.request("GET", "/readyz").status_code == 503


class Source:
    """The table of tokens; `away`: as if ClickHouse did not answer."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.away = tokens, False

    def read(self) -> list[Token]:
        if self.away:
            raise TablesUnavailable("away")
        return self.tokens


def test_no_run_fails_because_clickhouse_is_away(tokens: SomeTokens, tmp_path: Path) -> None:
    """Neither while ingest runs nor when it starts meanwhile. The price: who is revoked then is let in until it is back."""
    source = Source(tokens.tokens)
    known = CachedTokenList(source, tmp_path, 60, lambda: NOW)
    assert known.refresh()
    source.away = True
    mine = tokens.headers(Role.RUNNER)
    for book in (known, CachedTokenList(source, tmp_path, 60, lambda: NOW)):
        assert not book.refresh()
        edge = GuardedEdge(book)
        assert edge.ask("POST", "/trace/create", headers=mine, json={}).status_code == 200
        assert (
            edge.ask("POST", "/trace/create", headers={"Authorization": "Bearer x"}, json={}).status_code
            == 401
        )
        assert edge.request("GET", "/readyz").status_code == 200
    source.tokens = [t.model_copy(update={"revoked_ms": NOW}) for t in source.tokens]
    source.away = False
    assert known.refresh()
    assert GuardedEdge(known).ask("POST", "/trace/create", headers=mine, json={}).status_code == 401


def test_while_no_token_has_been_made_any_will_do_but_no_web_page() -> None:
    edge = GuardedEdge(NoTokens())
    assert edge.create(runName="a")
    assert edge.last[0].owner == ""
    page = {"Origin": "https://evil.example"}
    for method, path in RUNNERS:
        assert edge.ask(method, path, headers=page, json={}).status_code == 403
    assert len(edge.log.records) == 1


def test_only_v1_is_limited(tokens: SomeTokens) -> None:
    edge = GuardedEdge(tokens, rate_per_second=0.1)
    statuses: dict[str, list[int]] = {}
    for method, path in RUNNERS:
        for _ in range(5):
            answer = edge.ask(method, path, headers=tokens.headers(Role.RUNNER), json=BODIES[method, path])
            statuses.setdefault(path, []).append(answer.status_code)
            if answer.status_code == 429:
                assert int(answer.headers["retry-after"]) >= 1
                assert answer.headers["content-type"] == "application/problem+json"
    assert statuses.pop("/v1/events") == [200, 429, 429, 429, 429]
    assert {s for found in statuses.values() for s in found} == {200}
    other = edge.ask(
        "POST", "/v1/events", headers=tokens.headers(Role.ADMIN), json=BODIES["POST", "/v1/events"]
    )
    assert other.status_code == 200, "each token has a rate of its own"


def test_a_list_that_is_lost_opens_nothing_to_others() -> None:
    """As when the tables are made anew under a process that listens to the network."""
    edge = GuardedEdge(NoTokens(), host="0.0.0.0", rate_per_second=0.1)
    for method, path in RUNNERS:
        assert edge.ask(method, path, json=BODIES[method, path]).status_code == 503
    assert edge.log.records == []
    open_edge = GuardedEdge(NoTokens(), host="0.0.0.0", open=True)
    assert open_edge.ask("POST", "/trace/create", json=BODIES["POST", "/trace/create"]).status_code == 200


@pytest.mark.parametrize("more", [{}, {"host": "0.0.0.0", "open": True}], ids=["loopback", "network"])
def test_behind_a_proxy_nobody_reports_without_a_token(more: dict[str, Any]) -> None:
    """The proxy asks from loopback for whoever is on the network, and it is people that it knows, no runners."""
    edge = GuardedEdge(NoTokens(), proxy_header="X-Forwarded-User", proxy_peers="127.0.0.1", **more)
    for method, path in RUNNERS:
        assert edge.ask(method, path, json=BODIES[method, path]).status_code == 503
    assert edge.log.records == []


def test_v1_is_not_limited_while_no_token_is_made() -> None:
    edge = GuardedEdge(NoTokens(), rate_per_second=0.1)
    asked = [edge.ask("POST", "/v1/events", json=BODIES["POST", "/v1/events"]).status_code for _ in range(5)]
    assert asked == [200] * 5


def test_a_body_is_not_read_before_the_token(tokens: SomeTokens) -> None:
    edge = GuardedEdge(tokens)
    answer = call(edge.app, "POST", "/trace/create", content=b"x" * 20_000_000)
    assert answer.status_code == 401, "not 413: the body was not looked at"
