"""The gate before the api: tokens, logins, cookies, forms, proxies, rates; what is said of who is turned away."""

import logging
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.auth.gate import Gate
from api.auth.sessions import PROOF_HEADER, LoginSessions
from ingest.app import routes as ingest_routes
from schemas.access import How, Role
from schemas.metrics import DENIED
from schemas.settings import Settings
from stores.tables.client import Tables
from stores.tokens.token_list import CachedTokenList, NoTokens
from stores.tokens.tokens import TokenTable
from tests.support.api.access import (
    KEY,
    OWNER,
    RUN,
    FewTables,
    Guarded,
    SomeTokens,
    cookie_of,
    form_token,
    log_in,
)
from tests.support.api.stage import T0, problem
from tests.support.log import MemoryLog

NOTES = f"/api/v1/runs/{RUN}/notes"
PEER = "10.1.2.3"
PROXY = {"proxy_header": "X-Forwarded-User", "proxy_peers": "10.1.2.0/24, ::1"}


@pytest.fixture
def tokens() -> SomeTokens:
    return SomeTokens()


def denied(reason: str) -> float:
    return float(DENIED.labels("api", reason)._value.get())


# ---- tokens -------------------------------------------------------------------------------------------------------------


def test_who_is_not_known_gets_a_login_page_or_a_problem(tokens: SomeTokens) -> None:
    stage = Guarded(tokens)
    page = stage.request("GET", "/runs/x?sort=-name", headers={"Accept": "text/html,*/*"})
    assert page.status_code == 303 and page.headers["location"] == "/login?next=%2Fruns%2Fx%3Fsort%3D-name"
    answer = stage.request("GET", "/api/v1/runs", headers={"Accept": "text/html"})
    assert "/login" in problem(answer, 401)["detail"] and answer.headers["www-authenticate"].startswith(
        "Bearer"
    )
    for safe in ("content-security-policy", "x-frame-options", "x-content-type-options"):
        assert safe in page.headers and safe in answer.headers
    assert problem(stage.request("PUT", f"/api/v1/runs/{RUN}/labels"), 401)


def test_a_path_that_is_not_there_tells_a_stranger_nothing(tokens: SomeTokens) -> None:
    stage = Guarded(tokens)
    assert {
        stage.request("GET", p).status_code for p in ("/api/v1/no", "/no", "/api/v1/runs/no", "/static")
    } == {401}


@pytest.mark.parametrize("change", [{"revoked_ms": T0}, {"expires_ms": T0}])
def test_a_token_that_is_over_ends_the_login_too(tokens: SomeTokens, change: dict[str, int]) -> None:
    stage = Guarded(tokens)
    headers = cookie_of(log_in(stage, tokens.secret(Role.VIEWER)))
    assert stage.request("GET", "/docs", headers=headers).status_code == 200
    tokens.change(tokens.token(Role.VIEWER).model_copy(update=change))
    assert stage.request("GET", "/docs", headers=headers).status_code == 401
    assert log_in(stage, tokens.secret(Role.VIEWER)).status_code == 401


def test_the_token_of_a_request_goes_before_its_cookie(tokens: SomeTokens) -> None:
    stage = Guarded(tokens)
    headers = cookie_of(log_in(stage, tokens.secret(Role.ADMIN))) | {"Authorization": "Bearer trk_wrong"}
    assert problem(stage.request("GET", "/api/v1/runs", headers=headers), 401)


def test_while_the_list_is_not_known_nobody_comes_in(tokens: SomeTokens) -> None:
    headers = tokens.headers(Role.ADMIN)
    tokens.current = None
    stage = Guarded(tokens)
    answer = stage.request("GET", "/api/v1/runs", headers=headers)
    assert problem(answer, 503) and answer.headers["retry-after"]
    assert stage.request("GET", "/livez").status_code == 200


def test_in_one_process_runners_pass_by_the_gate_to_their_own_door(tokens: SomeTokens) -> None:
    """`/api/v1/events` lies under the api's prefix: only what ingest takes there may pass."""
    settings, log = Settings(), MemoryLog()
    extra = ingest_routes(log, settings, "up", lambda: T0, tokens)
    stage = Guarded(tokens, extra=extra)
    runner, body = tokens.headers(Role.RUNNER), {"type": "run.heartbeat", "run_id": "r"}
    for path in ("/v1/events", "/api/v1/events"):
        assert stage.request("POST", path, json=body, headers=runner).status_code == 200
        assert stage.request("POST", path, json=body).status_code == 401
        assert stage.request("GET", path).status_code == 401, "nobody's, so it is the gate's"
        assert stage.request("GET", path, headers=runner).status_code == 403
    assert stage.request("GET", "/api/v1/runs", headers=runner).status_code == 403
    assert [r.type for r in log.records] == ["run.heartbeat"] * 2


