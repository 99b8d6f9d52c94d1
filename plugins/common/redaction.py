"""Takes what looks like a secret out of a command line before it leaves this machine; the tracker looks again, by more rules."""

import re
import shlex

HIDDEN = "[redacted]"
_SECRET = re.compile(
    r"passw|secret|token|credential|api[-_]?key|access[-_]?key|private[-_]?key|auth", re.IGNORECASE
)
#: `name=value` and `name: value`, as words of `--config` have it.
_ASSIGNED = re.compile(r"(?P<name>[\w.-]*)(?P<sign>[=:]\s*)(?P<value>.+)", re.DOTALL)
_IN_URL = re.compile(r"(?<=://)[^/\s@]+(?=@)")


def redacted(command_line: str) -> str:
    """The command without values of options and assignments whose names say that they are secret, nor passwords in addresses."""
    try:
        words = shlex.split(command_line)
    except ValueError:  # no line of a shell: nobody knows where a secret would end
        return ""
    kept: list[str] = []
    hide_next = False
    for word in words:
        is_option = word.startswith("-")
        assigned = _ASSIGNED.fullmatch(word)
        if hide_next and not is_option:
            kept.append(HIDDEN)
        elif assigned and _SECRET.search(assigned["name"]):
            kept.append(f"{assigned['name']}{assigned['sign']}{HIDDEN}")
        else:
            kept.append(_IN_URL.sub(HIDDEN, word))
        hide_next = is_option and not assigned and bool(_SECRET.search(word))
    return " ".join(w if HIDDEN in w else shlex.quote(w) for w in kept)
