"""Timeline, notes, task and process pages on tables filled by hand, on chDB and on a real server."""

import json
from typing import Any

import pytest

from api.core.db import Reader, Row
from api.timeline.queries import BARS_MAX
from projections.project.event_rows import event_rows, read
from schemas.events import NoteWritten
from schemas.values import iso
from schemas.wire import decode
from stores.log.port import Record
from tests.support.api.stage import T0, Stage


def timeline(stage: Stage, **asked: Any) -> Any:
    response = stage.request("GET", "/runs/r1/timeline.json", params=asked)
    assert response.status_code == 200, response.text
    return response.json()


def test_segments_of_a_bar(stage: Stage) -> None:
    stage.run(
        "r1", facts={"started_at": iso(T0)}, completed={"state": "failed", "completed_at": iso(T0 + 90_000)}
    )
    stage.task("r1", 1, name="a", submitted_at=1000, started_at=3000, completed_at=10_000, realtime_ms=5000)
    stage.task("r1", 2, "running", name="open", submitted_at=2000, started_at=4000)
    stage.task("r1", 3, "submitted", name="waits", submitted_at=2500)
    stage.task("r1", 4, "cached", name="cached", submitted_at=0, started_at=0, completed_at=99)
    stage.task("r1", 5, "pending", name="never told a time")
    stage.task("r1", 6, "failed", name="never started", completed_at=12_000)
    stage.task("r1", 7, "failed", name="never told when")
    told = timeline(stage)
    assert told["total"] == 6 and told["began"] == T0 and told["ended"] == T0 + 90_000 and not told["merged"]
    bars = {
        b["name"]: [b[k] - T0 for k in ("begin", "start", "execution_end", "end")] + [b["status"]]
        for b in told["bars"]
    }
    assert bars == {
        "a": [1000, 3000, 8000, 10_000, "succeeded"],
        "open": [2000, 4000, 90_000, 90_000, "aborted"],
        "waits": [2500, 2500, 2500, 90_000, "aborted"],
        "cached": [0, 0, 0, 0, "cached"],
        "never started": [12_000, 12_000, 12_000, 12_000, "failed"],
        "never told when": [90_000, 90_000, 90_000, 90_000, "failed"],
    }


def test_rows_sort_by_start_in_steps_of_thirty_seconds_then_by_completion(stage: Stage) -> None:
    stage.run("r1")
    first = -(T0 % 30_000)  # the start of a step
    for task_id, start, end in ((1, 1000, 20_000), (2, 2000, 5000), (3, 31_000, 32_000), (4, 29_000, 29_500)):
        stage.task(
            "r1",
            task_id,
            name=f"t{task_id}",
            submitted_at=first + start,
            started_at=first + start,
            completed_at=first + end,
        )
    assert [b["name"] for b in timeline(stage)["bars"]] == ["t2", "t1", "t4", "t3"]
    assert [b["name"] for b in timeline(stage, search="T3")["bars"]] == ["t3"]
    assert [b["top"] for b in timeline(stage)["bars"]] == [0, 1, 2, 3]
    shown = timeline(stage, from_ms=T0 + first + 30_000)
    assert [(b["name"], b["top"]) for b in shown["bars"]] == [("t3", 3)] and shown["total"] == 4


def test_groups_have_a_row_of_their_own(stage: Stage) -> None:
    stage.run("r1")
    for task_id, process, host in ((1, "B", "h1"), (2, "A", "h2"), (3, "B", None)):
        stage.task(
            "r1",
            task_id,
            process=process,
            hostname=host,
            machine_type="m5",
            submitted_at=0,
            started_at=1,
            completed_at=9,
        )
    told = timeline(stage, group="process")
    assert [(g["name"], g["key"], g["attempts"], g["row"]) for g in told["groups"]] == [
        ("A", "A", 1, 0),
        ("B", "B", 2, 2),
    ]
    assert told["groups"][1]["busy"] == [[T0, T0 + 9]] and told["groups"][1]["failed"] == 0
    seen = timeline(stage, group="process", rows="4-4,0-1")
    assert [(b["group"], b["top"]) for b in seen["bars"]] == [("B", 4), ("A", 1)] and seen["rows"] == 5
    assert [(b["group"], b["top"]) for b in told["bars"]] == [("A", 1), ("B", 3), ("B", 4)] and told[
        "rows"
    ] == 5
    assert [g["name"] for g in timeline(stage, group="host")["groups"]] == ["m5", "h1 m5", "h2 m5"]
    assert [g["name"] for g in timeline(stage, group="capacity")["groups"]] == ["not reported"]


