"""Whether a process may listen, the key of its cookies, and what its settings say of it."""

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.access import Role
from schemas.settings import Settings
from stores.files import write_private
from stores.tokens.tokens import TokenSet, make
from tracker import access, startup
from tracker.errors import Exposed
from tracker.processes import up

SOME = TokenSet([make("n", "ann", Role.ADMIN, 0)[1]])
NONE = TokenSet([])


class Listed:
    def __init__(self, tokens: TokenSet | None) -> None:
        self.current = tokens


def listed(tokens: TokenSet | None) -> Any:
    return Listed(tokens)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
@pytest.mark.parametrize("tokens", [None, NONE, SOME])
def test_loopback_is_always_safe(host: str, tokens: TokenSet | None) -> None:
    startup.refuse_exposed(listed(tokens), Settings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "tracker.lab"])
@pytest.mark.parametrize(
    ("tokens", "is_open", "told"),
    [
        (SOME, False, ""),
        (SOME, True, ""),
        (NONE, True, ""),
        (NONE, False, "tracker token create"),
        (None, False, "not known yet"),
        (None, True, "not known yet"),
    ],
)
def test_elsewhere_it_needs_a_token_or_a_word(
    host: str, tokens: TokenSet | None, is_open: bool, told: str
) -> None:
    settings = Settings(host=host, open=is_open)
    if told:
        with pytest.raises(Exposed, match=told):
            startup.refuse_exposed(listed(tokens), settings)
    else:
        startup.refuse_exposed(listed(tokens), settings)


def test_a_stage_waits_until_a_token_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "_RETRY_SECONDS", 0.001)
    mine = Listed(None)

    async def wait() -> None:
        waiting = asyncio.create_task(startup.until_safe(mine, Settings(host="0.0.0.0")))  # type: ignore[arg-type]
        for tokens in (None, NONE):
            mine.current = tokens
            done, _ = await asyncio.wait([waiting], timeout=0.05)
            assert not done
        mine.current = SOME
        await asyncio.wait_for(waiting, 10)

    asyncio.run(wait())


def test_the_cookie_key_is_made_once_and_private(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    key = access.cookie_key(settings)
    assert len(key) >= 32 and access.cookie_key(settings) == key
    assert stat.S_IMODE((tmp_path / "data" / "cookie.key").stat().st_mode) == 0o600
    assert access.cookie_key(Settings(data=tmp_path / "other")) != key
    told = Settings(data=tmp_path / "third", cookie_secret="s" * 32)
    assert access.cookie_key(told) == "s" * 32 and not (tmp_path / "third").exists()


def test_a_cookie_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    write_private(tmp_path / "cookie.key", b"k" * 40)
    (tmp_path / "cookie.key").chmod(0o644)
    with pytest.raises(PermissionError, match="chmod 600"):
        access.cookie_key(Settings(data=tmp_path))


def test_what_up_says_fits_whether_tokens_are_wanted() -> None:
    assert "TOWER_ACCESS_TOKEN=any" in up.banner(Settings(), True)
    assert "TOWER_ACCESS_TOKEN=trk_" in up.banner(Settings(), False)


@pytest.mark.parametrize("show", [str, repr, lambda s: s.model_dump_json()])
def test_settings_do_not_tell_their_secrets(show: Callable[[Settings], str]) -> None:
    assert "hush" not in show(Settings(token="hush-hush", cookie_secret="hush" * 10))
