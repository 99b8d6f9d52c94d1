"""A run that `tracker run` started is gone on with under its name, which finds the newest run that was started under it."""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.reread import Letter, request_of
from schemas.access import Role
from schemas.dead_letters import LetterName
from stores.tables.client import Tables
from stores.tokens.token_list import NoTokens
from tests.support.api.access import SomeTokens
from tests.support.whole import T0, Whole, whole

TOKENS = SomeTokens(T0)
ANN, BOB = (TOKENS.headers(Role.RUNNER, owns=owns) for owns in (True, False))
SESSION = "4dc656d2-c410-44c8-bc32-7dd0ea87bebf"


@pytest.fixture
def tracker(tables: Tables, tmp_path: Path) -> Iterator[Whole]:
    with whole(tables, tmp_path, TOKENS) as started:
        yield started


def put(tracker: Whole, path: str, who: dict[str, str] = ANN, /, **body: Any) -> Any:
    tracker.now += 1000
    answer = tracker.request("PUT", path, headers=who, json={"instant": tracker.now} | body)
    assert answer.status_code == 200, answer.text
    tracker.tick()
    return answer.json()


def failed(tracker: Whole, name: str, address: str, who: dict[str, str] = ANN) -> str:
    """The id of a run of Nextflow that reports to this address, and failed."""
    run_id = str(put(tracker, f"{address}/trace/create", who, sessionId=SESSION, runName=name)["workflowId"])
    line = f"nextflow run main.nf -name {name} -with-tower http://tracker{address}"
    workflow = {"runName": name, "sessionId": SESSION, "commandLine": line}
    put(tracker, f"{address}/trace/{run_id}/begin", who, workflow=workflow)
    put(tracker, f"{address}/trace/{run_id}/complete", who, workflow=workflow | {"errorMessage": "boom"})
    return run_id


def snippets(page: str) -> list[str]:
    """What the tab Error gives to copy: the argument, and the whole command."""
    found = re.findall(r'<pre[^>]*aria-label="the (?:resume|whole) command">\n?(.*?)</pre>', page, re.DOTALL)
    return [html.unescape(text) for text in found]


def test_it_is_gone_on_with_under_its_name_and_found_by_it(tracker: Whole) -> None:
    first = failed(tracker, "nightly", "/launched-as/nightly")
    argument = f"-resume {SESSION} -name nightly"
    whole_command = f"tracker run -- nextflow run main.nf {argument}"
    for name in ("nightly", "nightly-2"):
        run_id = first if name == "nightly" else failed(tracker, name, "/launched-as/nightly")
        run = tracker.run("nightly")
        assert (run["id"], run["name"], run["launched_as"]) == (run_id, name, "nightly")
        assert (run["resume_command"], run["resume_line"]) == (argument, whole_command)
        page = tracker.page("/runs/nightly", tab="error")
        assert snippets(page) == [argument, whole_command] and "<code>tracker run</code>" in page
    assert run["cycle"] == 2
    [said] = re.findall(r'<p class="meta" id="same-name">(.*?)</p>', page, re.DOTALL)
    assert "that were started as nightly" in said and f'href="/runs/{first}"' in said
    assert tracker.run("nightly-2")["id"] == run["id"] and 'id="same-name"' not in tracker.page(
        "/runs/nightly-2"
    )
    assert tracker.run(first)["name"] == "nightly"

    third = failed(tracker, "nightly-3", "/launched-as/nightly")
    page = tracker.page("/runs/nightly")
    [said] = re.findall(r'<p class="meta" id="same-name">(.*?)</p>', page, re.DOTALL)
    assert tracker.run("nightly")["id"] == third and ">nightly-2 (" in said and "nightly (" not in said


def test_what_nextflow_alone_started_is_gone_on_with_by_the_session_alone(tracker: Whole) -> None:
    failed(tracker, "nightly", "")
    run = tracker.run("nightly")
    assert (run["launched_as"], run["resume_command"]) == (None, f"-resume {SESSION}")
    page = tracker.page("/runs/nightly", tab="error")
    assert snippets(page)[0] == f"-resume {SESSION}" and "<code>tracker run</code>" not in page


def test_an_address_that_was_copied_from_another_run_says_nothing(tracker: Whole) -> None:
    failed(tracker, "other", "/launched-as/nightly")
    run = tracker.run("other")
    assert (run["launched_as"], run["resume_command"]) == (None, f"-resume {SESSION}")
    assert tracker.request("GET", "/api/v1/runs/nightly").status_code == 404


def test_nobody_else_says_it_nor_does_it_matter_how_often_or_late_it_is_said(tracker: Whole) -> None:
    run_id = failed(tracker, "nightly-2", "")
    create = {"sessionId": SESSION, "runName": "nightly-2", "workflowId": run_id}
    put(tracker, "/launched-as/nightly/trace/create", BOB, **create)
    native = {"type": "run.created", "run_id": run_id, "data": {"launched_as": "nightly"}}
    assert tracker.request("POST", "/v1/events", headers=ANN, json=native).status_code == 200
    tracker.tick()
    assert tracker.run(run_id)["launched_as"] is None
    for _ in range(2):
        put(tracker, "/launched-as/nightly/trace/create", ANN, **create)
    assert tracker.run("nightly")["id"] == run_id and tracker.run(run_id)["status"] == "failed"


def test_by_weblog_too(tables: Tables, tmp_path: Path) -> None:
    with whole(tables, tmp_path, NoTokens()) as tracker:
        told = {"runId": SESSION, "runName": "nightly-2", "utcTime": "2026-11-26T10:00:00Z"}
        workflow = {"runName": "nightly-2", "sessionId": SESSION, "success": False}
        for kind in ("started", "completed"):
            body = told | {"event": kind, "metadata": {"workflow": workflow}}
            assert tracker.request("POST", "/launched-as/nightly/weblog", json=body).status_code == 200
        tracker.tick()
        assert tracker.run("nightly")["resume_command"] == f"-resume {SESSION} -name nightly"


@pytest.mark.parametrize(
    ("path", "launched_as"), [("/launched-as/nightly/trace/create", "nightly"), ("/api/trace/create", ""),
                              ("/launched-as/nightly/weblog", "nightly")],
)  # fmt: skip
def test_a_request_that_could_not_be_read_says_it_when_it_is_read_again(path: str, launched_as: str) -> None:
    name = LetterName(partition=0, offset=0)
    letter = Letter(name, "", "request.unreadable", f"POST {path}", "e30=", "tower", "", "ann")
    assert request_of(letter, T0, "ingest-0").launched_as == launched_as
