"""Dead letters: kept without secrets, shown whole, read again after a fix, once and for all, and no sign of life."""

import json
import threading
from base64 import b64decode
from typing import Any

import pytest

from api.app import create_app
from ingest import message as messages
from ingest import tower
from ingest.request import Read, Request, Unreadable
from projections.alerts.notifier_state import dead_letter_of
from projections.project.projector import Projector
from projections.project.sweep import Thresholds
from projections.project.writer import Writer
from schemas.dead_letters import LetterName
from schemas.settings import Settings
from schemas.statuses import Dialect
from schemas.topics import DEAD_LETTERS
from schemas.wire import decode
from stores.log.port import Record
from tests.support.api.stage import T0, Stage, problem
from tests.support.log import MemoryLog
from tracker.reread import read_again

SETTINGS = Settings()
BEGIN = {"workflow": {"runName": "mad_mayer", "sessionId": "s"}, "instant": 5, "note": "TOKEN=abc"}


def letter(run_id: str, verb: str, body: bytes, dialect: Dialect = Dialect.TOWER) -> messages.Message:
    """The dead letter that a request becomes for a version that does not understand it."""

    def not_yet(_: Request) -> Read:
        raise Unreadable("a new field")

    path = "/weblog" if verb == "weblog" else f"/trace/{run_id + '/' if run_id else ''}{verb}"
    request = Request(run_id, verb, body, "7", T0, "ingest-1")
    return messages.message_of(request, not_yet, f"PUT {path}", dialect, 2**20)