def test_neighbours_become_one_bar_and_the_worst_shows(stage: Stage) -> None:
    stage.run("r1")
    rows = [
        {
            "run_id": "r1",
            "task_id": i,
            "process": "P",
            "attempt": 1,
            "name": f"t{i}",
            "status": "failed" if i == 777 else "succeeded",
            "submitted_at": iso(T0 + i),
            "started_at": iso(T0 + i),
            "completed_at": iso(T0 + i + 10),
        }
        for i in range(5000)
    ]
    stage.tables.insert("tasks", "\n".join(json.dumps(r) for r in rows).encode())
    told = timeline(stage)
    assert told["merged"] and told["total"] == 5000 and BARS_MAX / 2 < len(told["bars"]) <= BARS_MAX
    assert sum(b["attempts"] for b in told["bars"]) == 5000
    assert [b["bottom"] for b in told["bars"][:-1]] == [b["top"] for b in told["bars"][1:]]
    assert sum(b["status"] == "failed" for b in told["bars"]) == 1
    near = timeline(stage, from_ms=T0 + 700, to_ms=T0 + 800)
    assert not near["merged"] and {b["name"] for b in near["bars"] if b["status"] == "failed"} == {"t777"}


def test_timeline_of_nothing_and_bad_questions(stage: Stage) -> None:
    stage.run("r1", facts={"started_at": iso(T0)})
    told = timeline(stage)
    assert told["bars"] == [] and told["ended"] > told["began"]
    assert stage.request("GET", "/runs/r1/timeline.json", params={"group": "drop"}).status_code == 400
    assert stage.request("GET", "/runs/r1/timeline.json", params={"status": "nope"}).status_code == 400
    for rows in ("1", "1-x", "5-6,", ",".join(["1-2"] * 51), "1-9999999999"):
        assert stage.request("GET", "/runs/r1/timeline.json", params={"rows": rows}).status_code == 400, rows
    assert stage.request("GET", "/runs/r2/timeline.json").status_code == 404


def project_notes(stage: Stage) -> None:
    """What the projector does with the notes on the log."""
    for offset, (type_, value) in enumerate(stage.log.messages[0]):
        record = Record(0, offset, T0 + offset, "r1", type_, value)
        event, tasks, unreadable = read(record)
        said = event_rows(record, 0, event, tasks, unreadable)
        assert said.notes and not said.runs and not said.tasks, "a note is no sign of life"
        stage.tables.insert("notes", said.notes)
        stage.tables.insert("notes", said.notes)


def test_notes_keep_their_history(stage: Stage) -> None:
    stage.run("r1")
    wrote = stage.request("POST", "/api/v1/runs/r1/notes", json={"text": "one", "author": "ann"})
    assert wrote.status_code == 202
    note_id = wrote.json()["id"]
    assert stage.request("PUT", f"/api/v1/runs/r1/notes/{note_id}", json={"text": "x"}).status_code == 404, (
        "not projected yet"
    )
    event, _ = decode(stage.log.messages[0][0][1])
    assert isinstance(event, NoteWritten) and event.run_id == "r1" and event.data.note_id == note_id
    project_notes(stage)
    assert (
        stage.request(
            "PUT", f"/api/v1/runs/r1/notes/{note_id}", json={"text": "two", "author": "bob"}
        ).status_code
        == 202
    )
    project_notes(stage)
    [note] = stage.get("/runs/r1/notes")["notes"]
    assert (note["text"], note["author"], [v["text"] for v in note["versions"]]) == (
        "two",
        "bob",
        ["one", "two"],
    )
    assert note["written_at"] == iso(T0) and note["edited_at"] == iso(T0 + 1)
    assert "two" in stage.request("GET", "/runs/r1?tab=notes").text
    assert stage.request("PUT", f"/api/v1/runs/r1/notes/{note_id}", json={"text": ""}).status_code == 202
    project_notes(stage)
    assert stage.get("/runs/r1/notes")["notes"] == []


def test_an_analysis_gives_the_run_its_tab(stage: Stage) -> None:
    stage.run("r1", completed={"state": "failed"})
    assert stage.request("GET", "/api/v1/runs/r1/analysis").status_code == 404
    assert "AI Analysis" not in stage.request("GET", "/runs/r1").text
    assert (
        stage.request(
            "PUT", "/api/v1/runs/r1/analysis", json={"text": "**cause**", "author": "p"}
        ).status_code
        == 202
    )
    project_notes(stage)
    assert stage.get("/runs/r1/analysis")["text"] == "**cause**"
    text = stage.request("GET", "/runs/r1").text
    assert "AI Analysis" in text and "<strong>cause</strong>" not in text
    assert 'href="?tab=ai" data-tab="ai">Read it' in text
    assert "<strong>cause</strong>" in stage.request("GET", "/runs/r1?tab=ai").text


