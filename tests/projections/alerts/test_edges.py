"""What alerts do at the edges: which addresses are refused, how a message looks and is signed, rules, waiting."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from projections.alerts import messages, rules
from projections.alerts.addresses import check_url, refusal
from projections.alerts.delivery import Answer, post, retry_after
from projections.alerts.episodes import Alert
from projections.alerts.notifier_state import dead_letter_of, transition_of
from projections.alerts.outbox import backoff
from projections.alerts.rules import Facts
from schemas.settings import Settings
from schemas.statuses import AlertKind, AlertState
from stores.log.port import Record
from tracker.commands import alerts as alerts_cli

T0 = 1_790_000_000_000

NEVER = [
    *("169.254.169.254", "169.254.1.1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fd20:ce::254"),
    *("100.100.100.200", "168.63.129.16", "192.0.0.192", "0.0.0.0", "::", "224.0.0.1", "ff02::1"),
    *("255.255.255.255", "240.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "::169.254.169.254"),
    *("2002:a9fe:a9fe::1", "64:ff9b:1::a9fe:a9fe", "nonsense", "", "1.2.3"),
]
PRIVATE = [
    *("127.0.0.1", "127.8.8.8", "::1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd12::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:0a00:0001::1", "fec0::1", "198.18.0.1"),
]
PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_refused_always(address: str) -> None:
    assert refusal(address, allow_private=True) and refusal(address, allow_private=False)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused_unless_allowed(address: str) -> None:
    assert "TRACKER_ALERT_ALLOW_PRIVATE" in refusal(address, allow_private=False)
    assert not refusal(address, allow_private=True)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_not(address: str) -> None:
    assert not refusal(address, allow_private=False)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://x.example/", "absolute URL"),
        ("file:///etc/passwd", "absolute URL"),
        ("https://", "absolute URL"),
        ("//x.example/", "absolute URL"),
        ("https://u:p@x.example/", "user or a password"),
        ("https://x.example/a b", "control characters"),
        ("https://x.example/\r\nHost: y", "control characters"),
        ("https://x.example:0/", "port 0"),
        ("https://x.example:99999/", "ort"),
        ("http://[fe80::1]/", "link-local"),
        ("http://169.254.169.254/latest", "metadata"),
        ("http://10.0.0.8/", "TRACKER_ALERT_ALLOW_PRIVATE"),
        ("http://localhost:8080/", "TRACKER_ALERT_ALLOW_PRIVATE"),
        ("http://x.localhost/", "TRACKER_ALERT_ALLOW_PRIVATE"),
    ],
)
def test_a_wrong_url_is_refused_before_anything_starts(url: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        check_url(url, allow_private=False)


def send_to(url: str, addresses: Sequence[str], allow_private: bool = False) -> Answer:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return asyncio.run(post(url, b"{}", {}, allow_private, lambda: T0, resolve, timeout=1))


def test_a_name_that_leads_inside_is_not_connected_to() -> None:
    answer = send_to("https://rebound.example/", ["8.8.8.8", "127.0.0.1"])
    assert answer.status == 0 and "rebound.example" in answer.detail and "private" in answer.detail
    metadata = send_to("http://rebound.example/", ["169.254.169.254"], allow_private=True)
    assert metadata.status == 0 and "metadata" in metadata.detail
    assert send_to("http://nowhere.example/", []).status == 0


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "017700000001"])
def test_an_address_in_disguise_is_found_when_it_is_looked_up(host: str) -> None:
    answer = asyncio.run(post(f"http://{host}:9/", b"{}", {}, False, lambda: T0, timeout=2))
    assert answer.status == 0 and "private or loopback" in answer.detail


async def _serve_once(reply: bytes) -> tuple[Answer, bytes]:
    got = b""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        got = await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        answer = await post(
            f"http://127.0.0.1:{port}/hook?x=1", b"{}", {"X-A": "b"}, True, lambda: T0, timeout=2
        )
    return answer, got


@pytest.mark.parametrize(
    ("reply", "status", "wait"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, None),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 200, None),
        (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n", 302, None),
        (b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\n\r\n", 429, 7.0),
        (b"SSH-2.0-OpenSSH\r\n\r\n", 0, None),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", 0, None),
        (b"", 0, None),
    ],
)
def test_what_a_receiver_answers(reply: bytes, status: int, wait: float | None) -> None:
    answer, got = asyncio.run(_serve_once(reply))
    assert (answer.status, answer.wait) == (status, wait)
    assert answer.taken == (200 <= status < 300), "a redirect is not followed, and not taken"
    assert got.startswith(b"POST /hook?x=1 HTTP/1.1\r\nHost: 127.0.0.1:") and b"\r\nX-A: b\r\n" in got


def test_retry_after_is_seconds_or_a_date_and_never_long() -> None:
    assert retry_after("120", T0) == 120
    assert retry_after("999999999", T0) == 3600
    assert retry_after("Mon, 21 Sep 2026 14:13:30 GMT", T0) == pytest.approx(10)
    assert retry_after("Mon, 21 Sep 2020 14:13:30 GMT", T0) == 0
    assert retry_after("soon", T0) is None and retry_after("-1", T0) is None


def test_waits_double_up_to_five_minutes_and_respect_the_receiver() -> None:
    assert [backoff(n, 0.5, None) for n in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert backoff(50, 1.0, None) == 375 and backoff(50, 0.0, None) == 225
    assert backoff(1, 0.5, 60) == 60


ALERT = Alert(
    "abc",
    AlertKind.FAILED,
    "run1",
    since=T0,
    fires_at=T0,
    state=AlertState.RESOLVED,
    fired_at=T0,
    resolved_at=T0 + 5000,
    summary='<!channel> "it" & <b>failed</b>',
    labels={"alertname": "RunFailed", "run_id": "run1"},
)


def test_the_webhook_message_is_alertmanagers() -> None:
    firing = messages.webhook(ALERT, AlertState.FIRING, "ops", "abc:firing", "http://t")
    assert firing["version"] == "4" and firing["status"] == "firing" and firing["receiver"] == "ops"
    assert firing["groupKey"] == '{}:{alertname="RunFailed", run_id="run1"}'
    [told] = firing["alerts"]
    assert told["endsAt"] == "0001-01-01T00:00:00Z" and told["generatorURL"] == "http://t/runs/run1"
    resolved = messages.webhook(ALERT, AlertState.RESOLVED, "ops", "abc:resolved", "http://t")
    assert resolved["alerts"][0]["endsAt"] == "2026-09-21T14:13:25.000Z"
    assert resolved["alerts"][0]["fingerprint"] == told["fingerprint"] and len(told["fingerprint"]) == 16
    assert resolved["groupKey"] == firing["groupKey"]


def test_slack_cannot_be_made_to_mention_or_link() -> None:
    text = messages.slack(ALERT, AlertState.FIRING, "http://t")["text"]
    assert "&lt;!channel&gt;" in text and "<!channel" not in text and "<http://t/runs/run1|" in text


def test_the_body_is_signed() -> None:
    headers = messages.headers(b'{"a":1}', "k", b"secret")
    expected = hmac.new(b"secret", b'{"a":1}', hashlib.sha256).hexdigest()
    assert headers["X-Tracker-Signature"] == f"sha256={expected}" and headers["Idempotency-Key"] == "k"
    assert "X-Tracker-Signature" not in messages.headers(b"", "k", b"")


TOML = """
[receivers.ops]
url = "https://ops.example/hook"
secret = "s"
[receivers.chat]
type = "slack"
url = "https://chat.example/x"
[[rules]]
kinds = ["failed", "stalled"]
name = "nightly-*"
labels = ["prod"]
receivers = ["ops"]
[[rules]]
kinds = ["failed"]
delay_seconds = 60
receivers = ["ops", "chat"]
"""


def test_rules_say_who_is_told_when(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(TOML)
    loaded = rules.load(Settings(alert_rules=file))
    nightly = Facts("nightly-1", labels=("prod", "x"))
    assert loaded.delays(AlertKind.FAILED, [nightly]) == {"ops": 0, "chat": 60_000}
    assert loaded.delays(AlertKind.FAILED, [Facts("nightly-1")]) == {"ops": 60_000, "chat": 60_000}
    assert loaded.delays(AlertKind.STALLED, [Facts("other", labels=("prod",))]) == {}
    assert loaded.delays(AlertKind.TRACKER_BEHIND) == {}
    both = rules.load(Settings(alert_rules=file, alert_webhook=SecretStr("https://x.example/")))
    assert both.delays(AlertKind.TRACKER_BEHIND) == {"webhook": 0}
    assert rules.secret_of(both.receivers["ops"], Settings(alert_secret=SecretStr("d"))) == b"s"
    assert rules.secret_of(both.receivers["webhook"], Settings(alert_secret=SecretStr("d"))) == b"d"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("r.json", "{", "neither JSON"),
        ("r.toml", "x = [", "TOML"),
        ("r.json", '{"rules": [{"receivers": ["nobody"]}]}', "no receiver 'nobody'"),
        ("r.json", '{"rules": [{"receivers": []}]}', "rules.0.receivers"),
        ("r.json", '{"rule": []}', "rule: Extra"),
        ("r.json", '{"receivers": {"a": {"url": "http://127.0.0.1/sesame"}}}', "receiver 'a'.*ALLOW_PRIVATE"),
        ("r.json", '{"receivers": {"a": {"url": 5, "secret": "sesame"}}}', "receivers.a.url"),
        ("r.json", '{"receivers": {"a b": {"url": "https://x.example"}}}', "receivers"),
        ("r.json", "[]", "r.json"),
    ],
)
def test_wrong_rules_are_told_clearly_and_without_secrets(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(ValueError, match=told) as caught:
        rules.load(Settings(alert_rules=file))
    assert "sesame" not in str(caught.value)


def record(value: bytes) -> Record:
    return Record(3, 7, T0, "", "", value)


@pytest.mark.parametrize(
    "value", [b"", b"[]", b"{}", b'{"appended_at": "x"}', b"\xff", b'{"appended_at": []}']
)
def test_what_is_no_transition_or_letter_stops_nobody(value: bytes) -> None:
    assert transition_of(record(value)) is None
    name, reason = dead_letter_of(record(value))
    assert name == "message 3:7" and reason.startswith("unreadable")


def test_the_first_of_several_letters_names_a_message() -> None:
    letters: list[Any] = [{"partition": 1, "offset": 2, "part": p, "reason": p} for p in ("a", "b")]
    assert dead_letter_of(record(b"".join(json.dumps(x).encode() for x in letters))) == ("1:2:a", "a")


def test_a_sample_is_sent_from_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(TOML)
    asked = Settings(
        alert_webhook=SecretStr("http://127.0.0.1:9/"), alert_allow_private=True, alert_rules=file
    )
    assert asyncio.run(alerts_cli.send_sample(asked, "webhook")) == 1
    assert "webhook: not taken, " in capsys.readouterr().out
    with pytest.raises(ValueError, match="receivers are: chat, ops, webhook"):
        asyncio.run(alerts_cli.send_sample(asked, "nobody"))
    alerts_cli.show(asked)
    shown = capsys.readouterr().out
    assert "every alert, at once" in shown and "nightly-*" in shown and "https://" not in shown
