"""What a stock Nextflow sent, in the log's own time: its status to the ms at each threshold, and what a receiver is told.

The requests go through ingest, what it appends through the projector, what that publishes to the notifier. Nothing sleeps.
"""

import asyncio
from typing import Any

import pytest

from projections.replay import replay
from schemas import events as e
from schemas import wire
from schemas.events import TASK_RECORDS
from stores.tables.client import Tables
from tests.support.ingest import TOWER_TRACES, Edge, trace
from tests.support.notifier import Around, MemoryLog, Published, rules, settings_of, tell, without_waits
from tests.support.projection import Stage
from tests.support.projection_compare import differences
from tests.support.reducer import Limits, reduce

LIMITS = Limits(disconnected_ms=180_000, stalled_ms=900_000, gone_ms=300_000)
MINUTE = 60_000
EDGE = [(-1, False), (0, False), (1, True)]

#: What is asked of ClickHouse here is asked of a server too, in the other tests of the projections.
pytestmark = pytest.mark.parametrize("tables", ["chdb"], indirect=True)


class Theatre:
    """Traces on a stage, and a receiver that is told of them."""

    def __init__(self, tables: Tables) -> None:
        self.log = MemoryLog(1)
        self.stage = Stage(tables, LIMITS)
        self.stage.tables = Published(tables, self.log)
        self.stage.projector = self.stage.worker()
        self.history = self.stage.history
        self.edge = Edge()
        self.run_id = ""
        self.history.tick(interval_ms=MINUTE)

    def send(self, request: dict[str, Any]) -> None:
        """One request of the trace, now; what ingest makes of it lands on the log."""
        verb = request["path"].rsplit("/", 1)[-1]
        path = "/trace/create" if verb == "create" else f"/trace/{self.run_id}/{verb}"
        answer = self.edge.send(request["method"], path, request["body"])
        self.run_id = answer["workflowId"] if verb == "create" else self.run_id
        event, rows = wire.decode(self.edge.log.records[-1].value)
        self.history.append(0, event, TASK_RECORDS.validate_json(b"[" + rows + b"]"))

    def play(self, name: str) -> None:
        """All requests, when they came."""
        began = self.history.now
        for request in trace(name):
            self.go_to(began + round(request["at"] * 1000))
            self.send(request)

    def go_to(self, at: int, beats: bool = False) -> None:
        """A tick a minute, with a heartbeat before each if the heart `beats`; then the rest, without one."""
        while at - self.history.now >= MINUTE:
            self.history.now += MINUTE
            self.turn(beats)
        self.history.now = at

    def turn(self, beats: bool = False) -> None:
        if beats:
            self.history.append(
                0, e.RunHeartbeat(id="h", source="t", run_id=self.run_id, received_at=0, data=e.Heartbeat())
            )
        self.history.tick(interval_ms=MINUTE)

    @property
    def path(self) -> list[str]:
        """The statuses that the run went through, as the reducer finds too."""
        self.stage.project()
        expected = reduce(self.history.messages, LIMITS, lambda _: 0)
        assert differences(self.stage.tables, expected, LIMITS) == []
        return self.stage.path(self.run_id)

    def told(self) -> list[tuple[str, str]]:
        """What the receiver is told now: (run, what), with '' for many runs."""
        around = Around(self.log, self.stage.tables, rules({"ops": 0}), settings_of(LIMITS), self.history.now)
        tell(around)
        return [(alert.run_id, f"{alert.kind} {owed.state}") for _, alert, owed in around.took]


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
    log, live = MemoryLog(1, theatre.history.records), theatre.stage.tables.inner
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
