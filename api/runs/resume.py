"""How a run is gone on with, in the words of the runner that it was started by. `runner_kinds.py` says which is whose. Pure.

Nextflow refuses a name that its history has ("Run name … has been already used"), so what is shown names the session alone.
"""

import re
import shlex
from pathlib import PurePath

from schemas.statuses import Dialect

#: What Nextflow takes for the value of `-resume`; anything else that follows is the next argument.
_SESSION = re.compile(r"last|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HIDDEN = "[redacted"


def is_nextflow(dialect: str, runner_name: str) -> bool:
    """Whether Nextflow reports the run: its own dialects do not say so before it begins."""
    return runner_name.lower() == "nextflow" or (
        not runner_name and dialect in (Dialect.TOWER, Dialect.WEBLOG)
    )


def nextflow_argument(session_id: str) -> str:
    """What to append to the command that started the run."""
    return f"-resume {shlex.quote(session_id)}"


def nextflow_line(command_line: str, session_id: str) -> str | None:
    """The whole command, ready to paste: its own `-resume` and `-name` are left out.

    None where the command is not known, is no line of a shell, or holds what was redacted.
    """
    words = _words(command_line)
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
    return f"{shlex.join(kept)} {nextflow_argument(session_id)}"


def snakemake_argument(_session_id: str) -> str:
    """Snakemake knows by itself what is done; what was cut off it makes anew only when it is told to."""
    return "--rerun-incomplete"


def snakemake_line(command_line: str, session_id: str) -> str | None:
    """The whole command, ready to paste; None as for Nextflow."""
    words = _words(command_line)
    if not words or PurePath(words[0]).name != "snakemake":
        return None
    argument = snakemake_argument(session_id)
    return shlex.join([*(w for w in words if w != argument), argument])


def _words(command_line: str) -> list[str]:
    """Of a command that can be given again; [] where it is no line of a shell, or holds what was redacted."""
    if _HIDDEN in command_line or "\n" in command_line:
        return []
    try:
        return shlex.split(command_line)
    except ValueError:
        return []
