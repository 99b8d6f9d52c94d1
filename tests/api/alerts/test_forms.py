"""What people do about alerts from pages: where the forms stand, what they append, and where they lead."""

import pytest

from api.core import commands
from schemas.events import AlertAcknowledged, AlertAssigned, AlertSilenced
from schemas.values import iso
from schemas.wire import decode
from tests.support.api.stage import T0, Stage

HOUR = 3_600_000


@pytest.fixture
def told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A run that failed, and the alert about it."""
    monkeypatch.setattr(commands, "VISIBLE_WITHIN", 0.0)  # nobody projects here
    stage.tick(T0, clock_ms=1)
    stage.run("r1", facts={"name": "nightly <b>"}, completed={"state": "failed", "error_message": "boom"})
    stage.figures("r1", tasks=1, total=1, failed=1)
    episode(stage)
    return stage


def episode(stage: Stage, **known: object) -> None:
    row = {"id": "a1", "version": 1, "kind": "failed", "run_id": "r1", "state": "firing", "since": iso(T0)}
    stage.insert("alerts", row | {"summary": "nightly <b> failed: boom"} | known)


def page(stage: Stage, path: str) -> str:
    response = stage.request("GET", path)
    assert response.status_code == 200
    return response.text


def test_the_list_the_page_and_the_operations_have_the_forms(told: Stage) -> None:
    for path, back in (("/", "/"), ("/runs/nightly%20%3Cb%3E", "/runs/r1"), ("/ops", "/ops")):
        text = page(told, path)
        acts = text.split('id="acts-a1"')[1].split("</details>")[0]
        for act in ("acknowledge", "assign", "silence"):
            assert f'action="/alerts/a1/{act}"' in acts, path
        assert f'name="back" value="{back}"' in acts
    assert "nightly &lt;b&gt;" in page(told, "/ops").split('id="alerts"')[1]


def test_a_form_is_an_event_and_leads_back(told: Stage) -> None:
    for fields, act, kind, where in (
        ({"back": "/runs/r1"}, "acknowledge", AlertAcknowledged, "/runs/r1"),
        ({"back": "//evil.example/", "hours": "8"}, "silence", AlertSilenced, "/ops"),
        ({"back": "https://evil.example/", "to": " ann "}, "assign", AlertAssigned, "/ops"),
        ({"back": "/\\evil.example", "to": ""}, "assign", AlertAssigned, "/ops"),
    ):
        response = told.request("POST", f"/alerts/a1/{act}", data=fields)
        assert (response.status_code, response.headers["location"]) == (303, where)
        event = decode(told.log.messages[0][-1][1])[0]
        assert isinstance(event, kind) and event.data.alert_id == "a1"
    silenced = decode(told.log.messages[0][1][1])[0]
    assert isinstance(silenced, AlertSilenced) and silenced.data.until == told.now + 8 * HOUR


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("a1/silence", {"hours": "9999999"}, 400),
        ("a1/silence", {}, 400),
        ("a1/assign", {"to": "x" * 201}, 400),
        ("nobody/acknowledge", {}, 404),
    ],
)
def test_a_wrong_form_leaves_nothing(told: Stage, path: str, fields: dict[str, str], status: int) -> None:
    assert told.request("POST", f"/alerts/{path}", data=fields).status_code == status
    assert not told.log.messages[0]


def test_what_somebody_has_seen_says_who_and_comes_last(told: Stage) -> None:
    acknowledged = {"acknowledged_by": "ann", "acknowledged_at": iso(T0 + 9), "resolved_at": iso(T0 + 9)}
    episode(told, version=2, state="resolved", **acknowledged)
    told.run(
        "r0",
        at=T0 - 9,
        facts={"name": "other"},
        completed={"state": "failed"},
        seen={"observed": 0, "appended": T0},
    )
    told.figures("r0", tasks=1, total=1, failed=1)
    text = page(told, "/").split('id="needs"')[1].split("</section>")[0]
    assert text.index("needs-r0") < text.index("needs-r1") and "acknowledged by ann" in text
    assert 'action="/alerts/a1/acknowledge"' not in text
    assert "acknowledged by ann" in page(told, "/runs/r1")


def test_alerts_of_a_run_stand_together_with_its_name(told: Stage) -> None:
    row = {"version": 1, "state": "firing", "summary": "s"}
    told.insert(
        "alerts",
        row | {"id": "b1", "kind": "dead-letters", "run_id": "", "since": iso(T0 + 1)},
        row | {"id": "a2", "kind": "stalled", "run_id": "r1", "since": iso(T0 + 2)},
    )
    table = page(told, "/ops").split('id="alerts"')[1].split("</table>")[0]
    order = [table.index(f'id="alert-{name}"') for name in ("a2", "a1", "b1")]
    assert order == sorted(order) and 'rowspan="2"' in table and "the tracker" in table
