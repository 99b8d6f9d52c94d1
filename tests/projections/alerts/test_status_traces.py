"""What a stock Nextflow sent, in the log's own time: its status to the ms at each threshold, and what a receiver is told.

The requests go through ingest, what it appends through the projector, what that publishes to the notifier. Nothing sleeps.
"""

import asyncio

import pytest

from projections.replay import replay
from stores.tables.client import Tables
from tests.support.alerts.notifier import UnhurriedLog, settings_of, without_waits
from tests.support.alerts.theatre import LIMITS, MINUTE, Theatre
from tests.support.ingest import TOWER_TRACES, trace

EDGE = [(-1, False), (0, False), (1, True)]


@pytest.fixture
def theatre(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Theatre:
    without_waits(monkeypatch)
    return Theatre(tables)


@pytest.mark.parametrize(("off", "over"), EDGE)
def test_the_killed_run_is_disconnected_after_the_threshold_and_runs_again(
    theatre: Theatre, off: int, over: bool
) -> None:
    theatre.play("killed")
    theatre.go_to(theatre.history.now + LIMITS.disconnected_ms + off)
    theatre.turn()
    assert theatre.path == ["running", "disconnected"][: 1 + over]
    assert theatre.told() == [(theatre.run_id, "disconnected firing")] * over
    theatre.send([r for r in trace("killed") if r["path"].endswith("progress")][-1])
    theatre.turn()
    assert theatre.path[-1] == "running" and theatre.path.count("disconnected") == over
    assert theatre.told() == [(theatre.run_id, "disconnected resolved")] * over


@pytest.mark.parametrize(("off", "over"), EDGE)
def test_the_hung_run_is_stalled_though_its_heart_beats_until_it_completes(
    theatre: Theatre, off: int, over: bool
) -> None:
    theatre.play("hung")
    [*_, last] = [m.appended_at for m in theatre.history.messages if m.tasks]
    theatre.go_to(last + LIMITS.stalled_ms + off, beats=True)
    theatre.turn(beats=True)
    assert theatre.path == ["running", "stalled"][: 1 + over]
    assert theatre.told() == [(theatre.run_id, "stalled firing")] * over
    theatre.send(trace("success")[-1])
    theatre.turn()
    assert theatre.path == ["running", *["stalled"] * over, "succeeded"]
    assert theatre.told() == [(theatre.run_id, "stalled resolved")] * over


@pytest.mark.parametrize(("off", "over"), EDGE)
def test_of_only_the_first_line_a_run_is_submitted_then_disconnected(
    theatre: Theatre, off: int, over: bool
) -> None:
    """Of every trace, at once: so one alert tells of all."""
    names = {}
    for name in TOWER_TRACES:
        [first, *_] = trace(name)
        theatre.send(first)
        names[theatre.run_id] = (first["body"]["runName"], first["body"]["sessionId"])
    theatre.go_to(theatre.history.now + LIMITS.disconnected_ms + off)
    theatre.turn()
    assert theatre.path == ["submitted", "disconnected"][: 1 + over]
    assert theatre.stage.paths() == dict.fromkeys(names, theatre.path) and len(names) > 5
    rows = theatre.stage.tables.rows(
        "SELECT run_id, tupleElement(created, 'name') AS name, tupleElement(created, 'session_id') AS state FROM runs FINAL"
    )
    assert {r["run_id"]: (r["name"], r["state"]) for r in rows} == names
    assert theatre.told() == [("", "disconnected firing")] * over


def test_the_replayed_log_gives_byte_identical_transitions(theatre: Theatre) -> None:
    """Of both runs, with an outage, in other batches, into other tables."""
    for name in ("killed", "hung"):
        theatre.play(name)
        theatre.go_to(theatre.history.now + 5 * MINUTE)
        theatre.stage.project(7)
    theatre.history.now += 30 * MINUTE
    theatre.go_to(theatre.history.now + 20 * MINUTE, beats=True)
    theatre.send(trace("success")[-1])
    theatre.turn()
    assert theatre.path == ["running", "disconnected", "running", "stalled", "succeeded"]
    log, live = UnhurriedLog(1, events=theatre.history.records), theatre.stage.tables.inner
    shadow = asyncio.run(replay.into_shadow(log, live, settings_of(LIMITS), lambda _: None))
    try:
        assert as_bytes(shadow) == as_bytes(live) and as_bytes(live).count(b"\n") > 6
    finally:
        shadow.drop_database()
        shadow.close()


def as_bytes(tables: Tables) -> bytes:
    """The table, as a client that asks for JSON gets it."""
    rows = tables.rows(
        "SELECT formatRow('JSONEachRow', *) AS row FROM transitions FINAL ORDER BY run_id, offset"
    )
    return "".join(r["row"] for r in rows).encode()
