"""Alerts in the API: the list, acknowledge and silence as events on the log, and the metrics that are asked when scraped."""

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.core.probes import METRICS_MS
from projections.alerts.storage import Storage
from schemas.events import AlertAssigned, AlertSilenced
from schemas.values import iso
from schemas.wire import decode
from tests.support.api.stage import T0, Stage, problem

REFUSED: list[tuple[str, dict[str, Any], int]] = [
    ("b/acknowledge", {}, 404),
    ("B%20/acknowledge", {}, 400),
    ("a/silence", {}, 400),
    ("a/silence", {"json": {"until": "soon"}}, 400),
    ("a/silence", {"json": {"until": "2026-11-24T19:01:45"}}, 400),
    ("a/silence", {"content": b"\xff"}, 400),
    ("a/acknowledge", {"json": {"buy": "x"}}, 400),
    ("a/acknowledge", {"json": {"by": "x" * 201}}, 400),
    ("a/acknowledge", {"content": b" " * 1_000_001}, 413),
    ("a/assign", {}, 400),
    ("b/assign", {"json": {"to": "ann"}}, 404),
    ("a/assign", {"json": {"to": "x" * 201}}, 400),
    ("a/acknowledge", {"headers": {"Origin": "https://evil.example"}}, 403),
    ("a/acknowledge", {"headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
]


def alert(stage: Stage, id: str, state: str = "firing", since: int = 0, **known: Any) -> None:
    row = {"id": id, "version": 1, "kind": "disconnected", "run_id": f"run-{id}", "state": state}
    stage.insert("alerts", row | {"since": iso(T0 + since), "summary": f"{id} is silent"} | known)


def ids(stage: Stage, **params: Any) -> list[str]:
    return [a["id"] for a in stage.get("/alerts", **params)["alerts"]]


def test_alerts_are_listed_newest_first_and_filtered(stage: Stage) -> None:
    assert stage.get("/alerts") == {"alerts": [], "next_page_token": None}
    alert(stage, "a", since=1)
    alert(stage, "b", "resolved", 2, resolved_at=iso(T0 + 9), kind="failed")
    alert(stage, "c", "pending", 3)
    alert(stage, "d", "firing", 2, run_id="")
    alert(stage, "d", "firing", 2, run_id="", version=2, acknowledged_by="ada", acknowledged_at=iso(T0 + 4))
    assert ids(stage) == ["d", "b", "a"]
    assert ids(stage, state="firing") == ["d", "a"]
    assert ids(stage, state="pending,grouped") == ["c"]
    assert ids(stage, kind="failed") == ["b"] and ids(stage, run_id="run-a") == ["a"]
    pages = [[a["id"] for a in page] for page in stage.pages("/alerts", "alerts", page_size=1)]
    assert pages == [["d"], ["b"], ["a"]]
    [d] = [a for a in stage.get("/alerts")["alerts"] if a["id"] == "d"]
    assert d["run_id"] is None and d["acknowledged_by"] == "ada" and d["resolved_at"] is None
    assert d["since"] == iso(T0 + 2) and d["deliveries"] == []


def test_deliveries_are_shown(stage: Stage) -> None:
    told = [{"receiver": "ops", "firing_at": iso(T0 + 5), "resolved_at": None}]
    alert(stage, "a", deliveries=told)
    assert stage.get("/alerts")["alerts"][0]["deliveries"] == told


def test_what_is_unknown_is_refused(stage: Stage) -> None:
    assert "give some of" in stage.refused(400, "/alerts", state="burning")["detail"]
    assert "give one of" in stage.refused(400, "/alerts", kind="fire")["detail"]
    stage.refused(400, "/alerts", page_token="x")


def test_acts_are_events_on_the_log(stage: Stage) -> None:
    alert(stage, "a")
    path = "/api/v1/alerts/a"
    assert stage.request("POST", f"{path}/acknowledge").status_code == 202
    assert stage.request("POST", f"{path}/acknowledge", json={"by": "ada"}).status_code == 202
    until = "2026-11-24T19:01:45.637Z"
    assert stage.request("POST", f"{path}/silence", json={"until": until, "by": "bob"}).status_code == 202
    acts = [decode(value)[0] for _, value in stage.log.messages[0]]
    assert [a.type for a in acts] == ["alert.acknowledged", "alert.acknowledged", "alert.silenced"]
    assert (
        isinstance(acts[2], AlertSilenced) and iso(acts[2].data.until) == until and acts[2].data.by == "bob"
    )


def test_who_was_asked_last_looks_after_it(stage: Stage) -> None:
    stage.run("run-a", facts={"name": "nightly"})
    alert(stage, "a")
    act = {"alert_id": "a", "partition": 0, "act": "alert.assigned", "appended_at": iso(T0)}
    stage.insert("alert_acts", act | {"offset": 2, "assignee": "bob"}, act | {"offset": 1, "assignee": "ann"})
    [told] = stage.get("/alerts")["alerts"]
    assert told["assigned_to"] == "bob" and told["run_name"] == "nightly"
    stage.insert("alert_acts", act | {"offset": 3, "assignee": ""})
    assert stage.get("/alerts")["alerts"][0]["assigned_to"] is None


def test_to_assign_is_an_event_and_no_act_of_the_notifier(stage: Stage) -> None:
    alert(stage, "a")
    body = {"to": " ann ", "by": "bob"}
    assert stage.request("POST", "/api/v1/alerts/a/assign", json=body).status_code == 202
    [event] = [decode(value)[0] for _, value in stage.log.messages[0]]
    assert isinstance(event, AlertAssigned) and (event.data.to, event.data.by) == ("ann", "bob")
    act = {"alert_id": "a", "partition": 0, "offset": 1, "act": "alert.assigned", "appended_at": iso(T0)}
    stage.insert("alert_acts", act)
    assert Storage(stage.tables).acts(0) == []


def test_a_wrong_act_is_refused_and_leaves_nothing(stage: Stage) -> None:
    alert(stage, "a")
    for path, options, status in REFUSED:
        problem(stage.request("POST", f"/api/v1/alerts/{path}", **options), status)
    assert not stage.log.messages[0]


def test_the_log_is_away(stage: Stage) -> None:
    alert(stage, "a")
    stage.log.away = True
    problem(stage.request("POST", "/api/v1/alerts/a/acknowledge"), 503)


def metrics(stage: Stage) -> dict[tuple[str, tuple[str, ...]], float]:
    response = stage.request("GET", "/metrics")
    assert response.status_code == 200
    return {
        (s.name, tuple(s.labels.values())): s.value
        for family in text_string_to_metric_families(response.text)
        for s in family.samples
    }


def test_metrics_tell_how_runs_and_the_tracker_stand(stage: Stage) -> None:
    stage.tick(T0, clock_ms=10_000_000, offset=1)
    stage.log.fill(0, [("clock.tick", b"")] * 5)
    stage.run("live", begun=1, seen={"observed": 10_000_000, "appended": T0})
    stage.run("gone", begun=1)
    stage.run("over", completed={"state": "failed"})
    found = metrics(stage)
    runs = {k[1][0]: v for k, v in found.items() if k[0] == "tracker_live_runs"}
    assert runs == {"running": 1, "disconnected": 1, "submitted": 0, "stalled": 0, "unknown": 0}
    assert found["tracker_newest_tick_age_seconds", ("0",)] == 1
    assert found["tracker_newest_round_age_seconds", ("0",)] == 1
    assert found["tracker_log_lag_messages", ("0",)] == 3


def test_metrics_that_cannot_be_told_are_absent(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.tick(T0)
    assert any(name == "tracker_log_lag_messages" for name, _ in metrics(stage))
    stage.now += METRICS_MS
    stage.log.away = True
    assert not any(name in ("tracker_log_lag_messages", "tracker_live_runs") for name, _ in metrics(stage))
