"""What keeps strangers out of a process: its list of tokens, the key of its cookies, and whether it may listen at all."""

import asyncio
import secrets
from typing import TYPE_CHECKING

import structlog

from schemas.settings import Settings
from stores.files import read_private, write_private
from stores.tables.client import Tables
from stores.tokens.token_list import CachedTokenList
from stores.tokens.tokens import TokenTable

if TYPE_CHECKING:
    from api.auth.gate import Gate

_log = structlog.get_logger()

_KEY = "cookie.key"
_LOOK_SECONDS = 1.0
_SAY_EVERY = 30


class Exposed(ValueError):
    """Anybody who reaches the address could read and write; the message says what to do."""


def tokens(tables: Tables, settings: Settings) -> CachedTokenList:
    """The list of tokens of this process."""
    from tracker.processes.serve import now_ms

    return CachedTokenList(TokenTable(tables), settings.data, settings.tokens_seconds, now_ms)


def gate(tokens: CachedTokenList, settings: Settings) -> "Gate":
    """The gate before the api."""
    from api.auth.gate import Gate
    from api.auth.sessions import LoginSessions
    from tracker.processes.serve import now_ms

    secure = settings.base_url.startswith("https:")
    return Gate(tokens, settings, now_ms, LoginSessions(cookie_key(settings), settings.login_hours, secure))


def cookie_key(settings: Settings) -> str:
    """The one of the settings, else the one under DATA, which is made at the first start."""
    if told := settings.cookie_secret.get_secret_value():
        return told
    path = settings.data / _KEY
    if not path.exists():
        write_private(path, secrets.token_urlsafe(48).encode())
    return read_private(path).decode()


def is_open(tokens: CachedTokenList) -> bool:
    """Whether no token has been made."""
    return tokens.current is not None and tokens.current.is_open


def refuse_exposed(tokens: CachedTokenList, settings: Settings) -> None:
    """Raises Exposed where no token has been made and more than this machine could reach us."""
    if settings.on_loopback:
        return
    if tokens.current is None:
        raise Exposed(
            "the list of tokens is not known yet: ClickHouse does not answer, or `tracker migrate` has not run"
        )
    if is_open(tokens) and not settings.open:
        raise Exposed(
            f"TRACKER_HOST={settings.host} would let anybody who reaches it read and write, as no token has been made. "
            "Make one with `tracker token create NAME --role admin`, listen on 127.0.0.1, or set TRACKER_OPEN=true if a "
            "firewall guards the port."
        )
    if is_open(tokens):
        _log.warning("open: anybody who reaches this address can read and write", host=settings.host)


async def until_safe(tokens: CachedTokenList, settings: Settings) -> None:
    """Return once it is safe to listen; says why not, every half minute. `tokens` are being refreshed meanwhile."""
    waited = 0
    while True:
        try:
            return refuse_exposed(tokens, settings)
        except Exposed as why:
            if waited % _SAY_EVERY == 0:
                _log.warning(f"not listening yet: {why}")
        waited += 1
        await asyncio.sleep(_LOOK_SECONDS)
