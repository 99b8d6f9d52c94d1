"""Secrets are taken out before the log: what was never written cannot leak from a table, a page or a backup.

A secret is known by the *name* it stands under, whatever the case and whether written camelCase, snake_case,
kebab-case or dotted. A name is secret when it

- contains `secret`, `password`, `passwd`, `passphrase`, `credential`, or one of the compounds `apikey`,
  `accesskey`, `privatekey`, … also run together (`MYSQLPASSWORD`, `awsSecretAccessKey`), or
- has a word that is, or ends with, `token` or `tokens` (`LAB_TOKEN`, `authtoken`; not `tokenizer_path`), or
- has more than one word and the last is `pass` or `pwd` (`DB_PASS`; not `PWD`), or
- has a word that is `key`, `keys`, `auth`, `oauth`, `authorization`, `jwt` or `bearer` (`sshKey`,
  `sort_key`, `key`; not `keyframe`, `monkey`, `author`).

Too much is hidden rather than too little: `sort_key` loses its value. Booleans and null are kept, since they
tell nothing. In scripts and in what runners report of errors a bare `key` is not secret (`sort --key=2`), nor
is a value that begins with `$` (a reference). Besides names: the user part of any URL, `Authorization:`
headers, the signature of a signed URL, and private keys in PEM. Every function here is idempotent.
"""

import json
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from schemas.events import Begun, Completed, Created, Payload, TaskRecord, Workflow

HIDDEN = "[redacted]"

# Each quantifier is possessive or starts at a word's edge, so that hostile text costs linear time.
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_ANYWHERE = re.compile(
    r"secret|passw(?:or)?d|passphrase|credential"
    r"|(?:api|access|private|ssh|auth|account|storage|shared|master|encryption|signing|deploy|license|session)keys?"
)
_WHOLE_WORDS = frozenset({"key", "keys", "auth", "oauth", "authorization", "jwt", "bearer"})
_HINTS = ("token", "secret", "pass", "credential", "key", "auth", "jwt", "bearer", "pwd")

_QUOTED = r"""'''.*?'''|\"""(?:.*?)\"""|'(?:\\.|[^'\\])*+'|"(?:\\.|[^"\\])*+\""""
_ASSIGNMENT = re.compile(r"(?<![\w.\-])-{0,2}+([A-Za-z_][\w.\-]*+)\\?[\"']?[ \t]*+[=:][ \t]*+")
_ASSIGNED = re.compile(
    rf"\[redacted\]|\\\"[^\"\n]*+\"?|(?:{_QUOTED})[^\s,;&|\])}}]*+|[\"'][^\n]*+|[^\s,;&|\])}}\"']++",
    re.DOTALL,
)
_OPTION = re.compile(r"(?<![\w.\-])-{1,2}+([A-Za-z_][\w.\-]*+)[ \t\n]++")
_ARGUMENT = re.compile(rf"\[redacted\]|(?:{_QUOTED})\S*+|[\"'][^\n]*+|[^\s\-]\S*+", re.DOTALL)
# Digests of images (docker://image:tag@sha256:…) are no users. The second is for a password with a slash,
# which makes no URL but happens; a port is none.
_USER_OF_URL = re.compile(r"://(?!\*\*\*@)[^\s/?#'\"<>]*@(?!sha\d+:)")
_PASSWORD_WITH_SLASH = re.compile(r"://[^\s/:@'\"]{1,200}+:(?!\d+/)[^\s@'\"]{0,200}+@(?!sha\d+:)")
_SIGNATURE = re.compile(
    r"([?&](?:sig|signature|x-(?:amz|goog)-(?:signature|credential|security-token))=)[^&\s'\"#]+",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"(authorization[\"']?[ \t]*+[:=][ \t]*+[\"']?)(?!\[redacted\])(?:[a-z]++[ \t]++)?[^\s'\"]+",
    re.IGNORECASE,
)
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_ENV_LINE = re.compile(r"[ \t]*+(?:export[ \t]++)?([^=\s]++)=")
_SETTING = re.compile(r"([ \t]*+['\"]?([\w.\-]++)['\"]?[ \t]*+=[ \t]*+)\S")
_SCOPE = re.compile(r"[ \t]*+(?:withName:|withLabel:)?['\"]?([\w.\-:*|~]++)['\"]?[ \t]*+\{[ \t]*+\Z")


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether what stands under this name is hidden; see the rule above."""
    flat = re.sub(r"[^a-z]", "", name.lower())
    if _ANYWHERE.search(flat):
        return True
    words = [w.lower() for w in _WORDS.findall(name)]
    if len(words) > 1 and words[-1] in ("pass", "pwd"):  # DB_PASS; but PWD is the working directory
        return True
    return any(w in _WHOLE_WORDS or w.endswith(("token", "tokens")) for w in words)


def _is_secret_in_script(name: str) -> bool:
    return name.lower() not in ("key", "keys") and is_secret(name)


def url(text: str) -> str:
    """The text without the users, passwords and signatures of its URLs: `https://***@host/path`."""
    if "://" not in text:
        return text
    if "@" in text:
        text = _PASSWORD_WITH_SLASH.sub("://***@", _USER_OF_URL.sub("://***@", text))
    return _SIGNATURE.sub(rf"\1{HIDDEN}", text) if "=" in text else text


def text(value: str) -> str:
    """A command line, or any text of which nothing more is known."""
    return _free_text(value, is_secret, keep_references=False)


def script(value: str) -> str:
    """A task's script, an error message or an error report."""
    return _free_text(value, _is_secret_in_script, keep_references=True)


