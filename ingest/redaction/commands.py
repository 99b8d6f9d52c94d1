"""Passwords on command lines that stand under no name: `curl -u user:X`, `docker login -p X`, `mysql -pX`."""

import re

from ingest.redaction.shapes import HIDDEN

_VALUE = r"(?:'[^'\n]*+'|\"[^\"\n]*+\"|[^\s\"'$;|&][^\s;|&]*+)"
_START = r"(?<![^\s=])"

#: A program, and what must not be seen of its arguments; the groups before the last stay.
_PROGRAMS: tuple[tuple[str, str], ...] = (
    (
        "curl",
        _START
        + r"((?:-u[ \t=]?|-U[ \t]|--(?:proxy-)?user[ \t=])[ \t]*+[\"']?)(?!\$)[^\s:\"'$]++:(?!\$)[^\s\"']++",
    ),
    ("http", _START + r"((?:-a|--auth)[ \t=])[^\s:$]++:(?!\$)\S++"),
    (
        "docker|podman|helm|skopeo|crane|oras|buildah|apptainer|singularity|az|nerdctl",
        r"(\b(?:login|remote)\b[^\n]{0,200}?[ \t](?:-p|--password)[ \t=]?[ \t]*+)(?![\s\-]|\[redacted\])"
        + _VALUE,
    ),
    ("mysql|mysqldump|mysqladmin|mysqlimport|mariadb", _START + r"(-p)(?!\[redacted\])" + _VALUE),
    ("sshpass", _START + r"(-p[ \t]*+)(?!\[redacted\])" + _VALUE),
    ("redis-cli", _START + r"((?:-a|--pass)[ \t]++)(?!\[redacted\])" + _VALUE),
    ("ldapsearch|ldapmodify|ldapwhoami", _START + r"(-w[ \t]*+)(?!\[redacted\])" + _VALUE),
    ("zip|unzip", _START + r"(-P[ \t]*+)(?!\[redacted\])" + _VALUE),
    ("7z|7za|7zz|unrar", _START + r"(-p)(?!\[redacted\])" + _VALUE),
    ("openssl", r"(\bpass:)(?!\[redacted\])" + _VALUE),
    ("lftp|ncftpget", _START + r"(-u[ \t]*+[^\s,$]++,)(?!\[redacted\])" + _VALUE),
    ("smbclient", _START + r"((?:-U|--user)[ \t=]?[ \t]*+[^\s%$]++%)(?!\[redacted\])" + _VALUE),
    ("gh", r"(\bsecret set\b[^\n]{0,200}?[ \t](?:-b|--body)[ \t=])(?!\[redacted\])" + _VALUE),
)

_OF_PROGRAM = {
    program: re.compile(pattern) for programs, pattern in _PROGRAMS for program in programs.split("|")
}
_PROGRAM = re.compile(r"(?<![\w.\-])(" + "|".join(map(re.escape, _OF_PROGRAM)) + r")(?![\w.\-/:=])")
_COMMAND = re.compile(r"(?:[^\n;|&\\]|\\.|&(?=[\w%]))*+", re.DOTALL)


def hide_arguments(text: str) -> str:
    """The text without the passwords of known programs. A command ends at a line's end without `\\`, at `;`, `|` and `&`."""
    parts, done, at = [], 0, 0
    while program := _PROGRAM.search(text, at):
        end = _COMMAND.match(text, program.end()).end()  # type: ignore[union-attr]  # it matches nothing too
        command = text[program.end() : end]
        hidden = _OF_PROGRAM[program[1]].sub(rf"\g<1>{HIDDEN}", command)
        if hidden != command:
            parts += [text[done : program.end()], hidden]
            done = end
        at = end
    return "".join([*parts, text[done:]]) if parts else text
