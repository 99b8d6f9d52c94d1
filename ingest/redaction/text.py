"""Texts without their secrets: command lines, scripts and reports, environments, configurations.

In what runners report and in scripts a value that is a reference (`$TOKEN`, `os.environ[…]`, `get_token()`) stays.
"""

import re

from ingest.redaction.commands import hide_arguments, hide_input
from ingest.redaction.names import LOOKED_AT, Secrecy, is_password, is_user, looks_random, secrecy
from ingest.redaction.shapes import HIDDEN, hide_key_blocks, hide_shapes, may_hold_shapes

# Each quantifier is possessive, bounded, or starts where it cannot start again within its match.
_QUOTED = r"""'''.*?'''|\"""(?:.*?)\"""|'(?:\\.|[^'\\])*+'|"(?:\\.|[^"\\])*+\""""
_TAIL = r"(?:[^\s,;&|\])}\"'<>]|,(?=[^\s,;&|\])}\"'<>=:]++(?![=:])))"  # of `password=a,b`, but not of `token:a,cost:b`
# A value may stand after `\`, in a block of YAML, or on the next line, quoted or alone.
_GAP = (
    r"(?:[ \t]|\\\r?\n)*+(?:[|>][\-+]?\r?\n[ \t]++|\r?\n[ \t]++(?=[\"']|[^\s=:\[{(<]++[ \t]*+(?:\r?\n|\Z)))?"
)
_ASSIGNMENT = re.compile(
    r"(?<![\w.\-])-{0,2}+([A-Za-z_][\w.\-]*+)\\?[\"']?\]?[ \t]*+(?!::)(?:=>|==?|:=?|<-(?=[ \t]))" + _GAP
)
_ASSIGNED = re.compile(
    rf"\[redacted\]|\\\"[^\"\n]*+\"?|(?:{_QUOTED}){_TAIL}*+|[\"'][^\n]*+|[^\s,;&|\])}}\"'<>]{_TAIL}*+",
    re.DOTALL,
)
_OPTION = re.compile(r"(?<![\w.\-])-{1,2}+([A-Za-z_][\w.\-]*+)(?:[ \t\n]|\\\r?\n)++")
_ARGUMENT = re.compile(rf"\[redacted\]|(?:{_QUOTED})\S*+|[\"'][^\n]*+|[^\s\-]\S*+", re.DOTALL)
_SETTER = re.compile(  # of shells, Dockerfiles and other tools, and the password of a .netrc
    r"(?:\b(?:set|setenv|put|secret-add|ENV)[ \t]++(?:-\w++[ \t]++)?|\bmachine[ \t]++\S{1,200}+\s++login[ \t]++\S{1,200}+\s++)"
    r"([A-Za-z_][\w.\-]*+)[ \t]++"
)
_PAIR = re.compile(  # {name: API_TOKEN, value: X}, <property name="password" value="X"/>, <name>…</name><value>…
    r"(?i:\b(?:name|key)\b)[\"']?(?:[ \t]*+[:=][ \t]*+|>)[\"']?([A-Za-z_][\w.\-]*+)[\"']?(?:</(?i:name|key)>)?"
    r"[\s,]*+[\"'<]?(?i:value\b)[\"']?(?:[ \t]*+[:=][ \t]*+|>)"
)
_ELEMENT = re.compile(r"<([A-Za-z_][\w.\-:]{0,99})(?:[ \t][^<>]{0,500})?>(?=[^<\s])")
_ELEMENT_TEXT = re.compile(r"[^<]++")

_WALKS = (
    (_PAIR, _ASSIGNED),
    (_ASSIGNMENT, _ASSIGNED),
    (_OPTION, _ARGUMENT),
    (_SETTER, _ARGUMENT),
    (_ELEMENT, _ELEMENT_TEXT),
)
#: What every name has under which something is hidden; a text without it is not walked, which costs a tenth.
_HINT = re.compile(
    r"pass|pw|secret|credential|token|key|auth|jwt|bearer|cookie|licen|salt|pat(?![a-z])", re.I
)

