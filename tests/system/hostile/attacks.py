"""The attacks, each bounded: what one caller with a runner's token sends within a few seconds. No test stands here."""

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from tests.system.e2e.client import Client

INSTANT = 1_795_546_905_000
#: 2299-12-31, the last instant that is taken.
LAST_INSTANT = 10_413_791_999_999
STRANGE = ["\u202eevil", "a\x00b", "\ufeff", "🏴\u200d☠️" * 50, "a\u0301" * 500, "\ud800", "../../x"]
STRANGE += ["<script>", "nightly\n", "%2F%00"]


@dataclass(frozen=True)
class Target:
    """Where to send: `mallory` has a runner's token of another owner than `victim`, the id of a run that is live.

    `urls`: the processes that serve."""

    mallory: Client
    victim: str
    urls: list[str]


Attack = Callable[[Target], None]


def _raw(value: object) -> bytes:
    return json.dumps(value).encode()


def _own_run(t: Target, name: str) -> str:
    created = t.mallory.request(
        "POST", "/trace/create", {"runName": name, "sessionId": name, "instant": INSTANT}
    )
    return str(created.json["workflowId"])


def _put(t: Target, run_id: str, verb: str, body: object, query: str = "") -> None:
    answer = t.mallory.request("PUT", f"/trace/{run_id}/{verb}{query}", body)
    assert answer.status < 500 or answer.status == 503, (verb, answer.status, answer.body[:200])


def _native(t: Target, events: list[object]) -> int:
    answer = t.mallory.request("POST", "/v1/events", {"events": events})
    assert answer.status < 500 or answer.status == 503, (answer.status, answer.body[:200])
    return answer.status


def wrong_parts(t: Target) -> None:
    """Hundreds of thousands of parts that are set aside, each with all of a long workspace."""
    run_id = _own_run(t, "parts")
    _put(t, run_id, "progress", {"tasks": [1] * 100_000})
    _put(t, run_id, "progress", {"tasks": [{}] * 80_000})
    _put(t, run_id, "begin", {"workflow": {}, "processNames": [1] * 100_000})
    _put(t, run_id, "progress", {"tasks": [1] * 600}, f"?workspaceId={'w' * 60_000}")


def quadratic_redaction(t: Target) -> None:
    """Texts that patterns walk through again and again."""
    run_id = _own_run(t, "redaction")
    units = (
        "token='''$",
        "password=a,",
        "curl -u a:",
        "echo a | docker --password-stdin ",
        "'''\"\"\"\\",
        "://a@",
        "{\n",
    )
    for unit in units:
        text = (unit * 100_000)[:100_000]
        _put(
            t,
            run_id,
            "progress",
            {"tasks": [{"taskId": 1, "status": "RUNNING", "script": text, "env": text}]},
        )
    _put(
        t,
        run_id,
        "begin",
        {"workflow": {"configText": (units[0] * 200_000)[:1_000_000], "commandLine": "x " * 200_000}},
    )
    _put(t, run_id, "begin", {"workflow": {"params": {"n" * 1_000_000: "secret", "m": [{}] * 80_000}}})


def json_bombs(t: Target) -> None:
    """Deep, repeated, huge and broken JSON."""
    run_id = _own_run(t, "bombs")
    for body in (
        b"[" * 100_000,
        b'{"tasks":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b"{" + b'"a":1,' * 100_000 + b'"a":1}',
        b'{"instant":' + b"9" * 300_000 + b"}",
        b'{"instant": 1e999999, "tasks": [{"taskId": -0.0}]}',
        _raw({"workflow": {"params": {str(n): {str(n): [n]} for n in range(20_000)}}}),
        b"\xff\xfe" * 50_000,
        b"",
    ):
        for verb in ("begin", "progress", "complete"):
            _put(t, run_id, verb, body)
        answer = t.mallory.request("POST", "/v1/events", body)
        assert answer.status in (400, 413, 422, 429)


def large_texts(t: Target) -> None:
    """Runs that bring texts of megabytes; lists and pages of others must not read them."""
    for n in range(2):
        run_id = _own_run(t, f"large{n}")
        params = {"all": "p" * 2_000_000, "more": {str(i): "x" * 100 for i in range(20_000)}}
        _put(
            t,
            run_id,
            "begin",
            {"workflow": {"params": params, "configText": "c" * 2_000_000, "commandLine": "l" * 2_000_000}},
        )
        _put(
            t,
            run_id,
            "complete",
            {"workflow": {"success": False, "errorReport": "e" * 2_000_000, "errorMessage": "m" * 2_000_000}},
        )


