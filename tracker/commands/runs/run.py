"""`tracker run -- COMMAND…`: starts a runner so that it reports here, and is then as good as not there."""

import os
import shutil
import signal
import subprocess
import sys
import webbrowser
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from schemas.run_names import LAUNCHED_AS
from tracker.client.launch import Launch, Report, launch, names_in_history, new_name
from tracker.client.remote import URL_HELP, Refused, RunningTracker
from tracker.errors import NotDone
from tracker.printing import printable
from tracker.settings import read_settings

app = typer.Typer()

#: So long the runner's start waits for the tracker at most.
_PATIENCE_SECONDS = 3.0
_HISTORY = Path(".nextflow/history")
#: The newest part of a long history: about 10,000 runs.
_HISTORY_BYTES = 4 * 2**20


@app.command(context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True})
def run(
    command: Annotated[
        list[str],
        typer.Argument(
            help="nextflow run …, snakemake … or miniwdl run …, as you would type it.", metavar="-- COMMAND…"
        ),
    ],
    open_page: Annotated[bool, typer.Option("--open", help="Open the run's page in a browser.")] = False,
    url: Annotated[str, typer.Option(help=URL_HELP)] = "",
) -> None:
    """Start `nextflow run …`, `snakemake …` or `miniwdl run …` so that it reports here, with nothing to configure.

    Prints the run's link first.

    The runner then takes this process's place, so it has the terminal and its signals, and its exit code is the command's. If
    the tracker does not answer within 3 s it runs without.
    """
    tracker = RunningTracker(read_settings(), url, _PATIENCE_SECONDS)
    problem = _problem(tracker)
    report = Report(
        *(tracker.url, tracker.token, names_in_history(_history()), new_name()),
        knows_launches=not problem and _knows_launches(tracker),
    )
    started = launch(command, report)
    argv, environment = started.argv, dict(os.environ)
    if problem := problem or _missing_plugin(started):
        print(f"tracker: {printable(problem)} The run is not followed.", file=sys.stderr, flush=True)
        argv = command
    else:
        link = f"{tracker.url}/runs/{quote(started.name, safe='')}"
        print(f"Follow the run at {link}", file=sys.stderr, flush=True)
        environment |= started.environment
        if open_page:
            webbrowser.open(link)
    for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(
            ignored_by_python, signal.SIG_DFL
        )  # or every script of the runner would ignore them too
    try:
        os.execvpe(argv[0], list(argv), environment)
    except FileNotFoundError as e:
        raise NotDone(f"there is no {argv[0]!r} on the PATH") from e


def _problem(tracker: RunningTracker) -> str:
    """Why the tracker cannot follow a run now; '' if it can. A runner that is refused may not start at all, so it is asked
    before."""
    try:
        tracker.ask("/user-info")
    except Refused as e:
        return f"{e}."
    except NotDone as e:
        return str(e)
    return ""


def _knows_launches(tracker: RunningTracker) -> bool:
    """Whether it takes requests at LAUNCHED_AS: an older one does not, nor may a proxy before it let them through."""
    try:
        tracker.ask(f"{LAUNCHED_AS}any/user-info")
    except NotDone:
        return False
    return True


def _missing_plugin(started: Launch) -> str:
    """What to install so that the runner can report; '' if it can, or nobody knows. Without it the runner would not start at all.

    A console script begins with the interpreter of its environment, which says what is installed there.
    """
    program = shutil.which(started.argv[0])
    if not started.plugin or program is None:
        return ""
    with open(program, "rb") as file:
        first = file.readline(1000).decode("utf-8", "replace").strip()
    interpreter = first.removeprefix("#!").strip()
    if (
        not first.startswith("#!")
        or "python" not in Path(interpreter).name
        or not Path(interpreter).is_file()
    ):
        return ""
    has = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({started.plugin!r}) is None)"
    if subprocess.run([interpreter, "-c", has], timeout=30).returncode == 0:
        return ""
    return f"{interpreter} has no {started.plugin.replace('_', '-')}; install it there with pip."


def _history() -> str:
    """The names that Nextflow has used in this folder, as it keeps them; '' where it never ran."""
    try:
        with _HISTORY.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _HISTORY_BYTES))
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