_LITERAL = re.compile(r"[\"']?(?:true|false|null|none|nil|undefined)\b[\"']?(?!\w)", re.IGNORECASE)
_NUMBER_MOST = 40  # characters; no figure has more
_NUMBER = re.compile(r"[\"']?[+-]?\d[\d_]*+(?:\.\d++)?[\"']?(?![\w.\-+/=])")
_REFERENCE = re.compile(
    r"[\"']{0,3}(?:\\?\$(?:\{|\(|[A-Za-z_])|secrets\.\w)"
    r"|(?:os|System|process|Sys|params|args|opts?|config|self|task|ENV)(?:\.|\[|::)|[A-Za-z_][\w.]*+[(\[]"
)
_PARSER_SAYS = re.compile(
    r"(?:unexpected|invalid|illegal|unknown|missing|expected|unrecogni[sz]ed|bad|next|last)[ \t]\Z", re.I
)

# Digests of images (docker://image:tag@sha256:…) are no users, nor is the `git` of every ssh address. The second is
# for a password with a slash, which makes no URL but happens; a port is none.
_USER_OF_URL = re.compile(r"://(?!\*\*\*@|git@)[^\s/?#'\"<>]*@(?!sha\d+:)")
_PASSWORD_WITH_SLASH = re.compile(r"://[^\s/:@'\"]{1,200}+:(?!\d+/)[^\s@'\"]{0,200}+@(?!sha\d+:)")
_SIGNATURE = re.compile(
    r"([?&](?:sig|signature|x-(?:amz|goog)-(?:signature|credential|security-token))=)[^&\s'\"#]+",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"(\b(?:authorization|cookie)[\"']?[ \t]*+[:=][ \t]*+[\"']?)(?!\[redacted\]|\$)(?:[a-z]++[ \t]++)?(?![$])[^\s'\"]+",
    re.IGNORECASE,
)
_ENV_LINE = re.compile(r"[ \t]*+(?:export[ \t]++)?([^=\s]++)=")
_SETTING = re.compile(r"([ \t]*+['\"]?([\w.\-]++)['\"]?[ \t]*+=[ \t]*+)(?=\S)")
_SCOPE = re.compile(r"[ \t]*+(?:withName:|withLabel:)?['\"]?([\w.\-:*|~]++)['\"]?[ \t]*+\{[ \t]*+\Z")

_TASK_HASH = re.compile(r"(?<=/)[0-9a-f]{2}/[0-9a-f]{30}\Z")
_TASK_HASH_LENGTH = 33

#: Texts without anything to hide, as all tasks of a process have the same container and queue, and each is told several times.
_plain_texts: set[str] = set()
_MOST_PLAIN_TEXTS, _MOST_PLAIN_LENGTH = 4096, 500


def url(text: str) -> str:
    """The text without the users, passwords and signatures of its URLs: `https://***@host/path`."""
    if "://" not in text:
        return text
    if "@" in text:
        text = _PASSWORD_WITH_SLASH.sub("://***@", _USER_OF_URL.sub("://***@", text))
    return _SIGNATURE.sub(rf"\1{HIDDEN}", text) if "=" in text else text


def short(text: str) -> str:
    """A name, an address or another short text that holds no assignments."""
    return text if _is_plain(text) else hide_shapes(url(text))


def task_folder(text: str) -> str:
    """A task's folder, as `short`. Of `…/work/ab/0123…` the last two names are a hash, which neither is a secret nor makes one of
    what stands before it; so only that is looked at, and all tasks of a run have it in common."""
    own = _TASK_HASH.match(text, len(text) - _TASK_HASH_LENGTH)
    return text if own and _is_plain(text[:-_TASK_HASH_LENGTH]) else short(text)


def _is_plain(text: str) -> bool:
    """Whether there is nothing in the text that `short` looks for."""
    if text in _plain_texts:
        return True
    if may_hold_shapes(text) or ("://" in text and ("@" in text or "=" in text)):
        return False
    if len(text) <= _MOST_PLAIN_LENGTH:
        if len(_plain_texts) >= _MOST_PLAIN_TEXTS:
            _plain_texts.clear()
        _plain_texts.add(text)
    return True


def text(value: str) -> str:
    """A command line, or any text of which nothing more is known."""
    return _free_text(value, keep_references=False)


def script(value: str) -> str:
    """A task's script, an error message or an error report."""
    return _free_text(value, keep_references=True)


