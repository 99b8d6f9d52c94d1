"""`tracker alerts …`: what an operator asks of alerts on the command line."""

import asyncio
import json
from typing import Annotated

import typer

from projections.alerts import messages, rules
from projections.alerts.episodes import Owed
from projections.alerts.outbox import sender
from schemas.settings import Settings
from schemas.statuses import AlertState
from tracker.clock import now_ms
from tracker.errors import NotDone
from tracker.printing import printable
from tracker.settings import read_settings

app = typer.Typer(no_args_is_help=True, help="Check who is told of what.")


@app.command()
def test(
    receiver: Annotated[str, typer.Argument(help="Its name; the one of TRACKER_ALERT_WEBHOOK is webhook.")],
) -> None:
    """Send a sample to a receiver, and say what it answered. Exit 1 if it did not take it."""
    raise typer.Exit(asyncio.run(send_sample(read_settings(), receiver)))


@app.command()
def receivers() -> None:
    """List the receivers and the rules that lead to each; nothing is sent."""
    show(read_settings())


async def send_sample(settings: Settings, receiver: str) -> int:
    """0 if the receiver took it, else 1. Raises NotDone for a receiver that is not there."""
    in_force = rules.load(settings)
    if receiver not in in_force.receivers:
        names = (
            ", ".join(sorted(in_force.receivers)) or "none: set TRACKER_ALERT_WEBHOOK or TRACKER_ALERT_RULES"
        )
        raise NotDone(f"there is no receiver {receiver!r}; receivers are: {names}")
    alert = messages.sample(now_ms())
    answer = await sender(in_force, settings, now_ms)(
        receiver, alert, Owed(alert.id, receiver, AlertState.FIRING, alert.since)
    )
    print(f"{receiver}: {'taken' if answer.taken else 'not taken'}, {printable(answer.detail)}")
    return 0 if answer.taken else 1


def show(settings: Settings) -> None:
    """Print receivers, without what is secret of them, and rules."""
    in_force = rules.load(settings)
    for name, receiver in in_force.receivers.items():
        print(f"{name} ({receiver.type})")
        for rule in in_force.rules:
            if name in rule.receivers:
                conditions = rule.model_dump(mode="json", exclude={"receivers"}, exclude_defaults=True)
                print(f"    {json.dumps(conditions) if conditions else 'every alert, at once'}")
