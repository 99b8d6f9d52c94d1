"""The examples of docs/events.md, sent as they stand."""

import json
import re
from pathlib import Path

from tests.support.ingest import Edge

DOC = Path(__file__).parents[2] / "docs" / "events.md"
BLOCK = re.compile(r"^```(http|json)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_every_example_gets_the_answer_that_the_page_says() -> None:
    edge, sent, compared = Edge(), 0, 0
    answer = None
    for kind, text in BLOCK.findall(DOC.read_text()):
        if kind == "http":
            head, body = text.split("\n\n", 1)
            method, path = head.split()
            answer = edge.request(method, path, content=body)
            sent += 1
        else:
            assert answer is not None and answer.json() == json.loads(text)
            compared += 1
        refused = "status" in answer.json()
        assert answer.status_code == (answer.json()["status"] if refused else 200)
        assert answer.headers["content-type"] == (
            "application/problem+json" if refused else "application/json"
        )
    assert (sent, compared) == (9, 4)
    assert [e.type for e, _ in edge.events] == [
        "run.created",
        "run.begun",
        "tasks.changed",
        "run.heartbeat",
        "run.completed",
        "run.labelled",
        "host.seen",
        *["run.created", "run.begun", "run.completed", "run.created"],
    ]
    assert b"hunter2" not in b"".join(r.value for r in edge.log.records)


def test_the_events_of_one_run_have_one_id() -> None:
    text = DOC.read_text()
    assert set(re.findall(r'"run_id": "(0[^"]+)"', text)) == set(
        re.findall(r'"run_ids": \["(0[^"]+)"\]', text)
    )
    assert len(set(re.findall(r'"run_id": "(0[^"]+)"', text))) == 1
