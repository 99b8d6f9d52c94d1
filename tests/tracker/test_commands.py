"""Commands ask a tracker that runs over HTTP, and tell in a line what is wrong."""

import subprocess
import sys
from typing import Any

import pytest
import typer.main

from schemas.settings import Settings
from tests.support.fake_tracker import FakeTracker, tracker
from tracker import cli
from tracker.client.remote import Refused, RunningTracker
from tracker.errors import NotDone

COUNTS = {"on_log": 7, "projected": 5, "dead_lettered": 1, "lag": 1}
CHECK = COUNTS | {"accepted": 7, "spooled": 0, "repeats": 0, "lag_exact": True, "watermark": [], "spools": []}
LETTER = {
    **{"id": "0-0", "at": "2026-01-01T00:00:00Z", "run_id": "run1", "request": "PUT /trace/run1/begin"},
    **{"type": None, "part": None, "reason": "a new field", "raw_bytes": 1, "replayed_at": None},
}


@pytest.mark.parametrize("name", ["delivery-check", "books"])
def test_the_delivery_check_asks_with_the_token_of_the_settings(fake: FakeTracker, name: str) -> None:
    fake.answers["GET", "/api/v1/books"] = 200, CHECK
    result = tracker(name, "--check", public_url=fake.url, token="trk_1")
    assert result.exit_code == 0 and "accounted for" in result.output
    assert fake.requests == [("GET", "/api/v1/books", "Bearer trk_1", None)]
    fake.answers["GET", "/api/v1/books"] = 200, CHECK | {"accepted": 8}
    assert tracker(name, fake.url).exit_code == 0
    result = tracker(name, "--check", fake.url)
    assert result.exit_code == 1 and "accepted 8 is not on log 7 + spooled 0" in result.output


def test_dead_letters_are_listed_to_the_last_page(fake: FakeTracker) -> None:
    fake.answers["GET", "/api/v1/dead-letters"] = 200, {"dead_letters": [LETTER], "next_page_token": None}
    result = tracker("dead-letters", "list", "--reason", "new", "--url", fake.url)
    assert result.exit_code == 0 and "0-0" in result.output and "a new field" in result.output
    assert "reason=new" in fake.requests[0][1] and "replayed=false" in fake.requests[0][1]


def test_replaying_dead_letters_says_what_became_of_them(fake: FakeTracker) -> None:
    answer = {"replayed": ["0-0"], "run_ids": ["run1"], "failed": [], "next_page_token": None}
    fake.answers["POST", "/api/v1/dead-letters/replay"] = 200, answer
    result = tracker("dead-letters", "replay", "--all", "--url", fake.url)
    assert result.exit_code == 0 and '1 read again, of 1 runs: ["run1"]' in result.output
    assert fake.requests[0][3] == {"reason": "", "run_id": "", "every": True, "by": ""}
    fake.answers["POST", "/api/v1/dead-letters/0-0/replay"] = 409, {"detail": "a new field"}
    result = tracker("dead-letters", "replay", "0-0", "--url", fake.url)
    assert result.exit_code == 1 and "a new field" in result.output
    assert tracker("dead-letters", "replay", "--url", fake.url).exit_code == 2


def test_what_a_tracker_refuses_is_told(fake: FakeTracker) -> None:
    running = RunningTracker(Settings(), fake.url)
    fake.answers["GET", "/secret"] = 403, {"detail": "viewers may not"}
    with pytest.raises(Refused, match=r"403: viewers may not; set TRACKER_TOKEN"):
        running.ask("/secret")
    fake.answers["GET", "/page"] = 200, b"<html>"
    with pytest.raises(NotDone, match="is it a tracker"):
        running.ask("/page")


@pytest.mark.parametrize(
    ("url", "says"), [("file:///etc/passwd", "no address"), ("http://127.0.0.1:9", "does not answer")]
)
def test_an_address_that_is_none_is_told_in_a_line(url: str, says: str) -> None:
    result = tracker("delivery-check", url)
    assert result.exit_code == 1 and says in result.output and "Traceback" not in result.output


def test_every_command_is_there_and_documented() -> None:
    group: Any = typer.main.get_command(cli.app)
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        assert command.help, name
    assert group.get_command(None, "nonsense") is None


def test_wrong_settings_are_named_with_exit_code_2() -> None:
    result = tracker("config", "--check", port="many")
    assert result.exit_code == 2


def test_a_command_imports_only_what_it_needs() -> None:
    code = "import sys, tracker.cli, tracker.commands.dead_letters; print([m for m in ('fastapi', 'faust') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_settings_are_printed_whatever_they_hold() -> None:
    """`[/…]` in a text is no markup of ours."""
    result = tracker("config", data="/srv/[/bold]data", proxy_operators="[red]prod\x1b[31m")
    assert result.exit_code == 0, result.output
    text = "".join(result.output.split())
    assert "BUCKET[/PREFIX]" in text and "/srv/[/bold]data" in text
    assert "[red]prod\\x1b[31m" in text and "\x1b" not in result.output
