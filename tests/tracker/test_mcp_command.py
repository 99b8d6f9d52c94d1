"""`tracker mcp` hands messages of stdin to /mcp of a tracker, and its answers to stdout."""

import json
from typing import Any

import pytest

from schemas.settings import Settings
from tests.support.fake_tracker import FakeTracker
from tracker.client.remote import RunningTracker
from tracker.commands.mcp import answers

ASK = b'{"jsonrpc": "2.0", "id": 7, "method": "tools/list"}\n'


def said(fake_url: str, *lines: bytes) -> list[Any]:
    tracker = RunningTracker(Settings(token="trk_1"), fake_url)
    return [json.loads(answer) for answer in answers(lines, tracker)]


def test_messages_go_through_with_the_token(fake: FakeTracker) -> None:
    fake.answers["POST", "/mcp"] = 200, {"jsonrpc": "2.0", "id": 7, "result": {"tools": []}}
    assert said(fake.url, ASK, b"\n") == [{"jsonrpc": "2.0", "id": 7, "result": {"tools": []}}]
    assert fake.requests == [("POST", "/mcp", "Bearer trk_1", json.loads(ASK))]


def test_a_notification_has_no_answer(fake: FakeTracker) -> None:
    fake.answers["POST", "/mcp"] = 202, b""
    note = b'{"jsonrpc": "2.0", "method": "notifications/initialized"}'
    assert said(fake.url, note) == []
    fake.answers["POST", "/mcp"] = 503, {"detail": "away"}
    assert said(fake.url, note) == []


@pytest.mark.parametrize(
    ("line", "code"), [(b"{", -32700), (b"[]", -32600), (b"\xff", -32700), (b"7", -32600)]
)
def test_what_is_no_message_is_said(fake: FakeTracker, line: bytes, code: int) -> None:
    [answer] = said(fake.url, line)
    assert answer["error"]["code"] == code and fake.requests == []


@pytest.mark.parametrize("why", ["refused", "nobody there"])
def test_a_tracker_that_does_not_answer_is_an_error_of_the_message(fake: FakeTracker, why: str) -> None:
    fake.answers["POST", "/mcp"] = 401, {"detail": "this token was revoked"}
    answers = said(fake.url if why == "refused" else "http://127.0.0.1:9", ASK, ASK)
    assert [a["id"] for a in answers] == [7, 7]
    assert all(("was revoked" in a["error"]["message"]) == (why == "refused") for a in answers)
