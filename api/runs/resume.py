"""How a run is gone on with, in the words of the runner that it was started by. `runner_kinds.py` says which is whose. Pure.

Nextflow refuses a name that its history has ("Run name … has been already used"), so what is shown names the session alone; but
`tracker run` makes another of it, by which the page of the run is found under the name too.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from schemas.run_names import LAUNCHED_AS
from schemas.statuses import Dialect

#: What Nextflow takes for the value of `-resume`; anything else that follows is the next argument.
SESSION = re.compile(r"last|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HIDDEN = "[redacted"
#: Options of Nextflow that take the address to report to.
_REPORTS_TO = frozenset({"-with-tower", "-with-weblog"})


@dataclass(frozen=True, slots=True)
class Started:
    """How a run was started: its session, the runner's command line, and the name that `tracker run` was asked for, '' where that
    did not start it."""

    session_id: str
    command_line: str
    launched_as: str = ""


def is_nextflow(dialect: str, runner_name: str) -> bool:
    """Whether Nextflow reports the run: its own dialects do not say so before it begins."""
    return runner_name.lower() == "nextflow" or (
        not runner_name and dialect in (Dialect.TOWER, Dialect.WEBLOG)
    )


def nextflow_argument(run: Started) -> str:
    """What to append to the command that started the run."""
    name = f" -name {shlex.quote(run.launched_as)}" if run.launched_as else ""
    return f"-resume {shlex.quote(run.session_id)}{name}"


def nextflow_line(run: Started) -> str | None:
    """The whole command, ready to paste: its own `-resume` and `-name` are left out, and what `tracker run` added.

    None where the command is not known, is no line of a shell, or holds what was redacted.
    """
    words = _words(run.command_line)
    if "run" not in words[1:]:
        return None
    launched = bool(run.launched_as)
    command = shlex.join(_kept(words, launched))
    return f"{'tracker run -- ' if launched else ''}{command} {nextflow_argument(run)}"


def _kept(words: list[str], launched: bool) -> Iterator[str]:
    """The words but for `-resume`, `-name` and, if it was `launched`, the address that `tracker run` gave."""
    at = 0
    while at < len(words):
        word, follower = words[at], "".join(words[at + 1 : at + 2])
        with_value = (
            word == "-name"
            or (word == "-resume" and SESSION.fullmatch(follower) is not None)
            or (launched and word in _REPORTS_TO and LAUNCHED_AS in follower)
        )
        if not with_value and word != "-resume":
            yield word
        at += 2 if with_value else 1


def snakemake_argument(_: Started) -> str:
    """Snakemake knows by itself what is done; what was cut off it makes anew only when it is told to."""
    return "--rerun-incomplete"


def snakemake_line(run: Started) -> str | None:
    """The whole command, ready to paste; None as for Nextflow."""
    words = _words(run.command_line)
    if not words or PurePath(words[0]).name != "snakemake":
        return None
    argument = snakemake_argument(run)
    return shlex.join([*(w for w in words if w != argument), argument])


def _words(command_line: str) -> list[str]:
    """Of a command that can be given again; [] where it is no line of a shell, or holds what was redacted."""
    if _HIDDEN in command_line or "\n" in command_line:
        return []
    try:
        return shlex.split(command_line)
    except ValueError:
        return []
