"""Labels that bring a run thresholds of its own: what they say, and what is ignored and named."""

import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.alerts.storage import Mark, Storage
from projections.project.clock import Clock
from projections.project.outage_counts import OutageCounts
from projections.project.sweep import Thresholds, sweep
from projections.project.writer import Writer
from schemas.thresholds import Own, own
from stores.tables.client import Tables


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([], Own(0, 0, [])),
        (["nightly", "x=5", "tracker", "my.tracker.stalled-after=5"], Own(0, 0, [])),
        (["tracker.disconnected-after=600", "tracker.stalled-after=3600"], Own(600_000, 3_600_000, [])),
        (["tracker.stalled-after=0.001", "a"], Own(0, 1, [])),
        (["tracker.stalled-after=60", "tracker.stalled-after=9", "tracker.stalled-after=no"], None),
        (["tracker.disconnected-after=31536000"], Own(31_536_000_000, 0, [])),
    ],
)
def test_what_labels_say(labels: list[str], said: Own | None) -> None:
    longest = Own(0, 60_000, ["tracker.stalled-after=no"])
    assert own(labels) == (said or longest)


@pytest.mark.parametrize(
    "label",
    [
        *("tracker.disconnected-after", "tracker.disconnected-after=", "tracker.disconnected-after=0"),
        *("tracker.stalled-after=-5", "tracker.stalled-after=1e3", "tracker.stalled-after=NaN", "tracker.=1"),
        *("tracker.stalled-after=10m", "tracker.stalled-after= 10", "tracker.stalled-after=0.0001"),
        *(
            "tracker.stalled-after=31536001",
            "tracker.stalled-after=9" + "9" * 190,
            "tracker.disconected-after=5",
        ),
        *("tracker.stalled-after=٣", "tracker.stalled-after=5\n", "tracker.stalled_after=5"),
    ],
)
def test_what_cannot_be_used_is_ignored_and_named(label: str) -> None:
    assert own([label, "tracker.disconnected-after=7"]) == Own(7000, 0, [label])


@given(st.lists(st.text() | st.text().map("tracker.stalled-after=".__add__)))
def test_no_label_breaks_it(labels: list[str]) -> None:
    said = own(labels)
    assert said.disconnected_ms == 0 <= said.stalled_ms <= 31_536_000_000 and set(said.ignored) <= set(labels)


def test_the_census_of_silence_takes_each_run_at_its_own_threshold(tables: Tables) -> None:
    """With 180 s for the others: live until 180 s after the run's own threshold, fallen from there on. A run is suspect from
    half of its own on, if it can fall within 90 s."""
    own_ms = {"plain": 0, "quick": 20_000, "slow": 3_600_000}
    rows = [
        {
            "run_id": run,
            "partition": 0,
            "offset": 1,
            "seen": {"observed": 0, "appended": 1},
            "dialect": "tower",
        }
        | {"own": {"offset": 1, "disconnected_ms": ms, "stalled_ms": 0}}
        for run, ms in own_ms.items()
    ]
    tables.insert("runs", "\n".join(map(json.dumps, rows)).encode())
    writer, limits = Writer(tables, threading.Event()), Thresholds(180_000, 900_000, 300_000)
    seen = {}
    for n, clock in enumerate(CENSUS):
        at = Clock(offset=n, appended_at=clock, clock_ms=clock)
        found = sweep(writer, {0: at}, limits, lambda *_: None)[0]
        seen[clock] = found.outage_counts
        following = min((c for c in EDGES if c > clock), default=2**63)
        assert found.same_until_ms == following - 1, "what it finds is the same until then"
    assert seen == CENSUS
    marks = {0: Mark(outage_counts=OutageCounts(9, 9, 9)), 1: Mark(outage_counts=OutageCounts(1, 1, 0))}
    rounds = [(20_001, 0), (20_001, 1), (90_001, 1), (5_000_000, 0)]
    assert Storage(tables).outage_counts(rounds, 500, marks) == {
        # of partition 1 there is no round: it stands still, and its last one counts
        (20_001, 0): OutageCounts(4, 2, 0),
        (20_001, 1): OutageCounts(4, 1, 1),  # that of 20,000 belongs to the same tick
        (90_001, 1): OutageCounts(4, 2, 1),
        (5_000_000, 0): OutageCounts(10, 10, 9),
    }


#: Clock → what is counted.
CENSUS = {
    10_000: OutageCounts(live=3, fallen=0, suspects=0),
    10_001: OutageCounts(live=3, fallen=0, suspects=1),
    20_000: OutageCounts(live=3, fallen=0, suspects=1),
    20_001: OutageCounts(live=3, fallen=1, suspects=0),
    90_001: OutageCounts(live=3, fallen=1, suspects=1),
    180_001: OutageCounts(live=3, fallen=2, suspects=0),
    200_001: OutageCounts(live=2, fallen=1, suspects=0),
    360_001: OutageCounts(live=1, fallen=0, suspects=0),
    3_510_000: OutageCounts(live=1, fallen=0, suspects=0),
    3_510_001: OutageCounts(live=1, fallen=0, suspects=1),
    3_600_001: OutageCounts(live=1, fallen=1, suspects=0),
    3_780_001: OutageCounts(live=0, fallen=0, suspects=0),
}

#: Clocks at which a run becomes suspect, falls, or counts no more, or its tasks may be missed (900 s): a round there may find
#: something else than the one before.
EDGES = [
    *(10_001, 20_001, 200_001),
    *(90_001, 180_001, 360_001),
    *(3_510_001, 3_600_001, 3_780_001),
    900_001,
]