def test_of_very_many_notes_the_newest_are_given(stage: Stage) -> None:
    """What is not shown is not read: neither old notes nor the hundredth version."""
    stage.run("r1")
    texts = [(f"n{n}", "taken away" if n else "", n) for n in range(60)]
    rows = [
        (note, f"{note} {v}" if v < 29 else text, 100 * n + v) for note, text, n in texts for v in range(30)
    ]
    stage.insert(
        "notes",
        *(
            {"run_id": "r1", "kind": "note", "note_id": note, "offset": at, "text": text, "written_at": iso(T0 + at)}
            for note, text, at in rows
        ),
    )  # fmt: skip
    answer = stage.get("/runs/r1/notes")
    assert [n["id"] for n in answer["notes"]] == [f"n{n}" for n in range(59, 0, -1)] and not answer["more"]
    versions = answer["notes"][0]["versions"]
    assert len(versions) == 20 and versions[-1]["text"] == "taken away" and versions[0]["text"] == "n59 10"
    assert answer["notes"][0]["written_at"] < versions[0]["at"]
    text = stage.request("GET", "/runs/r1?tab=notes").text
    assert text.count("<article") == 50 and "Older notes are left out" in text


def test_bad_notes_are_refused(stage: Stage) -> None:
    stage.run("r1")
    bodies: list[Any] = [{"text": " "}, {"text": 1}, {"text": "x" * 100_001}, []]
    for body in bodies:
        assert stage.request("POST", "/api/v1/runs/r1/notes", json=body).status_code == 400
    for site, origin, status in (
        ("cross-site", None, 403),
        ("same-site", None, 403),
        (None, "http://evil.example", 403),
        ("same-origin", "null", 202),
    ):
        headers = {k: v for k, v in (("Sec-Fetch-Site", site), ("Origin", origin)) if v}
        assert (
            stage.request("POST", "/api/v1/runs/r1/notes", json={"text": "x"}, headers=headers).status_code
            == status
        )
    assert stage.request("POST", "/api/v1/runs/nobody/notes", json={"text": "x"}).status_code == 404


def test_csv_has_every_task_and_no_formula(stage: Stage) -> None:
    stage.run("r1", facts={"name": 'n"\r\nX: y'})
    for i in range(3):
        stage.task("r1", i, name="=cmd()" if i == 1 else f"t{i}", submitted_at=i)
    response = stage.request("GET", "/runs/r1/tasks.csv")
    lines = response.text.splitlines()
    assert len(lines) == 4 and lines[0].startswith("task_id,hash,name,process") and ",'=cmd()," in lines[2]
    assert response.headers["content-disposition"] == 'attachment; filename="n___X__y-tasks.csv"'


def test_process_page_takes_the_latest_attempt_of_each_task(stage: Stage) -> None:
    stage.run("r1")
    stage.insert("run_processes", {"run_id": "r1", "process": "A:B:C", "version": 1, "succeeded": 2})
    stage.task(
        "r1",
        1,
        "failed",
        process="A:B:C",
        name="x",
        error_action="RETRY",
        cpu_percent=900,
        submitted_at=0,
        started_at=1,
    )
    stage.task(
        "r1", 2, process="A:B:C", name="x", attempt=2, cpu_percent=50, cpus=4, submitted_at=0, started_at=500
    )
    stage.task(
        "r1",
        3,
        process="A:B:C",
        name="y",
        attempt=1,
        cpu_percent=100,
        cpus=4,
        submitted_at=0,
        started_at=1000,
    )
    text = stage.request("GET", "/runs/r1/process", params={"name": "A:B:C"}).text
    assert "latest attempt of each of 2 tasks" in text and "900" not in text.split("<h2>Tasks")[0]
    for shown in ("50.0 %", "75.0 %", "100.0 %", "750 ms"):
        assert shown in text
    assert stage.request("GET", "/runs/r1/process", params={"name": "C"}).status_code == 404
    one = stage.request("GET", "/runs/r1/tasks/2").text
    assert "Attempts" in one and "/runs/r1/tasks/1" in one


