"""`tracker alerts …`: what an operator asks of alerts on the command line."""

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from schemas.settings import Settings


def commands(settings: Callable[[], Settings], run: Callable[[Callable[[], None]], None]) -> typer.Typer:
    """The sub-commands. `settings` reads and checks them; `run` tells failures in a line."""
    app = typer.Typer(no_args_is_help=True, help="Check who is told of what.")

    @app.command()
    def test(
        receiver: Annotated[
            str, typer.Argument(help="Its name; the one of TRACKER_ALERT_WEBHOOK is webhook.")
        ],
    ) -> None:
        """Send a sample to a receiver, and say what it answered. Exit 1 if it did not take it."""
        found = settings()
        run(lambda: sys.exit(asyncio.run(send_sample(found, receiver))))

    @app.command()
    def receivers() -> None:
        """List the receivers and the rules that lead to each; nothing is sent."""
        found = settings()
        run(lambda: show(found))

    return app


async def send_sample(settings: Settings, receiver: str) -> int:
    """0 if the receiver took it, else 1. Raises ValueError for a receiver that is not there."""
    from projections.alerts import messages, rules
    from projections.alerts.episodes import Owed
    from projections.alerts.outbox import sender
    from schemas.statuses import AlertState
    from tracker.processes.serve import now_ms

    known = rules.load(settings)
    if receiver not in known.receivers:
        names = ", ".join(sorted(known.receivers)) or "none: set TRACKER_ALERT_WEBHOOK or TRACKER_ALERT_RULES"
        raise ValueError(f"there is no receiver {receiver!r}; receivers are: {names}")
    alert = messages.sample(now_ms())
    answer = await sender(known, settings, now_ms)(
        receiver, alert, Owed(alert.id, receiver, AlertState.FIRING, alert.since)
    )
    print(f"{receiver}: {'taken' if answer.taken else 'not taken'}, {answer.detail}")
    return 0 if answer.taken else 1


def show(settings: Settings) -> None:
    """Print receivers, without what is secret of them, and rules."""
    from projections.alerts import rules

    known = rules.load(settings)
    for name, receiver in known.receivers.items():
        print(f"{name} ({receiver.type})")
        for rule in known.rules:
            if name in rule.receivers:
                told = rule.model_dump(mode="json", exclude={"receivers"}, exclude_defaults=True)
                print(f"    {json.dumps(told) if told else 'every alert, at once'}")