def many_runs(t: Target) -> None:
    """Thousands of runs of one session that say one word and fall silent."""
    for batch in range(3):
        events: list[object] = [
            {
                "type": "run.created",
                "run_id": f"silent-{batch}-{n}",
                "session_id": "one",
                "name": f"silent {n}",
            }
            for n in range(1000)
        ]
        assert _native(t, events) in (200, 429)


def many_labels(t: Target) -> None:
    """As many labels as a token may send, on one run."""
    _native(t, [{"type": "run.created", "run_id": "labelled"}])
    for start in range(0, 3):
        events: list[object] = [
            {
                "type": "labels.changed",
                "run_id": "labelled",
                "data": {"add": [f"{start}-{n}-{i}" for i in range(100)]},
            }
            for n in range(100)
        ]
        _native(t, events)


def somebody_elses_run(t: Target) -> None:
    """Ends, renames, relabels and refreshes the victim."""
    end = {
        "workflow": {"runName": "pwned", "success": False, "errorMessage": "forged"},
        "instant": LAST_INSTANT,
    }
    _put(t, t.victim, "complete", end)
    _put(
        t,
        t.victim,
        "begin",
        {"workflow": {"runName": "pwned", "sessionId": "pwned"}, "instant": LAST_INSTANT},
    )
    _put(t, t.victim, "nonsense", {})
    t.mallory.request("POST", "/trace/create", {"workflowId": t.victim, "runName": "pwned", "sessionId": "x"})
    for event in (
        {"type": "run.completed", "data": {"state": "failed", "instant": LAST_INSTANT}},
        {"type": "run.labelled", "data": {"labels": ["tracker.disconnected-after=0.001"]}},
        {"type": "labels.changed", "data": {"add": ["pwned"]}},
    ):
        assert _native(t, [event | {"run_id": t.victim}]) in (200, 403, 429)


def strange_names(t: Target) -> None:
    """Unicode that does not want to be shown, and names that want to be ids."""
    for name in [*STRANGE, t.victim, "null", "x" * 900]:
        body = json.dumps(
            {"runName": name, "sessionId": name, "instant": INSTANT, "workflowId": name}
        ).encode()
        answer = t.mallory.request("POST", "/trace/create", body)
        assert answer.status == 200, answer.body[:200]
        run_id = answer.json["workflowId"]
        task = {
            "taskId": 1,
            "status": "FAILED",
            "name": name,
            "process": name,
            "tag": name,
            "hash": name,
            "workdir": name,
        }
        _put(
            t, run_id, "begin", {"workflow": {"runName": name, "manifest": {"name": name}, "userName": name}}
        )
        _put(t, run_id, "progress", {"tasks": [task]})
        _put(
            t, run_id, "complete", {"workflow": {"success": False, "errorMessage": name, "errorReport": name}}
        )


def everything_oversized(t: Target) -> None:
    """A body above the limit, headers and addresses above theirs."""
    run_id = _own_run(t, "oversized")
    _put(t, run_id, "progress", b" " * (16 * 2**20 + 1))
    for path in (
        f"/trace/{'r' * 20_000}/begin",
        f"/trace/{run_id}/{'v' * 20_000}",
        f"/weblog?{'q' * 20_000}",
    ):
        with suppress(OSError):
            answer = t.mallory.request("PUT" if "weblog" not in path else "POST", path, {})
            assert answer.status < 500, answer.body[:200]


def metrics_storm(t: Target) -> None:
    """Sixty who ask for the metrics, again and again, without a token."""

    def ask(url: str) -> None:
        for _ in range(5):
            with suppress(OSError), urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
                answer.read()

    threads = [threading.Thread(target=ask, args=(url,)) for url in t.urls for _ in range(60 // len(t.urls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


ATTACKS: tuple[Attack, ...] = (
    wrong_parts,
    quadratic_redaction,
    json_bombs,
    large_texts,
    many_runs,
    many_labels,
    somebody_elses_run,
    strange_names,
    everything_oversized,
    metrics_storm,
)


def attacks() -> Iterator[tuple[str, Attack]]:
    """Name and attack."""
    return ((attack.__name__, attack) for attack in ATTACKS)
