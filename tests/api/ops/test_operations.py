"""The delivery check, dead letters, labels, probes, the shape of errors, and what every answer carries."""

import json
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from api.app import create_app
from api.core.db import Reader, Row
from api.core.headers import HEADERS
from api.ops import count_cache as counted
from schemas.events import RunLabelled
from schemas.settings import Settings
from schemas.values import iso
from schemas.wire import decode
from stores.tables.client import Tables, TablesUnavailable
from tests.support.api.stage import T0, Stage, problem
from tests.support.log import MemoryLog


def fill(stage: Stage, log: str, projected: int, partition: int = 0) -> None:
    """A log of one letter a message (t: tick, d: dead letter, else a request of that id), of which a part is projected."""
    types = {"t": "clock.tick", "d": "request.unreadable"}
    stage.log.fill(partition, [(types.get(c, "tasks.changed"), b"") for c in log])
    for offset, c in enumerate(log[:projected]):
        outcome = {"t": "clock", "d": "dead_lettered"}.get(c, "projected")
        row = {
            "partition": partition,
            "offset": offset,
            "type": types.get(c, "tasks.changed"),
            "outcome": outcome,
        }
        stage.insert("events", row | {"id": f"{c}{partition}", "appended_at": iso(T0 + offset)})
    if projected:
        stage.insert(
            "watermarks",
            {"partition": partition, "offset": projected - 1, "appended_at": iso(T0 + projected - 1)},
        )


def counts(stage: Stage) -> dict[str, Any]:
    books: dict[str, Any] = stage.get("/books")
    assert books["accepted"] == books["on_log"] + books["spooled"] and books["spooled"] == 0
    assert books["balanced"] == (
        books["on_log"] == books["projected"] + books["dead_lettered"] + books["lag"]
    )
    return {k: books[k] for k in ("on_log", "projected", "dead_lettered", "lag", "repeats", "balanced")}


def test_books_of_nothing(stage: Stage) -> None:
    assert counts(stage) == {
        "on_log": 0,
        "projected": 0,
        "dead_lettered": 0,
        "lag": 0,
        "repeats": 0,
        "balanced": True,
    }


def test_books_balance_and_ticks_do_not_count(stage: Stage) -> None:
    stage.log = MemoryLog(2)
    stage.app = create_app(stage.tables, stage.log, Settings(), lambda: stage.now)
    fill(stage, "tabatdat" + "tbt", 8)
    fill(stage, "ttz", 0, partition=1)
    fill(stage, "tabatdat" + "tbt", 8)  # written twice, as after a crash
    assert counts(stage) == {
        "on_log": 7,
        "projected": 4,
        "dead_lettered": 1,
        "lag": 2,
        "repeats": 2,
        "balanced": True,
    }
    assert stage.get("/books")["watermark"] == [
        {
            "partition": 0,
            "next_offset": 8,
            "log_end": 11,
            "appended_at": iso(T0 + 7),
            "on_log": 6,
            "projected": 4,
            "dead_lettered": 1,
            "lag": 1,
        },
        {
            "partition": 1,
            "next_offset": 0,
            "log_end": 3,
            "appended_at": None,
            "on_log": 1,
            "projected": 0,
            "dead_lettered": 0,
            "lag": 1,
        },
    ]


