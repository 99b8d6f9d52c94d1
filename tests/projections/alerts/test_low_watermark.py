"""How far alerts are decided in log time, and for which partitions the others do not wait."""

from projections.alerts.low_watermark import LowWatermark
from projections.alerts.registry import EpisodeRegistry
from projections.alerts.rules import Facts
from projections.alerts.storage import Mark
from projections.project.outage_counts import NO_RUNS
from projections.project.sweep import Transition
from schemas.statuses import AlertKind, AlertState
from tests.support.alerts.notifier import rules

PATIENCE = 30_000


def at(**rounds: int) -> dict[int, Mark]:
    """Partition → the append time (ms) of its last round, whose offset is the same number."""
    return {int(p[1:]): Mark(tick_ms=t, round=t, round_ms=t) for p, t in rounds.items()}


def test_the_slowest_partition_is_waited_for() -> None:
    watermark = LowWatermark(PATIENCE, 2500)
    assert watermark.time(0) is None, "nothing is known"
    watermark.update(at(p0=5000, p1=0), 0)
    assert watermark.time(0) is None, "before its first round"
    watermark.update(at(p0=5000, p1=4000), 1000)
    assert watermark.time(1000) == 4000 and not watermark.lagging(1000)


def test_one_that_stands_still_is_not_waited_for_and_one_that_moves_is() -> None:
    watermark = LowWatermark(PATIENCE, 2500)
    for now in range(0, PATIENCE + 2000, 1000):
        watermark.update(at(p0=1_000_000 + now, p1=7, p2=500_000 + now), now)
    assert watermark.lagging(PATIENCE) == {}
    assert watermark.lagging(PATIENCE + 1) == {1: 7}
    assert watermark.time(PATIENCE + 1) == 500_000 + PATIENCE + 1000, "it is far behind, and comes"
    watermark.update(at(p0=1_040_000, p1=8, p2=540_000), PATIENCE + 3000)
    assert watermark.time(PATIENCE + 3000) == 8, "it moves again"


def test_where_nothing_moves_time_stands_still() -> None:
    watermark = LowWatermark(PATIENCE, 2500)
    watermark.update(at(p0=9000, p1=8000), 0)
    assert watermark.lagging(10 * PATIENCE) == {} and watermark.time(10 * PATIENCE) == 8000


def test_alerts_of_a_partition_that_stands_still_go_no_further_than_it_is_known() -> None:
    registry = EpisodeRegistry(rules({"late": 10.0}), 180_000)
    for partition in (0, 1):
        t = Transition(f"run{partition}", 3, partition, 5000, 0, "running", "disconnected", "because")
        registry.transition(t, Facts(), NO_RUNS, 5000)
    registry.lagging = {1: 14_999}
    registry.advance(15_000)
    states = [registry.newest(AlertKind.DISCONNECTED, f"run{p}") for p in (0, 1)]
    assert [a and a.state for a in states] == [AlertState.FIRING, AlertState.PENDING]
    registry.lagging = {}
    registry.advance(15_000)
    assert all(a.state is AlertState.FIRING for a in registry.alerts.values())
