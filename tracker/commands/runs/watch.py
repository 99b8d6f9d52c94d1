"""`tracker watch RUN`: a run on the terminal, live, until it is over."""

import time
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tracker.client.remote import URL_HELP, RunningTracker
from tracker.client.waiting import Ended, Look, wait
from tracker.errors import NotDone
from tracker.printing import printable
from tracker.settings import read_settings

app = typer.Typer()

_PATIENCE_SECONDS = 15.0
_PROCESSES_MAX = 20
_COUNTS = ("submitted", "running", "succeeded", "cached", "failed", "aborted")
_COLOURS = {
    "running": "cyan",
    "succeeded": "green",
    "failed": "red",
    "disconnected": "yellow",
    "stalled": "yellow",
}


@app.command()
def watch(
    run: Annotated[str, typer.Argument(help="A run's name or id; of a name, its newest run.")],
    url: Annotated[str, typer.Option(help=URL_HELP)] = "",
) -> None:
    """Watch a run until it is over: how it stands, its processes, and what failed. Exit codes as of `tracker wait`.

    Ctrl-C ends the watching alone. A tracker that restarts meanwhile is waited for.
    """
    tracker = RunningTracker(read_settings(), url, _PATIENCE_SECONDS)
    path = f"/api/v1/runs/{quote(run, safe='')}"
    console = Console()
    with Live(console=console, auto_refresh=False) as live:

        def show(look: Look) -> None:
            if not look.run:
                live.update(Text(printable(f"{run}: {look.problem}"), style="yellow"), refresh=True)
                return
            at = f"/api/v1/runs/{quote(look.run['id'], safe='')}"
            processes = _asked(tracker, f"{at}/processes", "processes")
            failed = _asked(tracker, f"{at}/tasks?status=failed&sort=-completed_at&page_size=5", "tasks")
            live.update(picture(look.run, processes, failed), refresh=True)

        end = wait(lambda: tracker.ask(path), show, time.monotonic, time.sleep)
    raise typer.Exit(Ended(end).value)


def _asked(tracker: RunningTracker, path: str, items: str) -> list[dict[str, Any]]:
    """What is shown beside the run; nothing while the tracker is away, which the next look says."""
    try:
        answer: list[dict[str, Any]] = tracker.ask(path)[items]
    except NotDone:
        return []
    return answer


def picture(
    run: dict[str, Any], processes: Sequence[dict[str, Any]], failed: Sequence[dict[str, Any]]
) -> RenderableType:
    """Pure. What is drawn of a run."""
    over, total = Look(run).done_and_total
    seconds = (run["duration_ms"] or 0) // 1000
    head = Text.assemble(
        (printable(run["name"]), "bold"),
        f"  {printable(run['pipeline'] or '')}  ",
        (run["status"], _COLOURS.get(run["status"], "")),
        f"  {seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}  {over} of {total} tasks",
    )
    parts: list[RenderableType] = [head, ProgressBar(total=max(total, 1), completed=over, width=60)]
    if processes:
        parts.append(_table(processes))
    if len(processes) > _PROCESSES_MAX:
        parts.append(Text(f"and {len(processes) - _PROCESSES_MAX} more processes", style="dim"))
    parts += [
        Text(printable(f"failed: {t['name']}, attempt {t['attempt']}, exit {t['exit']}"), style="red")
        for t in failed
    ]
    return Group(*parts)


def _table(processes: Sequence[dict[str, Any]]) -> Table:
    """Those with something to do come first."""
    table = Table("process", *_COUNTS, box=None, pad_edge=False)
    busiest = sorted(processes, key=lambda p: -(p["running"] + p["submitted"] + p["pending"]))
    for p in busiest[:_PROCESSES_MAX]:
        table.add_row(Text(printable(p["label"])), *(str(p[c] or "") for c in _COUNTS))
    return table
