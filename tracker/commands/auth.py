"""`tracker auth login|status|logout`: which tracker the commands ask, and as whom."""

import sys
from typing import Annotated

import typer

from tracker.client import credentials
from tracker.client.credentials import Credentials
from tracker.client.remote import Refused, RunningTracker
from tracker.errors import NotDone
from tracker.printing import printable
from tracker.settings import read_settings

app = typer.Typer(no_args_is_help=True, help=__doc__)

_PATIENCE_SECONDS = 15.0
_Server = Annotated[str, typer.Option(help="Address of the tracker; default: the one that commands ask now.")]


@app.command()
def login(server: _Server = "") -> None:
    """Keep the address of a tracker and a token for it in ~/.tracker.yaml, once the tracker has taken them.

    The token is asked for, or read from stdin where that is no terminal. TRACKER_PUBLIC_URL and TRACKER_TOKEN go before the file.
    """
    tracker = RunningTracker(read_settings(), server, _PATIENCE_SECONDS)
    token = typer.prompt("Token", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    tracker.token = token.strip()
    if problem := _problem(tracker):
        raise NotDone(problem)
    credentials.write(Credentials(server=tracker.url, token=tracker.token))
    print(f"Logged in to {printable(tracker.url)}; kept in {credentials.path()}", file=sys.stderr)


@app.command()
def status(server: _Server = "") -> None:
    """Say which tracker the commands ask, and whether it takes their token. Exit code 1 if not."""
    tracker = RunningTracker(read_settings(), server, _PATIENCE_SECONDS)
    has = "with a token" if tracker.token else "without a token"
    if problem := _problem(tracker):
        raise NotDone(problem)
    print(f"{printable(tracker.url)}, {has}: it answers")


@app.command()
def logout() -> None:
    """Forget the address and the token. The token itself goes on to work until it is revoked."""
    print("Logged out" if credentials.forget() else "Nobody was logged in", file=sys.stderr)


def _problem(tracker: RunningTracker) -> str:
    """Why the tracker does not take the token; '' if it does. A runner's may report and not read, which is well."""
    try:
        tracker.ask("/api/v1/runs?page_size=1")
    except Refused as e:
        return "" if e.status == 403 else str(e)
    except NotDone as e:
        return str(e)
    return ""