def _free_text(found: str, secret: Callable[[str], bool], keep_references: bool) -> str:
    if _may_hold_secret(found):
        found = _HEADER.sub(rf"\1{HIDDEN}", _PEM.sub(HIDDEN, found))
        found = _hide(found, _ASSIGNMENT, _ASSIGNED, secret, keep_references)
        found = _hide(found, _OPTION, _ARGUMENT, secret, keep_references)
    return url(found)


def _hide(
    found: str,
    named: re.Pattern[str],
    valued: re.Pattern[str],
    secret: Callable[[str], bool],
    keep_references: bool,
) -> str:
    """Hide each value that follows a secret name; what follows another name is searched in turn."""
    out, done, at = [], 0, 0
    while name := named.search(found, at):
        at = name.end()
        old = valued.match(found, at) if secret(name[1]) else None
        if old is None or (keep_references and old[0].lstrip("\"'").startswith("$")):
            continue
        out += [found[done:at], HIDDEN]
        done = at = old.end()
    return "".join([*out, found[done:]]) if out else found


def _may_hold_secret(value: str) -> bool:
    low = value.lower()
    return any(hint in low for hint in _HINTS)


def env(value: str) -> str:
    """Lines of NAME=value; a line without a name continues the value before it."""
    lines: list[str] = []
    hiding = False
    for line in _PEM.sub(HIDDEN, value).split("\n"):
        named = _ENV_LINE.match(line)
        if named:
            hiding = is_secret(named[1])
            lines.append(named[0] + (HIDDEN if hiding else text(line[named.end() :])))
        elif not hiding or not line.strip():
            lines.append(text(line))
    return "\n".join(lines)


def config(value: str) -> str:
    """Nextflow's configuration: `NAME = 'value'` in nested scopes, and maps. A secret scope goes whole."""
    lines: list[str] = []
    scopes: list[bool] = []
    for line in text(value).split("\n"):
        scope = _SCOPE.match(line)
        if scope:
            scopes.append(is_secret(scope[1].rsplit(":", 1)[-1]) or (bool(scopes) and scopes[-1]))
        elif line.strip() == "}" and scopes:
            scopes.pop()
        elif scopes and scopes[-1] and line.strip():
            line = re.sub(r"\S.*", HIDDEN, line, count=1)
        elif (setting := _SETTING.match(line)) and is_secret(setting[2]):
            line = setting[1] + HIDDEN
        lines.append(line)
    return "\n".join(lines)


def value(found: Any, name: str = "") -> Any:
    """Free JSON that stands under `name`: params, a manifest, a part that is set aside."""
    if found is None or isinstance(found, bool):
        return found
    if name and is_secret(name):
        return HIDDEN
    if isinstance(found, str):
        return _BY_NAME.get(name, text)(found)
    if isinstance(found, dict):
        return {k: value(v, k) for k, v in found.items()}
    if isinstance(found, list):
        return [value(v) for v in found]
    return found


#: How the texts of a request are written, where that is known from the field's name in any dialect.
_BY_NAME: dict[str, Callable[[str], str]] = {
    "env": env,
    "configText": config,
    "config_text": config,
    "script": script,
    "errorReport": script,
    "errorMessage": script,
    "error_report": script,
    "error_message": script,
}


def body(raw: bytes) -> bytes:
    """The bytes of a dead letter: the same bytes, unless a secret is in them. Best effort if not JSON."""
    plain = raw.decode("utf-8", "surrogateescape")
    hidden = text(plain)
    try:
        parsed = json.loads(raw)
        safe = value(parsed)
        # The text is compared too, since of keys that stand twice in an object only the last is parsed.
        return raw if safe == parsed and hidden == plain else json.dumps(safe).encode()
    except (ValueError, RecursionError):
        return hidden.encode("utf-8", "surrogateescape")


_TASK_TEXTS = ("name", "tag", "container", "workdir", "queue")


def tasks(records: Iterable[TaskRecord]) -> None:
    """Redact the records in place."""
    for r in records:
        if r.env:
            r.env = env(r.env)
        if r.script:
            r.script = script(r.script)
        for field in _TASK_TEXTS:
            found = getattr(r, field)
            if found and "://" in found:
                setattr(r, field, url(found))


def payload(data: Payload) -> None:
    """Redact what an event tells of a run, in place."""
    if isinstance(data, Created):
        data.repository = url(data.repository)
        data.project_name = url(data.project_name)
    if isinstance(data, Begun | Completed) and data.workflow is not None:
        _workflow(data.workflow)
    if isinstance(data, Completed):
        data.error_message = script(data.error_message)
        data.error_report = script(data.error_report)


def _workflow(w: Workflow) -> None:
    for name, found in w:
        if isinstance(found, str) and found:
            setattr(w, name, url(found))
    w.command_line = text(w.command_line)
    w.config_text = config(w.config_text)
    w.params = value(w.params)
    w.manifest = value(w.manifest)
