"""What a process lets callers in by: its list of tokens, the gate before its pages, and the key of its cookies."""

import secrets

from api.auth.gate import Gate
from api.auth.sessions import LoginSessions
from schemas.settings import Settings
from stores.files import read_private, write_private
from stores.tables.client import Tables
from stores.tokens.token_list import CachedTokenList
from stores.tokens.tokens import TokenTable
from tracker.clock import now_ms

_KEY = "cookie.key"


def token_list(tables: Tables, settings: Settings) -> CachedTokenList:
    """The list of tokens of this process."""
    return CachedTokenList(TokenTable(tables), settings.data, settings.tokens_seconds, now_ms)


def gate(tokens: CachedTokenList, settings: Settings) -> Gate:
    """The gate before the api."""
    return Gate(tokens, settings, now_ms, login_sessions(settings))


def login_sessions(settings: Settings) -> LoginSessions:
    """The signer of the logins' cookies."""
    secure = settings.base_url.startswith("https:")
    return LoginSessions(cookie_key(settings), settings.login_hours, secure)


def cookie_key(settings: Settings) -> str:
    """The one of the settings, else the one under DATA, which is made at the first start."""
    if key := settings.cookie_secret.get_secret_value():
        return key
    path = settings.data / _KEY
    if not path.exists():
        write_private(path, secrets.token_urlsafe(48).encode())
    return read_private(path).decode()
