"""`tracker delivery-check`: does everything that was accepted add up? Asked of a tracker that runs."""

import sys
from typing import Annotated, Any

import typer

from tracker.client.remote import URL_HELP, RunningTracker
from tracker.printing import print_table, printable
from tracker.settings import read_settings

app = typer.Typer()

_COUNTS = ("accepted", "on_log", "spooled", "projected", "dead_lettered", "lag", "repeats")


@app.command()
def delivery_check(
    url: Annotated[str, typer.Argument(help=URL_HELP)] = "",
    check: Annotated[bool, typer.Option(help="Exit 1, with a list, where it does not add up.")] = False,
) -> None:
    """Count what was accepted against what became of it."""
    answer = RunningTracker(read_settings(), url).ask("/api/v1/books")
    raise typer.Exit(show(answer, check))


def show(answer: dict[str, Any], check: bool) -> int:
    """Print the counts; the exit code: 1 where `check` is asked for and something does not add up."""
    print_table(("", "requests"), [(name.replace("_", " "), str(answer[name])) for name in _COUNTS])
    for spool in answer["spools"]:
        print(f"spool {printable(spool['spool'])}: {spool['requests']} requests, said at {spool['told_at']}")
    if not answer["lag_exact"]:
        print("many messages wait: ticks count among them")
    wrong = faults(answer)
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        print("everything that was accepted is accounted for")
    return 1 if check and wrong else 0


def faults(answer: dict[str, Any]) -> list[str]:
    """Pure. What does not add up, in words."""
    wrong = []
    if answer.get("log_unreachable_since"):
        wrong.append(f"the log is not reachable since {answer['log_unreachable_since']}")
    accepted, on_log, spooled = answer["accepted"], answer["on_log"], answer["spooled"]
    if accepted != on_log + spooled:
        wrong.append(f"accepted {accepted} is not on log {on_log} + spooled {spooled}")
    for w in answer["watermark"]:
        missing = w["on_log"] - _used(w)
        if missing:
            wrong.append(
                f"partition {w['partition']}: on log {w['on_log']} is not {_sum(w)} ({abs(missing)} "
                f"{'missing' if missing > 0 else 'too many'} in the tables, up to offset {w['next_offset']}); "
                "`tracker verify` and `tracker replay` tell more"
            )
        if w["next_offset"] > w["log_end"]:
            wrong.append(
                f"partition {w['partition']}: projected up to {w['next_offset']}, but the log ends at {w['log_end']}"
            )
    if on_log != _used(answer) and not wrong:
        wrong.append(f"on log {on_log} is not {_sum(answer)}")
    return wrong


def _used(counts: dict[str, Any]) -> int:
    return int(counts["projected"] + counts["dead_lettered"] + counts["lag"])


def _sum(counts: dict[str, Any]) -> str:
    return f"projected {counts['projected']} + dead-lettered {counts['dead_lettered']} + lag {counts['lag']}"
