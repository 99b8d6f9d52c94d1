"""Nobody speaks for another: a run belongs to the owner of its first message, and no instant that cannot be believed wins."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.access import Role
from schemas.dead_letters import FOREIGN
from schemas.topics import EVENTS
from schemas.values import MS_MAX
from stores.tables.client import Tables
from stores.tokens.token_list import NoTokens
from tests.support import projection
from tests.support.api.access import OWNER, SomeTokens
from tests.support.whole import T0, Whole, whole

TOKENS = SomeTokens(T0)
ANN, BOB = (TOKENS.headers(Role.RUNNER, owns=owns) for owns in (True, False))
OPERATOR = TOKENS.headers(Role.OPERATOR)


@pytest.fixture
def tracker(tables: Tables, tmp_path: Path) -> Iterator[Whole]:
    with whole(tables, tmp_path, TOKENS) as started:
        yield started


def send(tracker: Whole, who: dict[str, str], verb: str, run_id: str = "", /, **body: Any) -> str:
    """A request of Nextflow, which is always answered 200, projected; the id of the run."""
    method, path = ("POST", "/trace/create") if verb == "create" else ("PUT", f"/trace/{run_id}/{verb}")
    tracker.now += 1000
    answer = tracker.request(method, path, headers=who, json={"instant": tracker.now} | body)
    assert answer.status_code == 200, answer.text
    tracker.tick()
    return str(answer.json().get("workflowId", run_id))


def native(tracker: Whole, who: dict[str, str], *events: dict[str, Any]) -> int:
    """The status of a batch, projected."""
    tracker.now += 1000
    status = tracker.request("POST", "/v1/events", headers=who, json=list(events)).status_code
    tracker.tick()
    return status


def begun(tracker: Whole, who: dict[str, str], name: str = "nightly") -> str:
    run_id = send(tracker, who, "create", sessionId="s", runName=name)
    return send(tracker, who, "begin", run_id, workflow={"runName": name, "sessionId": "s"})


def complete(run_id: str, **data: Any) -> dict[str, Any]:
    return {"type": "run.completed", "run_id": run_id, "data": {"state": "failed"} | data}


def test_what_others_send_in_a_foreign_dialect_is_set_aside(tracker: Whole) -> None:
    run_id = begun(tracker, ANN)
    before = tracker.run(run_id)
    forged = {"runName": "pwned", "sessionId": "s", "success": False, "errorMessage": "forged"}
    for verb, body in (
        ("begin", {"workflow": forged}),
        ("progress", {"tasks": [{"taskId": 1, "status": "FAILED", "name": "x", "process": "x"}]}),
        ("heartbeat", {}),
        ("complete", {"workflow": forged, "instant": MS_MAX}),
        ("odd", {}),  # unreadable, and a sign of life if it were the owner's
    ):
        send(tracker, BOB, verb, run_id, **body)
    send(tracker, BOB, "create", workflowId=run_id, runName="pwned", sessionId="s")
    after = tracker.run(run_id)
    for field in ("name", "status", "owner", "tasks", "error", "last_seen_at", "labels"):
        assert after[field] == before[field], field
    letters = tracker.get("/dead-letters", run_id=run_id)["dead_letters"]
    assert len(letters) == 6 and {d["reason"] for d in letters} == {FOREIGN}
    send(tracker, ANN, "complete", run_id, workflow={"runName": "nightly", "success": True})
    assert tracker.run(run_id)["status"] == "succeeded"


def test_natively_others_are_refused(tracker: Whole) -> None:
    run_id = begun(tracker, ANN)
    beat = {"type": "run.heartbeat", "run_id": run_id}
    labels = {"type": "labels.changed", "run_id": run_id, "data": {"add": ["tracker.stalled-after=1"]}}
    end = tracker.do(tracker.log.bounds(EVENTS))[0].end
    for event in (
        beat,
        complete(run_id),
        labels,
        labels | {"type": "run.labelled", "data": {"labels": ["x"]}},
    ):
        assert native(tracker, BOB, {"type": "run.heartbeat", "run_id": "bobs"}, event) == 403
    taken = tracker.do(tracker.log.bounds(EVENTS))[0].end - end
    assert taken == 4, "four ticks, and nothing of the batches"
    assert tracker.get("/runs", include_hidden=True)["runs"][0]["labels"] == []
    for who in (ANN, OPERATOR):
        assert native(tracker, who, beat, labels) == 200
    assert tracker.run(run_id)["labels"] == ["tracker.stalled-after=1"]
    assert native(tracker, OPERATOR, complete(run_id, instant=tracker.now)) == 200
    assert tracker.run(run_id)["status"] == "failed", "operators may act"


def test_the_next_execution_of_a_weblog_run_is_its_owners(tracker: Whole) -> None:
    """Whoever sees the first one's id knows what the next will be called."""

    def execution(start: str) -> None:
        started = {"runId": "s", "runName": "nightly", "event": "started", "utcTime": start}
        started["metadata"] = {"workflow": {"start": start}}  # type: ignore[assignment]
        tracker.now += 1000
        assert tracker.request("POST", "/weblog", headers=ANN, json=started).status_code == 200
        tracker.tick()

    execution("2026-11-24T19:00:00Z")
    [first] = tracker.get("/runs")["runs"]
    following = f"{first['id']}-2"
    send(tracker, BOB, "begin", following, workflow={"runName": "bobs", "sessionId": "b"})
    assert native(tracker, BOB, {"type": "run.heartbeat", "run_id": following}) == 403
    assert len(tracker.get("/runs")["runs"]) == 1
    execution("2026-11-24T20:00:00Z")
    send(tracker, BOB, "complete", following, workflow={"runName": "bobs", "success": False})
    run = tracker.run(following)
    assert (run["owner"], run["name"], run["status"]) == (OWNER, "nightly", "running")


