"""`tracker logs RUN`: the runner's own log of a run, or what one of its tasks printed."""

import json
import sys
import time
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

import typer

from schemas.statuses import TERMINAL
from tracker.client.following import FileEnd, follow, news
from tracker.client.remote import URL_HELP, RunningTracker
from tracker.printing import printable
from tracker.settings import read_settings

app = typer.Typer()

_PATIENCE_SECONDS = 30.0


@app.command()
def logs(
    run: Annotated[str, typer.Argument(help="A run's name or id; of a name, its newest run.")],
    task: Annotated[
        int | None, typer.Option(min=0, help="What this task printed: its number in the run.")
    ] = None,
    followed: Annotated[bool, typer.Option("--follow", help="Go on until the run is over.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As the API answers, once.")] = False,
    url: Annotated[str, typer.Option(help=URL_HELP)] = "",
) -> None:
    """Print the end of the runner's log, or of what a task printed. Exit code 1 where the tracker cannot read any.

    It reads what TRACKER_LOCAL_ROOTS and TRACKER_S3_ROOTS of its own settings allow.
    """
    tracker = RunningTracker(read_settings(), url, _PATIENCE_SECONDS)
    at = f"/api/v1/runs/{quote(run, safe='')}"
    log = f"{at}/log" if task is None else f"{at}/tasks/{task}/log"
    answer = tracker.ask(log)
    if as_json:
        print(json.dumps(answer, indent=2))
        return
    files = news({}, _files(answer))
    if followed:
        files = follow(lambda: _files(tracker.ask(log)), _is_over(tracker, at), time.sleep)
    printed = ""
    for file in files:
        if file.name != printed:
            print(f"==> {printable(file.name)} <==", file=sys.stderr)
        printed = file.name
        sys.stdout.write(printable(file.text.replace("\r\n", "\n").expandtabs()))
        sys.stdout.flush()
    if not printed:
        print(f"tracker: {printable(answer['message'] or 'nothing was printed')}", file=sys.stderr)
        raise typer.Exit(1)


def _files(answer: dict[str, Any]) -> list[FileEnd]:
    """Of a runner's log it is one, of a task those that it left."""
    found = answer.get("files", [answer])
    return [FileEnd(f["path"], f["bytes"], f["text"]) for f in found if f["text"]]


def _is_over(tracker: RunningTracker, at: str) -> Callable[[], bool]:
    return lambda: tracker.ask(at)["status"] in TERMINAL
