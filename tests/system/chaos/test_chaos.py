"""Short rounds of what `make chaos` does for long. The seed is printed, and fixed: which faults come, not when they hit."""

from pathlib import Path

import pytest

from tests.support.stacks.stack import EmbeddedStack, scaled
from tests.system.chaos.__main__ import report
from tests.system.chaos.monkey import Fault
from tests.system.chaos.patient import NEXTFLOW_25_04, NEXTFLOW_26_04, STUBBORN
from tests.system.chaos.round import Plan, play

_SEED = 20261125
_FAST = {"tick_seconds": 1, "disconnected_after_seconds": Plan.disconnected_after}


@pytest.mark.kafka
@pytest.mark.clickhouse
def test_nothing_is_lost_or_doubled_while_everything_is_killed_and_paused(tmp_path: Path) -> None:
    plan = Plan(_SEED, seconds=15, runs=40, at_once=8, longest_fault=5, pause=1, strikes=3)
    with scaled(tmp_path, spool_bytes=2**20, **_FAST) as stack:
        outcome = play(stack, plan)
    print(f"seed {_SEED}\n{report(outcome)}")
    assert outcome.wrong == []
    assert len(outcome.books.runs) >= plan.runs
    assert outcome.faults.total() == 2 * plan.strikes


def test_tracker_up_is_killed_five_times_under_load(tmp_path: Path) -> None:
    often = Plan(_SEED, 8, runs=16, at_once=8, longest_fault=1, pause=1, strikes=5, manners=(STUBBORN,))
    with EmbeddedStack(tmp_path, **_FAST) as stack:
        outcome = play(stack, often)
    print(f"seed {_SEED}\n{report(outcome)}")
    assert outcome.wrong == []
    assert outcome.faults == {"kill -9 up": 5}


@pytest.mark.kafka
@pytest.mark.clickhouse
def test_no_runner_notices_that_kafka_and_then_clickhouse_is_away(tmp_path: Path) -> None:
    """Ten minutes of each, at a fiftieth of the time: what matters is longer than all that waits for an answer."""
    manners = (NEXTFLOW_25_04, NEXTFLOW_26_04)
    plan = Plan(_SEED, 30, runs=24, at_once=6, longest_fault=12, pause=2, strikes=2, drops=0, manners=manners)
    with scaled(tmp_path, **_FAST) as stack:
        away = [
            Fault("Kafka away", stack.broker.kill, stack.broker.start, 12, 12),
            Fault("ClickHouse away", stack.server.kill, stack.server.start, 12, 12),
        ]
        outcome = play(stack, plan, [away])
    print(f"seed {_SEED}\n{report(outcome)}")
    assert outcome.wrong == []
    assert outcome.faults == {"Kafka away": 1, "ClickHouse away": 1}
    assert outcome.books.answers == {"200": outcome.books.accepted}
