"""Tokens: made, kept as hashes, recognised; the list in memory, its copy on disk, and tables that are away."""

import base64
import json
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.access import Role
from stores.files import read_private, write_private
from stores.rates import MOST_CALLERS, Rates
from stores.tables.client import Tables, TablesUnavailable
from stores.tokens.token_list import COPY, CachedTokenList
from stores.tokens.tokens import PREFIX, Rejected, Token, TokenSet, TokenTable, dump, load, make, secret_of
from tests.support.progress import Patience

NOW = 1_700_000_000_000


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


class Source:
    """Tokens that are read; `away`: as if ClickHouse did not answer."""

    def __init__(self, *tokens: Token) -> None:
        self.tokens, self.away, self.reads = list(tokens), False, 0
        self.read_again = threading.Event()

    def read(self) -> list[Token]:
        self.reads += 1
        self.read_again.set()
        if self.away:
            raise TablesUnavailable("away")
        return list(self.tokens)


def list_of(source: Source, folder: Path, seconds: float = 60) -> CachedTokenList:
    return CachedTokenList(source, folder, seconds, lambda: NOW)


def current_of(known: CachedTokenList) -> TokenSet | None:
    """What it knows now: it changes behind the type checker's back."""
    return known.current


def test_a_token_is_256_random_bits_and_only_its_hash_is_kept() -> None:
    (one, kept), (two, _) = (make("n", "ann", Role.RUNNER, NOW) for _ in range(2))
    assert one != two and one.startswith(PREFIX) and len(base64.urlsafe_b64decode(one[4:] + "=")) == 32
    assert one.count(".") == 0, "Nextflow would take it for a JWT"
    assert kept.last_four == one[-4:] and one not in kept.model_dump_json()
    assert TokenSet([kept]).check(one, NOW) == kept


def test_good_bad_expired_and_revoked() -> None:
    secret, token = make("n", "ann", Role.RUNNER, NOW, NOW + 1000)
    tokens = TokenSet([token])
    assert tokens.check(secret, NOW + 999) == token and tokens.check(secret, NOW + 1000) is Rejected.EXPIRED
    assert tokens.check("", NOW) is Rejected.MISSING
    for wrong in (secret[:-1], secret + "x", secret.upper(), "any", "x" * 100_000):
        assert tokens.check(wrong, NOW) is Rejected.UNKNOWN
    revoked = TokenSet([token.model_copy(update={"revoked_ms": NOW})])
    assert revoked.check(secret, NOW) is Rejected.REVOKED and not revoked.is_open
    assert tokens.by_id(token.id, NOW) == token and tokens.by_id("other", NOW) is Rejected.UNKNOWN
    assert TokenSet([]).is_open


def test_one_of_two_whose_hashes_begin_alike_is_told_from_the_other() -> None:
    secret, token = make("n", "ann", Role.RUNNER, NOW)
    twin = token.model_copy(update={"id": "twin", "sha256": token.sha256[:16] + "0" * 48})
    assert TokenSet([twin, token]).check(secret, NOW) == token
    assert TokenSet([twin]).check(secret, NOW) is Rejected.UNKNOWN


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        (None, ""), ("", ""), ("Bearer", ""), ("Bearer abc", "abc"), ("bearer  abc ", "abc"),
        (basic("@token:abc"), "abc"), (basic("abc:"), "abc"), (basic("abc"), "abc"), (basic("a:b:c"), "b:c"),
        ("Basic !!!", ""), ("Basic " + base64.b64encode(b"\xff\xfe").decode(), ""), ("Digest abc", ""), ("nonsense", ""),
    ],
)  # fmt: skip
def test_the_token_of_a_header(header: str | None, secret: str) -> None:
    assert secret_of(header) == secret


@given(st.text(max_size=200))
def test_no_header_brings_it_down(header: str) -> None:
    assert isinstance(secret_of(header), str)
    assert isinstance(
        TokenSet([make("n", "o", Role.ADMIN, NOW)[1]]).check(secret_of(f"Bearer {header}"), NOW), Rejected
    )


