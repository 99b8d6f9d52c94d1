"""Passwords on command lines that stand under no name: `curl -u u:X`, `mysql -pX`, `echo X | docker login --password-stdin`."""

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
    ("openssl", r"(\bpass:|" + _START + r"-[kK][ \t]++)(?!\[redacted\])" + _VALUE),
    ("ssh-keygen", _START + r"(-[NP][ \t]++)(?!\[redacted\]|''|\"\")" + _VALUE),
    ("twine", _START + r"(-p[ \t]++)(?!\[redacted\])" + _VALUE),
    ("vault", r"(\blogin[ \t]++(?:token=)?)(?![\s\-]|\[redacted\])" + _VALUE),
    ("tw", r"(\blogin\b[^\n]{0,200}?[ \t]-t[ \t]++)(?!\[redacted\])" + _VALUE),
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


#: Options by which a program reads a password from its input.
_READS_INPUT = re.compile(r"(?<![\w\-])(?:--password-stdin|--with-token|(?<=sudo )-S)(?![\w\-])")
_PRINTS = re.compile(r"\b(?:echo|printf)\b(?:[ \t]+-[neE]+)*[ \t]+(?:(['\"])%s(?:\\n)?\1[ \t]+)?")
_HERE = re.compile(r"([^\n;|&<]{0,500}<<<[ \t]*+)(?![\"']?\$|\[redacted\])" + _VALUE)
_ENDS = re.compile(r"[;&]|(?<!\\)\n")
#: So far before such an option is looked for what prints its input.
_PIPE_CHARACTERS = 1000


def hide_input(text: str) -> str:
    """The text without passwords that are printed into a program: `echo X | docker login --password-stdin`, `… <<< X`."""
    parts, done = [], 0
    for option in _READS_INPUT.finditer(text):
        start = max(done, option.start() - _PIPE_CHARACTERS)
        if password := _printed(text, start, option.start()):
            at, end = password
            parts += [text[done:at], HIDDEN]
            done = end
        if here := _HERE.match(text, option.end()):
            parts += [text[done : option.end()], here[1], HIDDEN]
            done = here.end()
    return "".join([*parts, text[done:]]) if parts else text


def _printed(text: str, start: int, option: int) -> tuple[int, int] | None:
    """Where the password stands that is printed into the program of the option at `option`; None for a variable."""
    pipe = text.rfind("|", start, option)
    if pipe < 0 or _ENDS.search(text, pipe + 1, option):
        return None
    printing = list(_PRINTS.finditer(text, start, pipe))
    if not printing:
        return None
    at = printing[-1].end()
    printed = text[at:pipe].rstrip()
    if not printed or "\n" in printed or printed.lstrip("\"'")[:1] in ("$", "`", ""):
        return None
    return at, at + len(printed)
