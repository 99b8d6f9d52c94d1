"""`tracker wait RUN`: waits for a run's end, for scripts."""

import sys
import time
from typing import Annotated
from urllib.parse import quote

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from tracker.client.remote import URL_HELP, RunningTracker
from tracker.client.waiting import Ended, Look, wait
from tracker.printing import printable
from tracker.settings import read_settings

app = typer.Typer()

#: One look must not take longer, or a timeout would be kept badly.
_PATIENCE_SECONDS = 15.0


@app.command("wait")
def wait_for_run(
    run: Annotated[str, typer.Argument(help="A run's name or id; of a name, its newest run.")],
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds to wait at most.")] = None,
    url: Annotated[str, typer.Option(help=URL_HELP)] = "",
) -> None:
    """Wait for a run's end. Exit code 0: succeeded; 1: failed, or the run cannot be seen; 2: cancelled; 124: time over.

    A tracker that restarts meanwhile is waited for.
    """
    tracker = RunningTracker(read_settings(), url, _PATIENCE_SECONDS)
    path = f"/api/v1/runs/{quote(run, safe='')}"
    with _Bar(run) as bar:
        end = wait(lambda: tracker.ask(path), bar.show, time.monotonic, time.sleep, timeout)
    print(f"{printable(run)}: {end.name.lower().replace('_', ' ')}", file=sys.stderr)
    raise typer.Exit(Ended(end).value)


class _Bar:
    """A bar of task counts on a terminal; elsewhere a line whenever what is said changes."""

    def __init__(self, name: str) -> None:
        self._name = printable(name)
        self._last = ""
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        self._progress = Progress(
            *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
        )
        self._task = self._progress.add_task(self._name, total=None)

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, look: Look) -> None:
        """Show what one look gave."""
        what = printable(look.run["status"] if look.run else look.problem)
        if look.run:
            over, total = look.done_and_total
            self._progress.update(
                self._task, description=f"{self._name}: {what}", completed=over, total=total or None
            )
        if what != self._last and (look.problem or self._progress.disable):
            self._progress.console.print(Text(f"{self._name}: {what}"))
        self._last = what
