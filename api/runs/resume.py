"""How a run is gone on with, in the words of the runner that it was started by. Pure.

Nextflow refuses a name that its history has ("Run name … has been already used"), so what is shown names the session alone.
"""

import re
import shlex

from schemas.statuses import Dialect

#: What Nextflow takes for the value of `-resume`; anything else that follows is the next argument.
_SESSION = re.compile(r"last|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HIDDEN = "[redacted"


def is_nextflow(dialect: str, runner_name: str) -> bool:
    """Whether Nextflow reports the run: its own dialects do not say so before it begins."""
    return runner_name.lower() == "nextflow" or (
        not runner_name and dialect in (Dialect.TOWER, Dialect.WEBLOG)
    )


def resume_argument(session_id: str) -> str:
    """What to append to the command that started the run."""
    return f"-resume {shlex.quote(session_id)}"


def resume_line(command_line: str, session_id: str) -> str | None:
    """The whole command, ready to paste: its own `-resume` and `-name` are left out.

    None where the command is not known, is no line of a shell, or holds what was redacted.
    """
    if _HIDDEN in command_line or "\n" in command_line:
        return None
    try:
        words = shlex.split(command_line)
    except ValueError:
        return None
    if "run" not in words[1:]:
        return None
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "-name":
            next(rest, None)
        elif word == "-resume":
            follower = next(rest, None)
            if follower is not None and not _SESSION.fullmatch(follower):
                kept.append(follower)
        else:
            kept.append(word)
    return f"{shlex.join(kept)} {resume_argument(session_id)}"
