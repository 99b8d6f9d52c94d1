"""`tracker demo`: a real Nextflow run, as it was recorded, into a running tracker, as if it had just happened."""

import gzip
import json
import re
import time
from datetime import datetime
from importlib.resources import files
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from schemas.values import iso, to_ms
from tracker.client.remote import URL_HELP, RunningTracker
from tracker.settings import read_settings

app = typer.Typer()

_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@app.command()
def demo(
    url: Annotated[str, typer.Argument(help=URL_HELP)] = "",
    speed: Annotated[float, typer.Option(min=0.1, help="How many times faster than it happened.")] = 10.0,
) -> None:
    """Replay a real Nextflow run, bundled here, into a running tracker."""
    tracker = RunningTracker(read_settings(), url)
    tracker.token = tracker.token or "demo"  # Nextflow sends one always
    requests = _recorded()
    name = f"demo_{datetime.now():%H%M%S}"
    began, first = time.time(), requests[0]["at"]
    lasted = requests[-1]["at"] - first
    # The recorded end falls on the end of the demonstration: nothing lies in the future.
    shift_ms = round((began + lasted / speed - lasted) * 1000) - requests[0]["body"]["instant"]
    run_id = ""
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()) as progress:
        bar = progress.add_task(name, total=len(requests))
        for request in requests:
            time.sleep(max(0.0, began + (request["at"] - first) / speed - time.time()))
            verb = request["path"].rsplit("/", 1)[-1]
            path = "/trace/create" if verb == "create" else f"/trace/{run_id}/{verb}"
            answer = tracker.ask(path, request["method"], moved(request["body"], shift_ms, name))
            run_id = run_id or answer["workflowId"]
            progress.advance(bar)
    print(f"Look at it: {tracker.url}/runs/{run_id}")


def moved(value: Any, shift_ms: int, name: str) -> Any:
    """A recorded body with its instants and times later by `shift_ms`, and under another run name. Pure."""
    if isinstance(value, dict):
        changed = {k: moved(v, shift_ms, name) for k, v in value.items()}
        if isinstance(value.get("instant"), int):
            changed["instant"] = value["instant"] + shift_ms
        if "runName" in value:
            changed["runName"] = name
        return changed
    if isinstance(value, list):
        return [moved(v, shift_ms, name) for v in value]
    if isinstance(value, str) and _ISO.fullmatch(value):
        ms = to_ms(value)
        return iso(ms + shift_ms) if isinstance(ms, int) else value
    return value


def _recorded() -> list[dict[str, Any]]:
    packed = (files("tracker.commands") / "demo.jsonl.gz").read_bytes()
    return [json.loads(line) for line in gzip.decompress(packed).splitlines()]