class Service:
    """The api that reads letters again, and a projector, over one log in memory."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.log: MemoryLog = stage.log
        stage.app = create_app(
            stage.tables, stage.log, SETTINGS, lambda: stage.now, read_again=read_again(SETTINGS)
        )
        self.published: list[tuple[str, bytes]] = []
        self.projector = Projector(
            Writer(stage.tables, threading.Event()), Thresholds(180_000, 900_000, 300_000), self._publish, 0
        )
        self.projector.assign([0])
        self._next = 0

    def _publish(self, topic: str, told: Any) -> None:
        self.published += [(topic, value) for _, value in told]

    def say(self, *said: messages.Message | tuple[str, bytes]) -> None:
        for m in said:
            self.log.put(*((m.type, m.value) if isinstance(m, messages.Message) else m))

    def project(self) -> None:
        every = self.log.messages[0]
        self.projector.project([Record(0, o, T0 + o, "", *every[o]) for o in range(self._next, len(every))])
        self.projector.refresh_all()
        self._next = len(every)

    def letters(self, **asked: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.stage.get("/dead-letters", **asked)["dead_letters"]
        return found

    def replay(self, path: str, **body: Any) -> Any:
        return self.stage.request("POST", f"/api/v1/dead-letters/{path}", json=body)


@pytest.fixture
def service(stage: Stage) -> Service:
    return Service(stage)


def test_a_letter_is_shown_whole_and_read_again_after_a_fix(service: Service) -> None:
    service.say(letter("run1", "begin", json.dumps(BEGIN).encode()))
    service.project()
    assert [topic for topic, _ in service.published] == [DEAD_LETTERS]
    assert dead_letter_of(Record(0, 0, T0, "", "", service.published[0][1])) == ("0:0:", "a new field")
    shown = service.stage.get("/dead-letters/0-0")
    assert json.loads(shown["text"])["workflow"]["runName"] == "mad_mayer" and "abc" not in shown["text"]
    assert b64decode(shown["raw"]).decode() == shown["text"]
    assert (shown["dialect"], shown["workspace"], shown["replayed_at"]) == ("tower", "7", None)

    answer = service.replay("0-0/replay", by="ada")
    assert answer.status_code == 202 and answer.json()["run_ids"] == ["run1"]
    event, _ = decode(service.log.messages[0][-1][1])
    assert event.type == "run.begun" and event.reread and event.reread.to_id() == "0-0"
    service.project()
    assert service.stage.get("/runs/run1")["name"] == "mad_mayer"
    [marked] = service.letters()
    assert (marked["replayed_by"], marked["replayed_as"]) == ("ada", "run1") and marked["replayed_at"]
    assert service.letters(replayed="false") == [] and len(service.letters(replayed="true")) == 1
    books = service.stage.get("/books")
    assert (books["projected"], books["dead_lettered"], books["balanced"]) == (1, 1, True)


def test_to_read_it_twice_adds_nothing_and_is_no_sign_of_life(service: Service) -> None:
    tasks = {"tasks": [{"taskId": 1, "status": "COMPLETED", "process": "P"}], "instant": 5}
    service.say(letter("run1", "progress", json.dumps(tasks).encode()))
    service.project()
    seen = service.stage.get("/runs/run1")["last_seen_at"]
    shown = []
    for _ in range(2):
        assert service.replay("0-0/replay").status_code == 202
        service.project()
        shown.append(service.stage.get("/runs/run1"))
    ids = [decode(value)[0].id for _, value in service.log.messages[0][1:]]
    assert len(ids) == 2 and len(set(ids)) == 1
    assert shown[0]["tasks"] == shown[1]["tasks"] and shown[1]["tasks"]["succeeded"] == 1
    assert [r["last_seen_at"] for r in shown] == [seen, seen]
    assert service.stage.get("/books")["repeats"] == 2  # the letter had the same id


def test_a_create_keeps_the_id_that_the_runner_was_given(service: Service) -> None:
    made = letter("", "create", b'{"sessionId": "s", "runName": "n", "instant": 5}')
    service.say(made)
    service.project()
    assert service.replay("0-0/replay").json()["run_ids"] == [made.run_id]


def test_weblog_and_a_record_that_was_set_aside(service: Service) -> None:
    told = {"runId": "s", "runName": "n", "event": "started", "utcTime": "2026-01-01T00:00:00Z"}
    body = json.dumps({"tasks": [{"taskId": "x"}, {"taskId": 2, "status": "RUNNING"}]}).encode()
    request = Request("run1", "progress", body, "", T0, "ingest-1")
    service.say(letter("", "weblog", json.dumps(told).encode(), Dialect.WEBLOG))
    service.say(messages.message_of(request, tower.read, "PUT /trace/run1/progress", Dialect.TOWER, 2**20))
    service.project()
    assert service.replay("0-0/replay").status_code == 202
    [aside] = [found for found in service.letters() if found["part"]]
    assert aside["part"] == "tasks[0]" and LetterName.from_id(aside["id"]).part == "tasks[0]"
    assert service.stage.get(f"/dead-letters/{aside['id']}")["text"] == '{"taskId": "x"}'
    problem(service.replay(f"{aside['id']}/replay"), 409)  # its id is still no number
    row = {"partition": 0, "offset": 0, "part": "tasks[4]", "run_id": "run1", "type": "tasks.changed"}
    record = {"taskId": 4, "status": "COMPLETED", "process": "P"}
    service.stage.insert("dead_letters", row | {"dialect": "tower", "raw": json.dumps(record)})
    name = LetterName(partition=0, offset=0, part="tasks[4]").to_id()
    assert service.replay(f"{name}/replay").json()["run_ids"] == ["run1"]
    service.project()
    assert service.stage.get("/runs/run1")["tasks"]["succeeded"] == 1


def test_what_still_cannot_be_understood_is_told_and_appends_nothing(service: Service) -> None:
    service.say(letter("run1", "begin", b"{"), ("?", b"no event"))
    service.project()
    before = len(service.log.messages[0])
    assert "not JSON" in problem(service.replay("0-0/replay"), 409)["detail"]
    assert "no request of a runner" in problem(service.replay("0-1/replay"), 409)["detail"]
    for path, status in (("0-9/replay", 404), ("x/replay", 400), ("0-0-%21/replay", 400)):
        problem(service.replay(path), status)
    problem(service.replay("replay"), 400)
    assert len(service.log.messages[0]) == before
    service.log.away = True
    service.say(letter("run2", "begin", b"{}"))
    service.project()
    problem(service.replay("0-2/replay"), 503)


def test_all_of_a_reason_are_read_again_page_by_page(service: Service) -> None:
    body = json.dumps(BEGIN).encode()
    service.say(*(letter(f"run{n}", "begin", body) for n in range(5)), letter("bad", "begin", b"["))
    service.project()
    runs, failed, token = set[str](), 0, ""
    while True:
        answer = service.stage.request(
            "POST",
            f"/api/v1/dead-letters/replay?page_size=2&page_token={token}",
            json={"reason": "new field"},
        ).json()
        runs |= set(answer["run_ids"])
        failed += len(answer["failed"])
        if not (token := answer["next_page_token"]):
            break
    assert (runs, failed) == ({f"run{n}" for n in range(5)}, 1)
    service.project()
    assert [found["run_id"] for found in service.letters(replayed="false")] == ["bad"]
    assert service.replay("replay", reason="another").json()["replayed"] == []


@pytest.mark.parametrize(
    "text", ["", "1", "1-", "-1-2", "1-2-", "1-2-%", "1-2-AA=", "x-y", "1-99999999999999999999"]
)
def test_names_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        LetterName.from_id(text)
    name = LetterName(partition=3, offset=4, part="tasks[1].ä/?")
    assert LetterName.from_id(name.to_id()) == name