def test_tokens_are_made_listed_and_revoked(tables: Tables, tmp_path: Any) -> None:
    tokens = CachedTokenList(TokenTable(tables), tmp_path, 60, lambda: T0)
    assert tokens.refresh()
    stage = Guarded(tokens, tables)
    mine = {"name": "me", "owner": OWNER, "role": "admin"}
    for proof in ({}, {PROOF_HEADER: ""}, {PROOF_HEADER: form_token(stage, {})}):
        refused = stage.request("POST", "/api/v1/tokens", json=mine, headers=proof)
        assert "command line" in problem(refused, 403)["detail"]
    proof = {PROOF_HEADER: stage.sessions.command_line_proof()}
    first = stage.request("POST", "/api/v1/tokens", json={"name": "pipeline"}, headers=proof)
    assert "admin" in problem(first, 409)["detail"]
    made = stage.request("POST", "/api/v1/tokens", json=mine, headers=proof)
    assert made.status_code == 201 and made.json()["owner"] == OWNER
    admin = {"Authorization": f"Bearer {made.json()['secret']}"}
    assert problem(stage.request("GET", "/api/v1/tokens"), 401), (
        "from the first token on nobody gets in without"
    )
    runner = stage.request("POST", "/api/v1/tokens", json={"name": "ci", "days": 1}, headers=admin).json()
    assert problem(stage.request("POST", "/api/v1/tokens", json=mine, headers=proof), 401), "the first alone"
    listed = stage.request("GET", "/api/v1/tokens", headers=admin)
    assert sorted((t["name"], t["role"], t["owner"]) for t in listed.json()["tokens"]) == [
        ("ci", "runner", "ci"),
        ("me", "admin", OWNER),
    ]
    assert runner["secret"] not in listed.text and "sha256" not in listed.text
    gone = stage.request("DELETE", f"/api/v1/tokens/{runner['id']}", headers=admin)
    assert gone.json()["revoked_at"] and gone.status_code == 200
    assert problem(stage.request("DELETE", "/api/v1/tokens/abc", headers=admin), 404)
    wrong: list[object] = [
        {},
        {"name": ""},
        {"name": "a\nb"},
        {"name": "a", "role": "god"},
        {"name": "a", "days": -1},
        [],
    ]
    for bad in wrong:
        assert problem(stage.request("POST", "/api/v1/tokens", json=bad, headers=admin), 400)


# ---- forms --------------------------------------------------------------------------------------------------------------


def test_what_a_browser_sends_by_itself_is_not_enough_to_write(tokens: SomeTokens) -> None:
    stage = Guarded(tokens)
    headers = cookie_of(log_in(stage, tokens.secret(Role.OPERATOR)))
    csrf = form_token(stage, headers)
    other = form_token(stage, cookie_of(log_in(stage, tokens.secret(Role.OPERATOR))))
    assert csrf != other, "each login has its own"
    note = {"text": "hello"}
    for bad in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": other}, {"X-CSRF-Token": csrf[:-1]}):
        assert problem(stage.request("POST", NOTES, json=note, headers=headers | bad), 403)
        assert (
            stage.request("POST", f"/runs/{RUN}/notes", data=note, headers=headers | bad).status_code == 403
        )
    assert stage.log.messages == [[]]
    assert (
        stage.request("POST", NOTES, json=note, headers=headers | {"X-CSRF-Token": csrf}).status_code == 202
    )
    # Through the form the page waits for the note; these tables are away, but the note is on the log.
    stage.request("POST", f"/runs/{RUN}/notes", data=note | {"csrf": csrf}, headers=headers)
    assert len(stage.log.messages[0]) == 2
    assert all(b'"author":"bob"' in value for _, value in stage.log.messages[0]), (
        "nobody writes in another's name"
    )
    # A token in the header is no browser's doing.
    assert stage.request("POST", NOTES, json=note, headers=tokens.headers(Role.OPERATOR)).status_code == 202


