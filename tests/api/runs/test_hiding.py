"""Hidden runs: an event from the API, out of the lists, still at their address, and nobody is told of them."""

import pytest

from api.runs.commands import hidden_event
from projections.alerts.registry import EpisodeRegistry
from projections.alerts.rules import Facts, Rules
from projections.alerts.storage import Storage
from projections.project.outage_counts import OutageCounts
from projections.project.sweep import Transition
from schemas import events as e
from schemas.events import RunHidden, RunShown
from schemas.statuses import AlertKind, AlertState
from schemas.values import iso
from schemas.wire import decode
from stores.tables.client import Tables
from tests.support.api.stage import T0, Stage, problem
from tests.support.projection import Stage as Projection
from tests.support.reference.compare import differences
from tests.support.reference.reducer import Limits, reduce

LIMITS = Limits(disconnected_ms=180_000, stalled_ms=360_000, gone_ms=300_000)


def listed(stage: Stage, **asked: str) -> list[str]:
    return [r["id"] for r in stage.get("/runs", **asked)["runs"]]


def test_hiding_is_an_event_on_the_log(stage: Stage) -> None:
    stage.run("r1", facts={"name": "n"})
    path = "/api/v1/runs/n/hidden"
    for body in ({"hidden": True, "by": "ada"}, {"hidden": False}):
        answer = stage.request("PUT", path, json=body)
        assert (answer.status_code, answer.json()) == (202, {"id": "r1", "hidden": body["hidden"]})
    (first, value), (second, _) = stage.log.messages[0]
    event, _ = decode(value)
    assert (first, second) == ("run.hidden", "run.shown")
    assert isinstance(event, RunHidden) and (event.run_id, event.data.by) == ("r1", "ada")
    assert hidden_event("r1", True, "", T0).id != hidden_event("r1", True, "", T0 + 1).id


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"hidden": "perhaps"}', '{"hidden": true, "x": 1}'])
def test_a_wrong_word_is_refused_and_leaves_nothing(stage: Stage, body: str) -> None:
    stage.run("r1")
    problem(stage.request("PUT", "/api/v1/runs/r1/hidden", content=body), 400)
    problem(stage.request("PUT", "/api/v1/runs/nobody/hidden", json={"hidden": True}), 404)
    foreign = {"Sec-Fetch-Site": "cross-site"}
    problem(stage.request("PUT", "/api/v1/runs/r1/hidden", json={"hidden": True}, headers=foreign), 403)
    assert not stage.log.messages[0]


def test_a_hidden_run_is_out_of_the_lists_and_at_its_address(stage: Stage) -> None:
    stage.tick(T0, clock_ms=10_000_000)
    stage.run("seen", begun=1)
    stage.run("gone", begun=1, facts={"name": "n"}, hiding={"offset": 7, "hidden": 1, "by": "ada"})
    assert listed(stage) == ["seen"] and listed(stage, status="disconnected") == ["seen"]
    assert set(listed(stage, hidden="true")) == {"seen", "gone"}
    page = stage.request("GET", "/").text
    assert "needs-seen" in page and "gone" not in page
    assert "needs-seen" in stage.request("GET", "/?sort=-name").text
    assert "needs-seen" not in stage.request("GET", "/?status=disconnected").text, (
        "who filters looks for else"
    )
    run = stage.get("/runs/n")
    assert (run["id"], run["hidden"], run["hidden_by"]) == ("gone", True, "ada")
    assert stage.request("GET", "/runs/gone").status_code == 200
    assert 'tracker_live_runs{status="disconnected"} 1.0' in stage.request("GET", "/metrics").text


def test_the_newest_word_counts_and_is_no_sign_of_life(tables: Tables) -> None:
    stage = Projection(tables, LIMITS)
    stage.history.tick()
    stage.history.say("run", e.Begun(instant=T0))
    stage.history.say("run", e.Hiding(by="ada"))
    stage.history.wait(170_000)
    shown = RunShown(id="1", source="api", run_id="run", received_at=T0, data=e.Hiding(by="bob"))
    stage.history.append(0, shown)
    stage.history.wait(20_000)
    stage.project()
    expected = reduce(stage.history.messages, LIMITS, lambda _: 0)
    assert differences(tables, expected, LIMITS) == []
    assert stage.path("run") == ["running", "disconnected"]
    assert expected.runs["run"].hiding[1:] == (0, "bob")
    [act] = Storage(tables).acts(0)
    assert (act.act, act.alert_id, act.until_ms) == ("run.hidden", "run", None)


def test_facts_of_alerts_know_what_is_hidden(tables: Tables, stage: Stage) -> None:
    stage.run("gone", hiding={"offset": 7, "hidden": 1, "by": ""})
    stage.run("seen", hiding={"offset": 8, "hidden": 0, "by": ""})
    facts = Storage(tables).facts(["gone", "seen"])
    assert (facts["gone"].hidden, facts["seen"].hidden) == (True, False)


def change(run: str, to: str, offset: int, at: int) -> Transition:
    return Transition(run, offset, 0, at, at, "running", to, "because")


def test_nobody_is_told_of_a_hidden_run() -> None:
    registry, outage_counts = EpisodeRegistry(Rules(), 180_000), OutageCounts(live=100)
    registry.transition(change("gone", "failed", 1, T0), Facts(hidden=True), outage_counts, T0)
    assert not registry.alerts
    registry.transition(change("run", "stalled", 2, T0), Facts(), outage_counts, T0)
    alert = registry.newest(AlertKind.STALLED, "run")
    assert alert and alert.state is AlertState.FIRING
    registry.hide("run", T0 + 5)
    ended = registry.newest(AlertKind.STALLED, "run")
    assert ended and (ended.state, ended.resolved_at) == (AlertState.RESOLVED, T0 + 5)


def test_an_act_that_is_read_again_does_not_end_what_came_later() -> None:
    registry = EpisodeRegistry(Rules(), 180_000)
    registry.transition(change("run", "failed", 2, T0 + 10), Facts(), OutageCounts(), T0 + 10)
    registry.hide("run", T0 + 5)
    alert = registry.newest(AlertKind.FAILED, "run")
    assert alert and alert.open, iso(T0)