def _free_text(text: str, keep_references: bool) -> str:
    text = hide_input(hide_arguments(hide_key_blocks(text)))
    if _HINT.search(text):
        text = _HEADER.sub(rf"\1{HIDDEN}", text)
        for named, valued in _WALKS:
            text = _hide(text, named, valued, keep_references)
    return short(text)


def _hide(text: str, named: re.Pattern[str], valued: re.Pattern[str], keep_references: bool) -> str:
    """Hide each value that follows a secret name; what follows another name is searched in turn."""
    parts, done, at = [], 0, 0
    while name := named.search(text, at):
        at = name.end()
        level = secrecy(name[1])
        if level is Secrecy.NOTHING or (keep_references and _REFERENCE.match(text, at)):
            continue
        # What stays is searched in turn, so it must not be walked through to its end first, once for each name in it.
        if level is Secrecy.IF_RANDOM and not looks_random(text[at : at + LOOKED_AT]):
            continue
        if _is_of_a_parser(text, name):
            continue
        value = valued.match(text, at)
        if value is None or _stays(name[1], level, value[0]):
            continue
        parts += [text[done:at], HIDDEN]
        done = at = value.end()
    return "".join([*parts, text[done:]]) if parts else text


def _stays(name: str, level: Secrecy, value: str) -> bool:
    """Whether a value under a name of that level tells nothing: a short one, or one whose first characters do not look random."""
    if level is Secrecy.IF_RANDOM:
        return not looks_random(value)
    if len(value) > _NUMBER_MOST:
        return False
    return bool(_LITERAL.fullmatch(value)) or (bool(_NUMBER.fullmatch(value)) and not is_password(name))


def _is_of_a_parser(text: str, name: re.Match[str]) -> bool:
    """Whether it is a parser's complaint, such as `unexpected token: 'foo'`."""
    start = name.start(1)
    return name[1].lower() == "token" and _PARSER_SAYS.search(text[max(0, start - 14) : start]) is not None


def env(value: str) -> str:
    """Lines of NAME=value; a line without a name continues the value before it."""
    lines: list[str] = []
    hiding = False
    for line in hide_key_blocks(value).split("\n"):
        named = _ENV_LINE.match(line)
        if named:
            old, level = line[named.end() :], secrecy(named[1])
            hiding = level is not Secrecy.NOTHING and bool(old) and not _stays(named[1], level, old)
            lines.append(named[0] + (HIDDEN if hiding else text(old)))
        elif not hiding or not line.strip():
            lines.append(text(line))
    return "\n".join(lines)


def config(value: str) -> str:
    """Nextflow's configuration: `NAME = 'value'` in nested scopes, and maps. A secret scope goes whole."""
    lines: list[str] = []
    scopes: list[_Scope] = [_Scope(False)]
    for line in text(value).split("\n"):
        scope = _SCOPE.match(line)
        if scope:
            name = scope[1].rsplit(":", 1)[-1]
            scopes.append(_Scope(scopes[-1].secret or secrecy(name) is Secrecy.ALL))
        elif line.strip() == "}" and len(scopes) > 1:
            scopes.pop()
        elif scopes[-1].secret and line.strip():
            line = re.sub(r"\S.*", HIDDEN, line, count=1)
        elif setting := _SETTING.match(line):
            line = scopes[-1].setting(lines, line, setting)
        lines.append(line)
    return "\n".join(lines)


class _Scope:
    """A scope of a configuration: whether all of it is secret, and the users that go when a password stands beside them."""

    def __init__(self, secret: bool) -> None:
        self.secret, self._has_password = secret, False
        self._users: list[tuple[int, str]] = []  # the line's number, and what it becomes

    def setting(self, lines: list[str], line: str, setting: re.Match[str]) -> str:
        """The line of a setting, hidden where it must be. Hides users in `lines` when it is a password."""
        name, old, level = setting[2], line[setting.end() :], secrecy(setting[2])
        if is_user(name):
            self._users.append((len(lines), setting[1] + HIDDEN))
        if level is not Secrecy.NOTHING and not _stays(name, level, old):
            line = setting[1] + HIDDEN
            self._has_password |= is_password(name)
        if self._has_password:
            for number, hidden in self._users:
                if number == len(lines):
                    line = hidden
                else:
                    lines[number] = hidden
            self._users.clear()
        return line
