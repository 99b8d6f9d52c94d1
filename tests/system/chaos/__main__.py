"""A long round by hand: python -m tests.system.chaos [--minutes N] [--seed N] [--embedded]"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.support.stacks.stack import EmbeddedStack, scaled
from tests.system.chaos.round import Outcome, Plan, play

_DISCONNECTED_AFTER = 30
_SPOOL_BYTES = 2**20  # small, so that outages fill it


def main() -> int:
    """Print the seed first and the outcome last; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--embedded", action="store_true", help="kill -9 of `tracker up` instead")
    told = parser.parse_args()
    seed: int = random.SystemRandom().randrange(10**6) if told.seed is None else told.seed
    print(f"seed {seed}", flush=True)
    seconds: float = told.minutes * 60
    plan = Plan(
        seed,
        seconds,
        runs=round(max(200, seconds)),
        at_once=20,
        longest_fault=60,
        pause=20,
        disconnected_after=_DISCONNECTED_AFTER,
    )
    with tempfile.TemporaryDirectory(prefix="tracker-chaos-") as folder:
        if told.embedded:
            with EmbeddedStack(
                Path(folder), tick_seconds=1, disconnected_after_seconds=_DISCONNECTED_AFTER
            ) as stack:
                outcome = play(stack, plan)
        else:
            with scaled(
                Path(folder),
                spool_bytes=_SPOOL_BYTES,
                tick_seconds=1,
                disconnected_after_seconds=_DISCONNECTED_AFTER,
            ) as several:
                outcome = play(several, plan)
    print(report(outcome))
    return 1 if outcome.wrong else 0


def report(outcome: Outcome) -> str:
    """The figures, and what is wrong, as lines of text."""
    books = outcome.books
    lines = [
        f"{outcome.seconds:.0f} s of load and faults, {outcome.calm:.0f} s until the books balanced",
        f"{len(books.runs)} runs, {books.tasks} tasks, {books.accepted} requests accepted, {books.resent} sent again",
        f"slowest answer {books.slowest:.2f} s; answers: {dict(books.answers.most_common())}",
        f"{outcome.faults.total()} faults: {dict(sorted(outcome.faults.items()))}",
        *outcome.exits,
        *(f"WRONG: {what}" for what in outcome.wrong),
        "every promise kept" if not outcome.wrong else f"{len(outcome.wrong)} wrong",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
