"""`tracker show RUN`: what is known of a run, on one screen."""

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from tracker.client.remote import URL_HELP, RunningTracker
from tracker.printing import printable
from tracker.settings import read_settings

app = typer.Typer()


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="A run's name or id; of a name, its newest run.")],
    as_json: Annotated[bool, typer.Option("--json", help="As the API answers.")] = False,
    url: Annotated[str, typer.Option(help=URL_HELP)] = "",
) -> None:
    """Show how a run stands, and why it failed."""
    tracker = RunningTracker(read_settings(), url)
    answer = tracker.ask(f"/api/v1/runs/{quote(run, safe='')}")
    if as_json:
        print(json.dumps(answer, indent=2))
        return
    for name, value in _lines(answer, tracker.url):
        if value:
            print(printable(f"{name:>10}  {value}"))


def _lines(run: dict[str, Any], url: str) -> list[tuple[str, str]]:
    """Name → what there is to say of it. Times are in UTC."""
    workflow, error, cost = run["workflow"], run["error"], run["cost"]
    counts = [f"{n} {kind}" for kind, n in run["tasks"].items() if n and kind not in ("total", "retried")]
    return [
        ("run", run["name"]),
        ("status", run["status"]),
        ("pipeline", run["pipeline"] or ""),
        ("revision", workflow["revision"] or ""),
        ("user", workflow["user_name"] or ""),
        ("started", run["started_at"] or ""),
        ("completed", run["completed_at"] or ""),
        ("tasks", f"{run['tasks']['total']}: {', '.join(counts)}" if counts else ""),
        ("cost", f"{cost['amount']} {cost['currency']}" if cost else ""),
        ("error", (error or {}).get("message") or ""),
        ("go on with", run["resume_line"] or run["resume_command"] or ""),
        ("page", f"{url}/runs/{quote(run['name'], safe='')}"),
    ]
