"""Logins: a token once, a signed cookie afterwards; what a cookie must be, and where a login leads."""

import time
from pathlib import Path

import pytest
from starlette.responses import Response

from api.auth.login import here
from api.auth.sessions import COOKIE, LoginSessions
from schemas.access import Role
from stores.tables.client import Tables, TablesUnavailable
from stores.tokens.token_list import CachedTokenList
from stores.tokens.tokens import Rejected, TokenTable, make
from tests.support.api.access import KEY, FewTables, Guarded, SomeTokens, cookie_of, form_token, log_in
from tests.support.api.stage import T0


@pytest.fixture
def tokens() -> SomeTokens:
    return SomeTokens()


def test_a_login_gives_a_signed_cookie_that_scripts_cannot_read(tokens: SomeTokens) -> None:
    stage = Guarded(tokens)
    answer = log_in(stage, tokens.secret(Role.VIEWER), next="/runs/x")
    assert answer.headers["location"] == "/runs/x"
    told = answer.headers["set-cookie"].lower()
    assert "httponly" in told and "samesite=lax" in told and "path=/" in told and "secure" not in told
    assert tokens.secret(Role.VIEWER) not in answer.headers["set-cookie"]
    page = stage.request("GET", "/login", headers=cookie_of(answer))
    assert "bob" in page.text and "Log out" in page.text


def test_over_https_the_cookie_is_secure() -> None:
    real = Response()
    LoginSessions(KEY, 1, secure=True).begin(real, "t")
    assert "secure" in real.headers["set-cookie"].lower()


def test_a_cookie_that_is_not_ours_is_none(tokens: SomeTokens) -> None:
    stage = Guarded(tokens)
    good = cookie_of(log_in(stage, tokens.secret(Role.ADMIN)))["Cookie"]
    other = LoginSessions("x" * 40, 1, secure=False)
    forged = Response()
    other.begin(forged, tokens.token(Role.ADMIN).id)
    for bad in (good[:-1], good[:-1] + "A" * 5, f"{COOKIE}=", "x=y", "\xff", forged.headers["set-cookie"]):
        assert (
            stage.request("GET", "/docs", headers=[(b"cookie", bad.encode("latin-1"))]).status_code == 401
        ), bad


def test_a_cookie_ends_after_its_hours() -> None:
    response = Response()
    LoginSessions(KEY, 1, secure=False).begin(response, "t")
    value = response.headers["set-cookie"].split(";")[0].partition("=")[2]
    assert LoginSessions(KEY, 1, secure=False).read(value)
    assert LoginSessions(KEY, -1, secure=False).read(value) is None


def test_wrong_tokens_and_those_of_runners_do_not_log_in(tokens: SomeTokens) -> None:
    stage = Guarded(tokens)
    for secret, status in (("", 400), ("trk_wrong", 401), (tokens.secret(Role.RUNNER), 403)):
        answer = log_in(stage, secret)
        assert answer.status_code == status and "set-cookie" not in answer.headers
        assert 'role="alert"' in answer.text and (not secret or secret not in answer.text)


@pytest.mark.parametrize(
    ("target", "goes"),
    [
        ("/", "/"), ("/runs/a%2Fb?x=1#t", "/runs/a%2Fb?x=1#t"), ("//evil.example", "/"), ("https://evil.example", "/"),
        ("/\\evil.example", "/"), ("\\\\evil.example", "/"), ("javascript:alert(1)", "/"), ("", "/"), ("/a\nb", "/"),
        ("///evil.example", "/"), ("http://[", "/"), ("/login?next=/", "/"), ("evil.example", "/"),
    ],
)  # fmt: skip
def test_a_login_leads_to_no_other_site(target: str, goes: str) -> None:
    assert here(target) == goes


def test_log_out_needs_the_forms_token(tokens: SomeTokens) -> None:
    stage = Guarded(tokens)
    headers = cookie_of(log_in(stage, tokens.secret(Role.VIEWER)))
    assert stage.request("POST", "/logout", headers=headers).status_code == 403
    answer = stage.request("POST", "/logout", headers=headers, data={"csrf": form_token(stage, headers)})
    assert answer.status_code == 303 and f'{COOKIE}=""' in answer.headers["set-cookie"]


def test_log_out_ends_copies_of_the_cookie_in_every_process_and_no_other_login(
    tables: Tables, tmp_path: Path
) -> None:
    here, there = (CachedTokenList(TokenTable(tables), tmp_path / n, 60, lambda: T0) for n in ("a", "b"))
    secret, token = make("for tests", "ann", Role.VIEWER, T0)
    TokenTable(tables).write(token)
    assert here.refresh() and there.refresh()
    stage, other_process = Guarded(here, tables), Guarded(there, tables)
    stage.now = time.time_ns() // 1_000_000  # the table forgets logins of long ago
    mine, elsewhere = (cookie_of(log_in(stage, secret)) for _ in range(2))
    csrf = {"csrf": form_token(stage, mine)}
    assert stage.request("POST", "/logout", headers=mine, data=csrf).status_code == 303
    assert there.refresh()
    for process in (stage, other_process):
        assert process.request("GET", "/docs", headers=mine).status_code == 401
        assert process.request("GET", "/docs", headers=elsewhere).status_code == 200
    assert here.current and here.current.check(secret, T0) != Rejected.REVOKED


def test_log_out_while_the_tables_are_away_says_what_stays_good(
    tokens: SomeTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    def insert(_: FewTables, table: str, rows: bytes) -> None:
        raise TablesUnavailable("away")

    monkeypatch.setattr(FewTables, "insert", insert)
    stage = Guarded(tokens)
    headers = cookie_of(log_in(stage, tokens.secret(Role.VIEWER)))
    answer = stage.request("POST", "/logout", headers=headers, data={"csrf": form_token(stage, headers)})
    assert answer.status_code == 503 and "a copy of its cookie" in answer.text
    assert f'{COOKIE}=""' in answer.headers["set-cookie"]


def test_a_form_after_the_login_has_ended_leads_to_the_login_and_back_to_its_page(tokens: SomeTokens) -> None:
    headers = {"Accept": "text/html", "Referer": "http://tracker/runs/x?sort=-name"}
    answer = Guarded(tokens).request("POST", "/runs/x/notes", headers=headers, data={"text": "x"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Fruns%2Fx%3Fsort%3D-name"
