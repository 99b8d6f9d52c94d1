"""Traces of a stock Nextflow through ingest, projector and notifier, in the log's own time. No test stands here."""

from typing import Any

from schemas import events as e
from schemas import wire
from schemas.events import TASK_RECORDS
from stores.tables.client import Tables
from tests.support.alerts.notifier import Around, Published, UnhurriedLog, rules, settings_of, tell
from tests.support.ingest import Edge, trace
from tests.support.projection import Stage
from tests.support.reference.compare import differences
from tests.support.reference.reducer import Limits, reduce

LIMITS = Limits(disconnected_ms=180_000, stalled_ms=900_000, gone_ms=300_000)
MINUTE = 60_000


class Theatre:
    """Traces on a stage, and a receiver that is told of them."""

    def __init__(self, tables: Tables) -> None:
        self.log = UnhurriedLog(1)
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
