"""`tracker dead-letters …`: look at what could not be used, and have it read again after a fix."""

import json
import sys
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from tracker import printing
from tracker.client.remote import URL_HELP, Refused, RunningTracker
from tracker.printing import printable
from tracker.settings import read_settings

app = typer.Typer(no_args_is_help=True, help="What was accepted and could not be used.")

_PATH = "/api/v1/dead-letters"
_PAGE = 200

Url = Annotated[str, typer.Option(help=URL_HELP)]
Reason = Annotated[str, typer.Option(help="Only those whose reason holds this.")]
Run = Annotated[str, typer.Option("--run", help="Only those of the run of this id.")]


@app.command("list")
def list_letters(
    reason: Reason = "",
    run_id: Run = "",
    every: Annotated[bool, typer.Option("--all", help="Those too that were read again.")] = False,
    url: Url = "",
) -> None:
    """List dead letters, newest first."""
    query = {"reason": reason, "run_id": run_id} | ({} if every else {"replayed": "false"})
    print_table(_pages(RunningTracker(read_settings(), url), _PATH, query))


@app.command()
def show(letter_id: Annotated[str, typer.Argument(help="As `list` shows it.")], url: Url = "") -> None:
    """Show one with all that was sent; secrets were taken out before it was kept."""
    letter = RunningTracker(read_settings(), url).ask(f"{_PATH}/{quote(letter_id, safe='')}")
    print(json.dumps(letter, indent=2))


@app.command()
def replay(
    letter_id: Annotated[
        str, typer.Argument(help="As `list` shows it; or name --reason, --run or --all.")
    ] = "",
    reason: Reason = "",
    run_id: Run = "",
    every: Annotated[bool, typer.Option("--all", help="Every one that was not read again yet.")] = False,
    by: Annotated[str, typer.Option(help="Who asks for it.")] = "",
    url: Url = "",
) -> None:
    """Read letters again with this version, after a fix. Exit 1 if some still cannot be understood."""
    if sum(map(bool, (letter_id, reason or run_id, every))) != 1:
        print("say which: an id, or --reason TEXT and --run ID, or --all", file=sys.stderr)
        raise typer.Exit(2)
    tracker = RunningTracker(read_settings(), url)
    if letter_id:
        pages = [_replay_one(tracker, letter_id, by)]
    else:
        body = {"reason": reason, "run_id": run_id, "every": every, "by": by}
        pages = _pages(tracker, f"{_PATH}/replay", {}, body)
    raise typer.Exit(print_outcome(pages))


def _pages(
    tracker: RunningTracker, path: str, query: dict[str, str], body: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """All pages of an answer; with a body it is posted for each."""
    pages: list[dict[str, Any]] = []
    token = ""
    while not pages or token:
        page = urlencode(query | {"page_size": _PAGE, "page_token": token})
        pages.append(tracker.ask(f"{path}?{page}", "GET" if body is None else "POST", body))
        token = pages[-1].get("next_page_token") or ""
    return pages


def _replay_one(tracker: RunningTracker, letter_id: str, by: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = tracker.ask(
            f"{_PATH}/{quote(letter_id, safe='')}/replay", "POST", {"by": by}
        )
    except Refused as e:
        if e.status != 409:  # it still cannot be understood
            raise
        return {"replayed": [], "run_ids": [], "failed": [{"id": letter_id, "reason": str(e)}]}
    return answer


def print_table(pages: list[dict[str, Any]]) -> None:
    """Print a table of them."""
    rows = [
        (
            letter["id"], letter["at"], letter["run_id"] or "", letter["request"] or letter["type"] or "",
            letter["part"] or "", letter["reason"], str(letter["raw_bytes"]), letter["replayed_at"] or "",
        )
        for page in pages for letter in page["dead_letters"]
    ]  # fmt: skip
    printing.print_table(("id", "when", "run", "request", "part", "reason", "bytes", "read again"), rows, 200)


def print_outcome(pages: list[dict[str, Any]]) -> int:
    """Print what became of them; the exit code."""
    failed = [f for page in pages for f in page["failed"]]
    runs = {run_id for page in pages for run_id in page["run_ids"]}
    replayed = sum(len(page["replayed"]) for page in pages)
    print(f"{replayed} read again, of {len(runs)} runs: {json.dumps(sorted(runs)[:20])}")
    for f in failed:
        print(f"{f['id']}: {printable(f['reason'])}", file=sys.stderr)
    return 1 if failed else 0