def test_a_form_that_is_too_long_is_not_read_to_its_end(tokens: SomeTokens) -> None:
    stage = Guarded(tokens)
    headers = cookie_of(log_in(stage, tokens.secret(Role.OPERATOR)))
    answer = stage.request("POST", f"/runs/{RUN}/notes", data={"text": "x" * 1_100_000}, headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize("known", [NoTokens(), SomeTokens()], ids=["open", "tokens"])
@pytest.mark.parametrize(
    "foreign",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
    ids=str,
)  # fmt: skip
def test_a_page_of_another_site_writes_nothing(known: Any, foreign: dict[str, str]) -> None:
    stage = Guarded(known)
    who = known.headers(Role.ADMIN) if isinstance(known, SomeTokens) else {}
    for method, path in (
        ("POST", NOTES),
        ("POST", "/login"),
        ("POST", "/logout"),
        ("POST", "/api/v1/tokens"),
    ):
        assert stage.request(method, path, headers=who | foreign, json={"text": "x"}).status_code == 403, path
    assert stage.log.messages == [[]]


def test_our_own_pages_write_also_where_browsers_tell_only_the_origin() -> None:
    """Over plain http, but for loopback, they send no Sec-Fetch-Site; and `Origin: null` if the page tells no referrer."""
    stage = Guarded(NoTokens(), host="0.0.0.0", open=True, public_url="http://tracker.lab:8000")
    page = stage.request("GET", "/login")
    assert page.headers["referrer-policy"] == "same-origin"
    ours = {"Origin": "http://tracker.lab:8000", "Host": "tracker.lab:8000"}
    assert stage.request("POST", NOTES, json={"text": "x"}, headers=ours).status_code == 202


def test_every_form_that_writes_carries_the_token() -> None:
    from importlib.resources import files

    for page in Path(str(files("api"))).rglob("*.html"):
        for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", page.read_text("utf-8"), re.DOTALL):
            assert "csrf_field()" in form, page.name


# ---- a proxy ------------------------------------------------------------------------------------------------------------


def test_the_header_counts_from_the_proxy_alone(tokens: SomeTokens) -> None:
    stage = Guarded(tokens, **PROXY)
    ann = {"X-Forwarded-User": OWNER}
    assert stage.request("GET", "/docs", PEER, headers=ann).status_code == 200
    assert stage.request("GET", "/docs", "::1", headers=ann).status_code == 200
    assert stage.request("GET", "/docs", "::ffff:10.1.2.9", headers=ann).status_code == 200
    for peer in ("10.1.3.3", "127.0.0.1", "", "testclient"):
        assert stage.request("GET", "/docs", peer, headers=ann).status_code == 401, peer
    twice = [("X-Forwarded-User", OWNER), ("X-Forwarded-User", "admin")]
    assert stage.request("GET", "/docs", PEER, headers=twice).status_code == 401
    for name in ("", " ", "x" * 201, "a\tb"):
        assert stage.request("GET", "/docs", PEER, headers={"X-Forwarded-User": name}).status_code == 401, (
            name
        )


def test_a_proxys_own_authorization_is_not_taken_for_a_token_but_one_of_ours_is(tokens: SomeTokens) -> None:
    stage = Guarded(tokens, **PROXY)
    person = {"X-Forwarded-User": "bob"}
    basic = {"Authorization": "Basic Ym9iOnNlY3JldA=="}
    assert stage.request("GET", "/docs", PEER, headers=person | basic).status_code == 200
    assert stage.request("GET", "/docs", PEER, headers=basic).status_code == 401
    admin = person | tokens.headers(Role.ADMIN)
    assert stage.request("POST", NOTES, PEER, json={"text": "x"}, headers=admin).status_code == 202


def test_people_of_the_proxy_have_the_roles_of_the_settings(tokens: SomeTokens) -> None:
    stage = Guarded(tokens, **PROXY, proxy_admins="root, boss", proxy_operators="op")
    roles = {}
    for name in ("boss", "op", "ann", "BOSS"):
        who, _ = stage.gate.recognise(httpx_headers({"X-Forwarded-User": name}), PEER)
        assert not isinstance(who, str) and who.how is How.PROXY
        roles[name] = who.role
    assert roles == {"boss": Role.ADMIN, "op": Role.OPERATOR, "ann": Role.VIEWER, "BOSS": Role.VIEWER}


def test_the_owner_known_by_the_proxy_acts_on_their_run(tokens: SomeTokens) -> None:
    stage = Guarded(tokens, **PROXY)
    for name, status in ((OWNER, 202), ("bob", 403)):
        headers = {"X-Forwarded-User": name}
        csrf = {"X-CSRF-Token": form_token(stage, headers, peer=PEER)}
        assert (
            stage.request("POST", NOTES, PEER, json={"text": "x"}, headers=headers | csrf).status_code
            == status
        )
        assert stage.request("POST", NOTES, PEER, json={"text": "x"}, headers=headers).status_code == 403


def test_with_a_proxy_the_pages_are_not_open_though_no_token_is_made() -> None:
    stage = Guarded(NoTokens(), **PROXY)
    assert stage.request("GET", "/docs").status_code == 401
    assert stage.request("GET", "/docs", PEER, headers={"X-Forwarded-User": "ann"}).status_code == 200


# ---- open, rates, secrets -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200), ("[::1]:8000", 200), ("localhost", 200), ("x.localhost", 200), ("tracker", 200),
        ("tracker.example.org", 200), ("rebound.evil.example", 403), ("evil.example:8000", 403), ("[", 403),
    ],
)  # fmt: skip
def test_while_open_no_name_of_others_leads_here(host: str, status: int) -> None:
    """Else a web page could make its own name lead to us, and read and write as one of ours."""
    for listening in ({}, {"host": "0.0.0.0", "open": True}):
        stage = Guarded(NoTokens(), public_url="https://tracker.example.org", **listening)
        assert stage.request("GET", "/docs", headers={"Host": host}).status_code == status, listening