def test_the_order_of_the_log_decides_before_the_tables_know(tracker: Whole) -> None:
    """Both are accepted, since nothing is projected yet, and one is set aside, however often it is read."""
    for who, name in ((ANN, "first"), (BOB, "second")):
        body = [{"type": "run.created", "run_id": "r", "name": name, "data": {"instant": tracker.now}}]
        assert tracker.request("POST", "/v1/events", headers=who, json=body).status_code == 200
    tracker.tick()
    assert tracker.run("r")["name"] == "first"
    [letter] = tracker.get("/dead-letters", run_id="r")["dead_letters"]
    assert letter["reason"] == FOREIGN and letter["type"] == "run.created"


def test_a_run_of_an_open_tracker_is_nobodys(tables: Tables, tmp_path: Path) -> None:
    """It goes on when tokens have been made meanwhile."""
    tokens = NoTokens()
    with whole(tables, tmp_path, tokens) as tracker:
        run_id = begun(tracker, {})
        tokens.current = TOKENS.current
        assert native(tracker, BOB, complete(run_id, instant=tracker.now)) == 200
        assert (tracker.run(run_id)["status"], tracker.run(run_id)["owner"]) == ("failed", None)


@pytest.mark.parametrize("forged_first", [True, False])
def test_an_end_of_another_century_loses_to_the_real_one(tracker: Whole, forged_first: bool) -> None:
    run_id = begun(tracker, ANN)
    forged = {"instant": MS_MAX, "workflow": {"success": False, "errorMessage": "forged"}}
    real = {"workflow": {"success": True}}
    for body in (forged, real) if forged_first else (real, forged):
        send(tracker, ANN, "complete", run_id, **body)
    run = tracker.run(run_id)
    assert run["status"] == "succeeded"
    assert run["duration_ms"] is None or run["duration_ms"] < 3_600_000


def test_a_clock_that_is_days_ahead_is_heard_all_the_same(tracker: Whole) -> None:
    """Where nothing else is told, the newest of what cannot be believed counts."""
    ahead = tracker.now + 3 * 86_400_000
    run_id = send(tracker, ANN, "create", sessionId="s", runName="old", instant=ahead)
    for n, name in enumerate(("old", "new")):
        send(tracker, ANN, "begin", run_id, workflow={"runName": name}, instant=ahead - n)
    assert tracker.run(run_id)["name"] == "new"
    send(tracker, ANN, "complete", run_id, workflow={"success": True}, instant=ahead)
    assert tracker.run(run_id)["status"] == "succeeded"


def test_an_operator_lets_one_letter_count_and_no_filter_does(tracker: Whole) -> None:
    run_id = begun(tracker, ANN)
    send(
        tracker,
        BOB,
        "progress",
        run_id,
        tasks=[{"taskId": 7, "status": "RUNNING", "name": "t", "process": "p"}],
    )
    [letter] = tracker.get("/dead-letters", run_id=run_id)["dead_letters"]
    everything = tracker.request("POST", "/api/v1/dead-letters/replay", json={"every": True}).json()
    assert everything["replayed"] == [] and FOREIGN in everything["failed"][0]["reason"]
    one = tracker.request("POST", f"/api/v1/dead-letters/{letter['id']}/replay")
    assert one.status_code == 202, one.text
    tracker.tick()
    assert tracker.run(run_id)["tasks"]["running"] == 1
    assert tracker.get(f"/dead-letters/{letter['id']}")["replayed_as"] == run_id


def test_two_who_add_labels_at_once_lose_nothing(tracker: Whole) -> None:
    """Neither sees the label of the other; before, each set all that it knew of."""
    run_id = begun(tracker, ANN)
    api = f"/api/v1/runs/{run_id}/labels"
    assert tracker.request("PUT", api, json={"labels": ["old", "stays"]}).status_code == 202
    tracker.tick()
    for change in ({"add": ["a"]}, {"add": ["b", "b"], "remove": ["old", "never"]}):
        answer = tracker.request("POST", api, json=change)
        assert answer.status_code == 202, answer.text
    assert answer.json() == {"add": ["b"], "remove": ["old"]}
    tracker.tick()
    assert tracker.run(run_id)["labels"] == ["stays", "a", "b"]
    assert tracker.get("/runs", label="b")["runs"][0]["id"] == run_id


def test_a_run_has_at_most_a_hundred_labels(tracker: Whole, tables: Tables) -> None:
    run_id = begun(tracker, ANN)
    for start in (0, 60, 120):
        add = [f"l{n}" for n in range(start, start + 60)]
        event = {"type": "labels.changed", "run_id": run_id, "data": {"add": add}}
        assert native(tracker, ANN, event) == 200
    assert tracker.run(run_id)["labels"] == [f"l{n}" for n in range(100)]
    letters = tracker.get("/dead-letters", run_id=run_id)["dead_letters"]
    assert sorted(len(json.loads(d["raw"])) for d in letters) == [20, 60]
    refused = tracker.request("POST", f"/api/v1/runs/{run_id}/labels", json={"add": ["one more"]})
    assert refused.status_code == 400 and "at most 100 labels" in refused.json()["detail"]
    long = tracker.request("POST", f"/runs/{run_id}/labels", data={"add": "x" * 201})
    assert long.status_code == 400 and "A label has 1 to 200 characters" in long.text
    projection.merge(tables)
    assert len(tracker.run(run_id)["labels"]) == 100
