"""Which names mark their value as secret, whether written camelCase, snake_case, kebab-case or dotted."""

import re
from enum import IntEnum
from functools import lru_cache


class Secrecy(IntEnum):
    """What is hidden of that which stands under a name."""

    NOTHING = 0
    IF_RANDOM = 1  # `sort_key: chrom` stays, `key: 8fJ2k0aQ93mZx81T` does not
    ALL = 2


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Secret wherever they stand in a name, also run together (`MYSQLPASSWORD`, `awsSecretAccessKey`); `secretome`,
#: `secretion`, `secretase`, `secretory`, `secretary`, `secreted` and `secretin` are biology and offices.
_PASSWORDS = re.compile(
    r"passw(?:or)?d|passphrase|credential|secret(?!om|ion|as|ory|ar[iy]|ed|e$|in$)"
    r"|(?:db|sql|user|root|admin|smtp|ftp|mail|ldap|redis|mongo|login|proxy)pass$"
)
_KEYS = re.compile(
    r"(?:api|access|private|ssh|auth|account|storage|shared|master|encryption|signing|deploy|licen[sc]e|session|secret"
    r"|service|client|subscription|consumer|webhook|gpg|pgp|hmac|ssl|tls)keys?(?!word|board)"
)
_AUTH = frozenset({"auth", "oauth", "authorization", "jwt", "bearer", "cookie"})

#: A last word that says something about a secret, and is none: `secretName`, `token_type`, `API_KEY_FILE`, `auth_method`.
_ABOUT = _words("""
    name names file files path dir type types count counts length len size limit url uri endpoint
    ttl expiry expires age policy required enabled disabled prompt format method mode provider
    server host scheme stdin realm domain budget window index position classification embedding embeddings
    rotation version manager management arn error errors exception failure failed
""")
_NOT_SIGN_IN_TOKENS = _words("""
    pad eos bos unk mask sep cls special stop start end next unexpected invalid illegal per first
    last current prev previous expected image csrf
""")
_SIGN_IN = _words("""
    auth access api refresh bearer session id user github gitlab secret service
""")
_NOT_LOGINS = _words("""
    qc filter filters first second third high low band n num min max one two single multi did must
    all test tests by reads read variants variant only is fail last per each status pct fraction
    percent sample samples vcf
""")
_USER_NAMES = frozenset({"user", "username", "login"})
_ONLY_IF_RANDOM = frozenset(
    {"key", "keys", "pat", "tokens", "pass", "pwd", "pw", "salt", "license", "licence"}
)

_CACHED_NAME = 128  # characters; so the cache holds at most 4096 names of that


def secrecy(name: str) -> Secrecy:
    """What is hidden under this name."""
    return _cached(name) if len(name) <= _CACHED_NAME else _secrecy(name)


def is_password(name: str) -> bool:
    """Whether the name is one of a password, of which even a number is hidden in texts."""
    return bool(_PASSWORDS.search(re.sub(r"[^a-z]", "", name.lower()))) or name.lower().endswith(
        ("pass", "pwd", "pw")
    )


def is_user(name: str) -> bool:
    """Whether the name is one of a user, who is hidden beside a password."""
    return name.lower() in _USER_NAMES


def _secrecy(name: str) -> Secrecy:
    words = [w.lower() for w in _WORDS.findall(name)]
    if not words:
        return Secrecy.NOTHING
    last, before = words[-1], frozenset(words[:-1])
    if before and last in _ABOUT:
        return Secrecy.NOTHING
    if _is_secret(name.lower(), words, last, before):
        return Secrecy.ALL
    return Secrecy.IF_RANDOM if last in _ONLY_IF_RANDOM else Secrecy.NOTHING


def _is_secret(low: str, words: list[str], last: str, before: frozenset[str]) -> bool:
    flat = "".join(words)
    if _PASSWORDS.search(flat) or _KEYS.search(flat) or _AUTH.intersection(words):
        return True
    if ("license" in low or "licence" in low) and ("base64" in low or "b64" in low):
        return True
    if last in ("pass", "pwd", "pw"):  # DB_PASS; but PWD is the working directory, and `qc_pass` a figure
        return bool(before) and words[-2] not in _NOT_LOGINS
    if last == "pat":
        return bool(before)
    if last.endswith("tokens"):
        return bool(_SIGN_IN & before)
    return any(
        w.endswith("token") and not (i and words[i - 1] in _NOT_SIGN_IN_TOKENS) for i, w in enumerate(words)
    )


_cached = lru_cache(maxsize=4096)(_secrecy)

#: Of a value so many characters tell whether it is a key.
LOOKED_AT = 256
_RUN = re.compile(r"[A-Za-z0-9+=]{16,}")
_CHANGES = re.compile(r"[A-Za-z](?=[0-9])|[0-9](?=[A-Za-z])|[a-z](?=[A-Z])")


def looks_random(text: str) -> bool:
    """Whether 16 characters or more in a row change often between letters, digits and cases, as keys do and words do not."""
    return any(len(_CHANGES.findall(run)) >= 4 for run in _RUN.findall(text[:LOOKED_AT]))
