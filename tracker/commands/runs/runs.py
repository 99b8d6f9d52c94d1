"""`tracker runs`: the list of runs, newest first."""

import json
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from schemas.statuses import RunStatus
from tracker.client.remote import URL_HELP, RunningTracker
from tracker.printing import print_table
from tracker.settings import read_settings

app = typer.Typer()


@app.command()
def runs(
    search: Annotated[str, typer.Argument(help="Only runs whose name, pipeline or user holds this.")] = "",
    status: Annotated[RunStatus | None, typer.Option(help="Only runs that stand so.")] = None,
    label: Annotated[str, typer.Option(help="Only runs with this label.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="As the API answers.")] = False,
    url: Annotated[str, typer.Option(help=URL_HELP)] = "",
) -> None:
    """List runs, newest first."""
    query = {"search": search, "status": status.value if status else "", "label": label}
    asked = urlencode({k: v for k, v in query.items() if v} | {"page_size": limit})
    answer = RunningTracker(read_settings(), url).ask(f"/api/v1/runs?{asked}")
    if as_json:
        print(json.dumps(answer, indent=2))
        return
    print_table(
        ("run", "pipeline", "status", "tasks", "failed", "started", "cost"), map(_row, answer["runs"])
    )


def _row(run: dict[str, Any]) -> tuple[str, ...]:
    counts, cost = run["tasks"], run["cost"]
    over = counts["total"] - counts["pending"] - counts["submitted"] - counts["running"]
    return (
        run["name"],
        run["pipeline"] or "",
        run["status"],
        f"{over}/{counts['total']}",
        str(counts["failed"] or ""),
        (run["started_at"] or run["submitted_at"] or "")[:19].replace("T", " "),
        f"{cost['amount']} {cost['currency']}" if cost else "",
    )