def test_readers_are_limited_each_by_themselves(tokens: SomeTokens) -> None:
    stage = Guarded(tokens, rate_per_second=0.2)

    def ask(role: Role) -> httpx.Response:
        return stage.request("GET", "/docs", headers=tokens.headers(role))

    assert [ask(Role.VIEWER).status_code for _ in range(3)] == [200, 200, 429]
    limited = ask(Role.VIEWER)
    assert problem(limited, 429) and int(limited.headers["retry-after"]) == 5
    assert ask(Role.ADMIN).status_code == 200, "another token"
    stage.seconds = 5
    assert [ask(Role.VIEWER).status_code for _ in range(2)] == [200, 429]
    for path in ("/livez", "/readyz", "/metrics", "/static/tracker.css"):
        assert {stage.request("GET", path).status_code for _ in range(5)} == {200}, path
    assert [log_in(stage, "guess").status_code for _ in range(3)] == [401, 401, 429], (
        "who is not known: by address"
    )


def test_a_list_that_is_lost_opens_nothing_to_others() -> None:
    """As when the tables are made anew under a process that listens to the network."""
    assert Guarded(NoTokens(), host="0.0.0.0").request("GET", "/docs").status_code in (303, 401)
    assert Guarded(NoTokens(), host="0.0.0.0").request("GET", "/api/v1/runs").status_code == 401
    assert Guarded(NoTokens(), host="0.0.0.0", open=True).request("GET", "/docs").status_code == 200


def test_nobody_is_limited_while_no_token_is_made() -> None:
    stage = Guarded(NoTokens(), rate_per_second=0.2)
    assert {stage.request("GET", "/docs").status_code for _ in range(5)} == {200}


def test_no_secret_is_told_or_logged(tokens: SomeTokens, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    stage = Guarded(tokens)
    secret, bad = tokens.secret(Role.ADMIN), "trk_guessed-by-a-stranger"
    told = [log_in(stage, s) for s in (secret, bad)]
    told += [
        stage.request("GET", "/api/v1/runs", headers={"Authorization": f"Bearer {s}"}) for s in (secret, bad)
    ]
    told += [stage.request("GET", f"/docs?token={s}") for s in (secret, bad)]
    ours = [
        r.getMessage() for r in caplog.records if not r.name.startswith("httpx")
    ]  # that is the test's own client
    text = "\n".join([*ours, *(f"{t.text}{t.headers}" for t in told)])
    assert secret not in text and bad not in text
    assert tokens.token(Role.ADMIN).sha256 not in text


def test_who_is_turned_away_is_counted(tokens: SomeTokens) -> None:
    stage = Guarded(tokens)
    before = {reason: denied(reason) for reason in ("missing", "unknown", "forbidden", "foreign")}
    stage.request("GET", "/api/v1/runs")
    stage.request("GET", "/api/v1/runs", headers={"Authorization": "Bearer x"})
    stage.request("GET", "/api/v1/runs", headers=tokens.headers(Role.RUNNER))
    stage.request("POST", "/login", headers={"Origin": "https://evil.example"})
    assert {reason: denied(reason) - n for reason, n in before.items()} == dict.fromkeys(before, 1)


def test_without_a_gate_the_app_is_open() -> None:
    given: Any = FewTables()
    app = create_app(given, given, Settings(), lambda: T0)
    assert any(getattr(m.cls, "__name__", "") == "Guarded" for m in app.user_middleware)
    assert isinstance(
        Gate(NoTokens(), Settings(), lambda: T0, LoginSessions(KEY, 1, False)).tokens().is_open, bool
    )


def httpx_headers(told: dict[str, str]) -> Any:
    from starlette.datastructures import Headers

    return Headers(told)