def test_history_gives_each_cycle_its_failed_tasks(stage: Stage) -> None:
    for i, state in enumerate(("failed", "succeeded")):
        stage.run(
            f"r{i}", at=T0 + i, facts={"name": f"n{i}", "session_id": "s", "started_at": iso(T0 + i)}, completed={"state": state}
        )  # fmt: skip
        stage.figures(f"r{i}", tasks=1, total=1, failed=1 - i, succeeded=i)
    stage.task(
        "r0", 7, "failed", name="A:B:C (x)", process="A:B:C", exit=137, native_id="n-1", submitted_at=0
    )
    text = stage.request("GET", "/runs/r1?tab=history").text
    history = text.split('id="history"')[1]
    assert history.index("Cycle 2: n1") < history.index("Cycle 1:") < history.index('href="/runs/r0/tasks/7"')
    assert history.count("Failed tasks</summary>") == 1 and "137" in history and "n-1" in history
    assert 'href="/runs/r0/process?name=A%3AB%3AC"' in history and "together" not in history, (
        "no price is known"
    )


@pytest.mark.parametrize(
    ("path", "statements"),
    [
        (
            "/",
            "runs/attention core/partitions costs/price_book runs/filtered_counts runs/latest runs/latest_places runs/runs",
        ),
        (
            "/?search=n",
            "core/partitions costs/price_book runs/filtered_counts runs/latest runs/latest_places runs/runs",
        ),
    ],
)
def test_a_list_asks_each_question_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, path: str, statements: str
) -> None:
    """Most of what a page takes is the planning of statements, 2 to 70 ms of a core each."""
    for run_id in ("r1", "r2", "r3"):
        stage.run(run_id, begun=1, facts={"name": "n", "session_id": "s"})
    names: list[str] = []

    def rows(reader: Reader, query: str, **parameters: Any) -> list[Row]:
        names.append(query)
        return ask(reader, query, **parameters)

    ask = Reader.rows
    monkeypatch.setattr(Reader, "rows", rows)
    assert stage.request("GET", path).status_code == 200
    assert sorted(names) == sorted(statements.split())


def statements_of(stage: Stage, monkeypatch: pytest.MonkeyPatch, path: str) -> list[str]:
    """What the page asks of ClickHouse."""
    texts: list[str] = []
    with monkeypatch.context() as patch:
        for name in ("rows", "columns"):
            ask = getattr(stage.tables, name)

            def counting(text: str, /, ask: Any = ask, **parameters: Any) -> Any:
                texts.append(text)
                return ask(text, **parameters)

            patch.setattr(stage.tables, name, counting)
        assert stage.request("GET", path).status_code == 200
    return texts


@pytest.mark.parametrize("ref", ["r9", "its_name"])
@pytest.mark.parametrize("kind", ["live", "failed", "succeeded", "resumed"])
def test_the_first_answer_of_a_run_page_asks_at_most_six_questions(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, kind: str, ref: str
) -> None:
    known: dict[str, Any] = {"facts": {"name": "its_name", "session_id": "s", "started_at": iso(T0)}}
    if kind != "live":
        known["completed"] = {"state": "failed" if kind == "failed" else "succeeded"}
    if kind == "resumed":
        known["facts"]["resume"] = True
        stage.run("r0", at=T0 - 9, facts={"name": "n0", "session_id": "s"}, completed={"state": "failed"})
    stage.run("r9", begun=1, **known)
    stage.figures("r9", tasks=2, total=2, succeeded=1, failed=1)
    for task_id, status in ((1, "succeeded"), (2, "failed")):
        stage.task("r9", task_id, status, name=f"t{task_id}", submitted_at=0, started_at=1, completed_at=9)
    texts = statements_of(stage, monkeypatch, f"/runs/{ref}")
    assert 3 < len(texts) <= 6, texts


def test_what_nobody_looks_at_is_not_asked(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.run("r1", completed={"state": "succeeded"}, facts={"name": "n"})
    wrote = stage.request("POST", "/api/v1/runs/r1/notes", json={"text": "seen", "author": "ann"})
    assert wrote.status_code == 202
    project_notes(stage)
    for query, is_there in (("", False), ("?tab=notes", True), ("?tab=nonsense", False), ("?tab=all", True)):
        text = stage.request("GET", f"/runs/r1{query}").text
        assert ("<p>seen</p>" in text) == is_there, query
    first = set(statements_of(stage, monkeypatch, "/runs/r1"))
    assert len(set(statements_of(stage, monkeypatch, "/runs/r1?tab=notes")) - first) == 1