@pytest.mark.each_store
def test_the_table_keeps_them_and_a_revoked_one_stays_revoked(tables: Tables) -> None:
    table = TokenTable(tables)
    assert table.read() == []
    _, token = make('a "name"', "ann", Role.OPERATOR, NOW, NOW + 5)
    _, other = make("b", "bob", Role.VIEWER, NOW + 1)
    table.write(token)
    table.write(other)
    assert table.read() == [token, other]
    assert table.revoke("nothing", NOW) is None
    assert table.revoke(token.id, NOW + 7) == token.model_copy(update={"revoked_ms": NOW + 7})
    table.write(token)  # as if a process wrote again what it knew before
    assert [t.revoked_ms for t in table.read()] == [NOW + 7, None]
    again = table.revoke(token.id, NOW + 9)
    assert again and again.revoked_ms == NOW + 7


def test_an_unreachable_table_makes_no_good_token_bad(tmp_path: Path) -> None:
    secret, token = make("n", "ann", Role.RUNNER, NOW)
    source = Source(token)
    known = list_of(source, tmp_path)
    assert current_of(known) is None, "nothing is known yet, which is not the same as no token"
    assert known.refresh()
    for _ in range(2):
        tokens = current_of(known)
        assert tokens and tokens.check(secret, NOW) == token
        source.away = True
        assert not known.refresh()
    # The next start, while the tables are still away, goes on with the copy.
    restarted = list_of(source, tmp_path)
    assert restarted.current and restarted.current.check(secret, NOW) == token
    assert stat.S_IMODE((tmp_path / COPY).stat().st_mode) == 0o600
    assert secret not in (tmp_path / COPY).read_text()


def test_that_there_is_no_token_is_known_over_a_restart_too(tmp_path: Path) -> None:
    source = Source()
    assert list_of(source, tmp_path).refresh()
    again = list_of(source, tmp_path)
    assert again.current is not None and again.current.is_open


@pytest.mark.parametrize("content", ["", "{}", "[1]", '[{"id": "x"}]', "\x00"])
def test_a_spoilt_copy_is_as_none(tmp_path: Path, content: str) -> None:
    write_private(tmp_path / COPY, content.encode())
    assert list_of(Source(), tmp_path).current is None


def test_a_copy_that_others_may_write_is_not_believed(tmp_path: Path) -> None:
    write_private(tmp_path / COPY, dump([make("n", "ann", Role.ADMIN, NOW)[1]]))
    assert list_of(Source(), tmp_path).current is not None
    (tmp_path / COPY).chmod(0o666)
    assert list_of(Source(), tmp_path).current is None
    with pytest.raises(PermissionError, match="chmod 600"):
        read_private(tmp_path / COPY)


def test_a_full_disk_does_not_matter_to_the_list_in_memory(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("no folder can be made here")
    known = list_of(Source(make("n", "ann", Role.ADMIN, NOW)[1]), folder)
    assert known.refresh() and known.current and not known.current.is_open


def test_the_list_is_read_again_and_again(tmp_path: Path) -> None:
    source = Source()
    known = list_of(source, tmp_path, seconds=0.001)

    patience = Patience(20)
    with known.refreshing():
        source.tokens.append(make("n", "ann", Role.ADMIN, NOW)[1])
        while (tokens := current_of(known)) is None or tokens.is_open:
            assert patience.left()
            source.read_again.wait(0.1)
    assert source.reads >= 2


def test_dump_and_load_are_inverse() -> None:
    tokens = [make("n", "ann", role, NOW, NOW + 1)[1] for role in Role]
    assert load(dump(tokens)) == tokens
    assert json.loads(dump(tokens))[0]["sha256"] == tokens[0].sha256


def test_rates_let_a_burst_through_then_so_many_a_second() -> None:
    rates = Rates(2)
    assert [rates.wait("a", 0) for _ in range(21)] == [0.0] * 20 + [0.5]
    assert rates.wait("b", 0) == 0, "each caller has a bucket"
    assert rates.wait("a", 0.5) == 0 and rates.wait("a", 0.5) > 0
    assert [rates.wait("a", 1000) for _ in range(21)].count(0.0) == 20, "a bucket overflows"
    assert rates.wait("a", 1) > 0, "a clock that steps back gives nothing"
    assert not any(Rates(0).wait("a", 0) for _ in range(10_000))


def test_rates_remember_only_so_many_callers() -> None:
    rates = Rates(0.001)
    for n in range(MOST_CALLERS + 10):
        rates.wait(str(n), 0)
    assert len(rates._left) == MOST_CALLERS
