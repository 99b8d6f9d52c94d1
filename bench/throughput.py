"""Task events a second beside nextflow-turret, ours and the peer in turn: python -m bench.throughput [--rounds N] [--stacks …]

Prints Markdown. A ratio is of two measurements that follow each other, so a machine that gets busy slows both.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.freshness import CLIENTS, machine, wait_for_all
from bench.limit import Limit, limit
from bench.load import KINDS, RECORDS, Sent, as_fast_as_possible
from bench.peer import TURRET, turret
from tests.support.stacks.stack import EmbeddedStack, Stack, scaled

STACKS: dict[str, Callable[[Path], AbstractContextManager[Stack]]] = {
    "embedded": EmbeddedStack,
    "scaled": scaled,
}


@dataclass(frozen=True)
class Round:
    """One measurement of ours, one of the peer and one of the limit, in turn. `shown`: s until all was in the tables."""

    ours: Sent
    shown: float
    peer: Sent
    limit: Limit
    load: float  # of the machine, before

    @property
    def accepted(self) -> float:
        return self.ours.per_second / self.peer.per_second

    @property
    def until_shown(self) -> float:
        return self.shown_per_second / self.peer.per_second

    @property
    def shown_per_second(self) -> float:
        return self.ours.records / self.shown

    @property
    def of_limit(self) -> float:
        return self.shown_per_second / self.limit.through


def main() -> None:
    """Measure, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--stacks", nargs="+", choices=STACKS, default=[*STACKS])
    options = parser.parse_args()
    began = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC. {machine()}."
    measured: dict[tuple[str, str], list[Round]] = {}
    with tempfile.TemporaryDirectory(prefix="tracker-bench-") as root:
        for number in range(options.rounds):
            for stack in options.stacks:
                for kind in KINDS:
                    folder = Path(root) / f"{stack}-{kind.replace(' ', '-')}-{number}"
                    round_ = measure(STACKS[stack], folder, kind, options.seconds)
                    measured.setdefault((stack, kind), []).append(round_)
                    said = f"{stack}, {kind}: {round_.accepted:.2f}, {round_.until_shown:.2f}"
                    print(said, file=sys.stderr, flush=True)
    print(report(began, measured))


def measure(
    make: Callable[[Path], AbstractContextManager[Stack]], folder: Path, kind: str, seconds: float
) -> Round:
    """Ours on a new stack until all is shown, then the peer with a new database, then the limit."""
    load = os.getloadavg()[0]
    with make(folder / "ours") as stack:
        began = time.monotonic()
        ours = as_fast_as_possible(stack.ingest_urls, CLIENTS, seconds, kind)
        shown = wait_for_all(stack, ours) - began
    with turret(folder / "peer") as url:
        peer = as_fast_as_possible([url], CLIENTS, seconds, kind)
    return Round(ours, shown, peer, limit(folder / "limit", kind), load)


def report(began: str, measured: dict[tuple[str, str], list[Round]]) -> str:
    """What was measured, as Markdown. Pure."""
    head = [
        "stack, records",
        "accepted/s",
        f"{TURRET}/s",
        "accepted, ratio",
        "until shown, ratio",
        "shown/s",
        "limit/s",
        "ClickHouse parses/s",
        "shown, of the limit",
        "p99",
        "peer's",
        "load",
    ]
    lines = [
        began,
        "",
        f"{CLIENTS} clients send as fast as they are answered, {RECORDS} task records a request. The peer keeps counters only",
        "and stores no task. The limit: the same records from aiokafka straight into INSERT … FORMAT JSONEachRow of a ClickHouse",
        "server, with nothing else done; and what that server parses of them into a table that keeps nothing. Each cell: least,",
        "median and greatest of the rounds; p99 is of the answers, in ms; load is the machine's before each round: where it is",
        "not near 0, other work ran beside.",
        "",
        _row(head),
        _row(["---"] * len(head)),
    ]
    for (stack, kind), rounds in measured.items():
        cells = [
            [r.ours.per_second for r in rounds],
            [r.peer.per_second for r in rounds],
            [r.accepted for r in rounds],
            [r.until_shown for r in rounds],
            [r.shown_per_second for r in rounds],
            [r.limit.through for r in rounds],
            [r.limit.parsed for r in rounds],
            [r.of_limit for r in rounds],
            [p99_ms(r.ours) for r in rounds],
            [p99_ms(r.peer) for r in rounds],
            [r.load for r in rounds],
        ]
        lines.append(_row([f"{stack}, {kind}", *map(_spread, cells)]))
    return "\n".join(lines)


def p99_ms(sent: Sent) -> float:
    """Of the answers of `progress`."""
    return statistics.quantiles(sent.answers, n=100, method="inclusive")[98] * 1000


def _spread(values: Sequence[float]) -> str:
    digits = 2 if max(values) < 20 else 0
    three = (min(values), statistics.median(values), max(values))
    return " / ".join(f"{v:,.{digits}f}" for v in three)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
