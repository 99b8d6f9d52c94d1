"""`tracker auth` keeps a tracker's address and a token; commands ask it, and show the token to nobody else."""

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from schemas.settings import Settings
from tests.support.fake_tracker import FakeTracker, tracker
from tracker import cli
from tracker.client import credentials
from tracker.client.credentials import Credentials
from tracker.client.remote import RunningTracker
from tracker.errors import NotDone

RUNS = ("GET", "/api/v1/runs")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("TRACKER_PUBLIC_URL", "TRACKER_TOKEN", "TRACKER_PORT", "TRACKER_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def login(fake: FakeTracker, token: str) -> int:
    arguments = ["auth", "login", "--server", fake.url + "/"]
    return CliRunner().invoke(cli.app, arguments, input=token + "\n").exit_code


def test_who_logs_in_needs_no_settings(fake: FakeTracker, home: Path) -> None:
    fake.answers[RUNS] = 200, {"runs": []}
    assert login(fake, "trk_1") == 0
    file = home / ".tracker.yaml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and list(home.iterdir()) == [file]
    assert "answers" in tracker("auth", "status").output and tracker("runs").exit_code == 0
    assert [r[2] for r in fake.requests] == ["Bearer trk_1"] * 3
    assert tracker("auth", "logout").exit_code == 0 and not file.exists()
    assert "Nobody was logged in" in tracker("auth", "logout").output


def test_a_token_that_is_refused_is_not_kept(fake: FakeTracker, home: Path) -> None:
    fake.answers[RUNS] = 401, {"detail": "this token was revoked"}
    assert login(fake, "trk_old") == 1 and list(home.iterdir()) == []


def test_a_runners_token_may_be_kept_too(fake: FakeTracker, home: Path) -> None:
    fake.answers[RUNS] = 403, {"detail": "runner may not do this"}
    assert login(fake, "trk_1") == 0 and credentials.read()


@pytest.mark.parametrize(
    ("settings", "url", "expected"),
    [
        ({}, "", ("https://lab.example", "trk_file")),
        ({}, "https://lab.example/", ("https://lab.example", "trk_file")),
        ({}, "http://other.example", ("http://other.example", "")),
        ({"public_url": "http://env.example"}, "", ("http://env.example", "")),
        ({"port": 9000}, "", ("http://127.0.0.1:9000", "")),
        ({"token": "trk_env"}, "", ("https://lab.example", "trk_env")),
    ],
)
def test_the_environment_goes_first_and_no_other_tracker_sees_the_token(
    settings: dict[str, object], url: str, expected: tuple[str, str]
) -> None:
    credentials.write(Credentials(server="https://lab.example", token="trk_file"))
    asked = RunningTracker(Settings(**settings), url)  # type: ignore[arg-type]
    assert (asked.url, asked.token) == expected


def test_a_redirect_is_not_followed_with_the_token(fake: FakeTracker) -> None:
    """Python's own opener shows it to whomever an answer leads to."""
    fake.answers["GET", "/elsewhere"] = 200, {}
    fake.answers["GET", "/here"] = 307, f"{fake.url.replace('127.0.0.1', 'localhost')}/elsewhere"
    asked = RunningTracker(Settings(token=SecretStr("trk_1")), fake.url)
    with pytest.raises(NotDone, match=r"answered 307.*localhost.*/elsewhere"):
        asked.ask("/here")
    assert [r[1] for r in fake.requests] == ["/here"]


@pytest.mark.parametrize(
    "content", [b"", b"[", b"server: ftp://x", b"\xff\xfe", b"a: &a [*a]", b"!!python/object:os.system {}"]
)
def test_a_file_that_is_something_else_is_said(home: Path, content: bytes) -> None:
    (home / ".tracker.yaml").write_bytes(content)
    with pytest.raises(NotDone, match="cannot be read"):
        credentials.read()
