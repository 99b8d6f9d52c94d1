"""`tracker outputs …`: what runs left behind, and its deletion."""

import sys
import time
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from tracker.client.remote import URL_HELP, Refused, RunningTracker
from tracker.printing import printable
from tracker.settings import read_settings

app = typer.Typer(no_args_is_help=True, help="What runs left in their output folders.")

Url = Annotated[str, typer.Option(help=URL_HELP)]
_ENDED = ("succeeded", "failed")
_POLL_SECONDS = 1.0
#: The exit code of `timeout`, which scripts know.
_TIMED_OUT = 124


@app.command()
def info(
    uri: Annotated[
        str, typer.Argument(help="A part of a path, such as s3://bucket/results; case does not matter.")
    ],
    url: Url = "",
) -> None:
    """List the runs whose output folders hold this in their path, newest first. Exit 1 if there is none."""
    answer = RunningTracker(read_settings(), url).ask(f"/api/v1/output-folders?{urlencode({'uri': uri})}")
    for run in answer["runs"]:
        print(f"{printable(run['name'])}  id={run['id']}")
    if not answer["runs"]:
        print("no run is known to have written there", file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def delete(
    run: Annotated[str, typer.Argument(help="The run's name or id.")],
    wait: Annotated[
        bool, typer.Option(help="Wait for the end: exit 0 if it is deleted, 1 if not, 124 in time.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=0, help="For how many seconds to wait.")] = 3600,
    url: Url = "",
) -> None:
    """Delete all that lies in the run's output folder, for good: a job, whose id is printed. To ask again gives the same job."""
    tracker = RunningTracker(read_settings(), url)
    job = tracker.ask(f"/api/v1/runs/{quote(run, safe='')}/outputs", "DELETE", {"confirm": "delete"})
    print(job["job_id"], flush=True)
    if wait:
        raise typer.Exit(wait_for_end(tracker, job["job_id"], timeout))


@app.command("job-status")
def job_status(job_id: Annotated[str, typer.Argument(help="As `delete` printed it.")], url: Url = "") -> None:
    """Say in a line how a deletion stands."""
    print(line(_job(RunningTracker(read_settings(), url), job_id)))


def wait_for_end(tracker: RunningTracker, job_id: str, timeout: float) -> int:
    """Wait until the job has ended, and say how; the exit code."""
    until = time.monotonic() + timeout
    while True:
        # A job that was accepted a moment ago may not be in the tables yet.
        job = _job(tracker, job_id, or_none=True)
        if job and job["state"] in _ENDED:
            print(line(job), file=sys.stderr)
            return 0 if job["state"] == "succeeded" else 1
        if time.monotonic() >= until:
            print(line(job) if job else f"the job {job_id} has not begun", file=sys.stderr)
            return _TIMED_OUT
        time.sleep(_POLL_SECONDS)


def _job(tracker: RunningTracker, job_id: str, or_none: bool = False) -> Any:
    try:
        return tracker.ask(f"/api/v1/jobs/{quote(job_id, safe='')}")
    except Refused as e:
        if e.status == 404 and or_none:
            return None
        raise


def line(job: dict[str, Any]) -> str:
    """Pure. How the job stands."""
    more = f"  {job['done']} deleted, {job['bytes']} bytes"
    kept = f", {job['kept']} kept" if job["kept"] else ""
    why = f": {printable(job['error'])}" if job["error"] else ""
    return f"delete_outputs  {job['state']}  (id={job['id']}){more}{kept}{why}"