def test_what_was_counted_for_the_page_is_not_counted_again_for_the_json(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(stage, "abab", 4)
    monkeypatch.setattr(counted, "CHEAP_SECONDS", -1.0)  # each whole count is dear, and kept
    monkeypatch.setattr(counted, "_RESTS", 1e9)
    asked: list[Any] = []

    def ask(reader: Reader, ranges: counted.Ranges) -> dict[int, Row]:
        asked.append(dict(ranges))
        return once(reader, ranges)

    once = counted._ask
    monkeypatch.setattr(counted, "_ask", ask)
    assert stage.request("GET", "/ops").status_code == 200
    assert counts(stage)["projected"] == 4
    assert asked == [{0: (0, 4)}, {0: (4, 4)}]


def test_books_show_a_message_that_was_skipped(stage: Stage) -> None:
    fill(stage, "tabt", 4)
    stage.tables.command("DELETE FROM events WHERE offset = 1")
    assert counts(stage) == {
        "on_log": 2,
        "projected": 1,
        "dead_lettered": 0,
        "lag": 0,
        "repeats": 0,
        "balanced": False,
    }


def test_books_show_tables_of_another_log(stage: Stage) -> None:
    fill(stage, "tabt", 4)
    del stage.log.partitions[0][2:]
    assert not counts(stage)["balanced"]


def test_books_of_a_log_that_has_lost_its_beginning(stage: Stage) -> None:
    fill(stage, "abtcd", 4)
    stage.log.first[0] = 2
    assert counts(stage) == {
        "on_log": 2,
        "projected": 1,
        "dead_lettered": 0,
        "lag": 1,
        "repeats": 0,
        "balanced": True,
    }


def test_a_long_tail_is_not_looked_at(stage: Stage) -> None:
    fill(stage, "t" * 20_001, 0)
    books = stage.get("/books")
    assert (books["lag"], books["on_log"], books["lag_exact"], books["balanced"]) == (
        20_001,
        20_001,
        False,
        True,
    )


def test_dead_letters_are_paged_newest_first(stage: Stage) -> None:
    for offset in range(7):
        for part in ("", "tasks[0].exit"):
            row = {
                "partition": 0,
                "offset": offset,
                "part": part,
                "appended_at": iso(T0 + offset // 3),
                "reason": "odd",
            }
            stage.insert(
                "dead_letters", row | {"run_id": f"r{offset % 2}", "raw": "x" * 5000, "type": "tasks.changed"}
            )
    pages = list(stage.pages("/dead-letters", "dead_letters", page_size=3))
    letters = [d for page in pages for d in page]
    expected = [(o, p) for o in reversed(range(7)) for p in ("tasks[0].exit", None)]
    assert [(d["offset"], d["part"]) for d in letters] == expected
    assert (
        letters[0]["raw_bytes"] == 5000 and len(letters[0]["raw"]) == 4096 and letters[0]["reason"] == "odd"
    )
    assert {d["offset"] % 2 for d in stage.get("/dead-letters", run_id="r1")["dead_letters"]} == {1}
    assert "page_token" in stage.refused(400, "/dead-letters", page_token="WzEsMiwzXQ")["detail"]


def put(stage: Stage, ref: str, body: object) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return stage.request("PUT", f"/api/v1/runs/{ref}/labels", content=content)


def test_labels_become_an_event(stage: Stage) -> None:
    stage.run("r1", facts={"name": "n"})
    for _ in range(2):
        response = put(stage, "n", {"labels": ["b", "a", "b", "<é>"]})
        assert (response.status_code, response.json()) == (202, {"labels": ["b", "a", "<é>"]})
        stage.now += 1
    (kind, message), (_, again) = stage.log.messages[0]
    event, _ = decode(message)
    assert kind == "run.labelled" and isinstance(event, RunLabelled) and event.run_id == "r1"
    assert event.data.labels == ["b", "a", "<é>"] and int(event.id, 16) and event.id != decode(again)[0].id
    assert put(stage, "r1", {"labels": []}).status_code == 202


def test_bad_labels_are_refused(stage: Stage) -> None:
    stage.run("r1")
    bodies: list[object] = [
        b"", b"not json", b"\xff", b'{"labels": ["\\ud800"]}', b"[" * 50_000, [], {}, {"labels": "a"}, {"labels": [1]},
        {"labels": [""]}, {"labels": ["x" * 201]}, {"labels": [str(n) for n in range(101)]}, {"labels": None},
    ]  # fmt: skip
    for body in bodies:
        problem(put(stage, "r1", body), 400)
    problem(put(stage, "r1", b"x" * 1_000_001), 413)
    problem(put(stage, "nobody", {"labels": []}), 404)
    stage.log.away = True
    assert put(stage, "r1", {"labels": []}).headers["retry-after"] == "5"
    problem(put(stage, "r1", {"labels": []}), 503)
    assert stage.log.messages == [[]]


def test_probes(stage: Stage) -> None:
    for path in ("/livez", "/readyz"):
        assert stage.request("GET", path).text == "ok\n"
    metrics = stage.request("GET", "/metrics")
    assert metrics.status_code == 200 and "# HELP" in metrics.text


def test_errors_have_one_shape_and_every_answer_its_headers(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [
        (stage.request("GET", "/api/v1/nothing"), 404),
        (stage.request("POST", "/api/v1/runs"), 405),
        (stage.request("GET", "/api/v1/runs", params={"page_size": "0"}), 400),
    ]
    for path in ("/nothing", "/static/../app.py", "/static/%2e%2e/app.py"):
        answers.append((stage.request("GET", path, headers={"Accept": "application/json"}), 404))
    monkeypatch.setattr(Tables, "rows", lambda *_, **__: 1 / 0)
    answers.append((stage.request("GET", "/api/v1/runs"), 500))
    assert "ZeroDivisionError" in caplog.text

    def away(*_: object, **__: object) -> None:
        raise TablesUnavailable("away")

    monkeypatch.setattr(Tables, "rows", away)
    answers.append((stage.request("GET", "/api/v1/runs"), 503))
    monkeypatch.setattr(Tables, "ping", lambda _: False)
    answers.append((stage.request("GET", "/readyz"), 503))
    for response, status in answers:
        problem(response, status)
    assert answers[1][0].headers["allow"] == "GET"
    good = [stage.request("GET", path) for path in ("/livez", "/static/tracker.css", "/docs")]
    for response in [*good, *(a for a, _ in answers)]:
        assert {k: response.headers[k] for k in HEADERS} == HEADERS
        assert "cache-control" in response.headers


def test_routes_of_ingest_go_first(stage: Stage) -> None:
    async def take(request: Request) -> JSONResponse:
        return JSONResponse({"taken": request.url.path})

    extra = [
        Route("/trace/create", take, methods=["POST"]),
        Route("/api/trace/create", take, methods=["POST"]),
    ]
    app = create_app(stage.tables, stage.log, Settings(), lambda: T0, extra)
    for path in ("/trace/create", "/api/trace/create"):
        assert stage.request("POST", path, app).json() == {"taken": path}
    problem(stage.request("GET", "/trace/create", app, headers={"Accept": "application/json"}), 405)
    assert stage.request("GET", "/api/v1/runs", app).status_code == 200


def test_openapi_describes_every_route_and_refers_to_nothing_missing(stage: Stage) -> None:
    described = stage.get("/openapi.json")
    assert described["openapi"].startswith("3.1")
    operations = [o for path in described["paths"].values() for o in path.values()]
    assert len({o["operationId"] for o in operations}) == len(operations) >= 12
    for o in operations:
        assert o["summary"] and o["tags"] and "422" not in o["responses"]
        assert {"400", "503"} <= o["responses"].keys()
    text = json.dumps(described)
    for ref in {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}:
        assert ref in described["components"]["schemas"], ref
    assert all(path.startswith("/api/v1/") for path in described["paths"])
