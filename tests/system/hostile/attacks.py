"""The attacks, each bounded: what one caller with a runner's token sends within a few seconds. No test stands here."""

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from tests.support.stacks.client import Client

INSTANT = 1_795_546_905_000
#: 2299-12-31, the last instant that is taken.
LAST_INSTANT = 10_413_791_999_999
STRANGE = ["\u202eevil", "a\x00b", "\ufeff", "🏴\u200d☠️" * 50, "a\u0301" * 500, "\ud800", "../../x"]
STRANGE += ["<script>", "nightly\n", "%2F%00"]


@dataclass(frozen=True)
class Target:
    """Where to send: `mallory` has a runner's token of another owner than `victim`, the id of a run that is live.

    `reader` has mallory's token of a viewer. `urls`: the processes that serve; `probe_urls`: the ports that probes alone have."""

    mallory: Client
    reader: Client
    victim: str
    urls: list[str]
    probe_urls: list[str]


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
        "pass:",
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
    endless = "\x90" * 300_000  # strings of a terminal that never end
    _put(
        t,
        run_id,
        "complete",
        {"workflow": {"success": False, "errorMessage": endless, "errorReport": endless}},
    )
    _put(t, run_id, "begin", {"workflow": {"params": {"n" * 1_000_000: "secret", "m": [{}] * 80_000}}})


def long_names(t: Target) -> None:
    """A long name over much that stands under it, in bodies small enough to be read in the event loop."""
    run_id = _own_run(t, "names")
    for name in ("A" * 70_000, "aB " * 23_000):
        for under in ({f"k{n}": "x" for n in range(5000)}, ["x"] * 15_000, [["x"]] * 10_000):
            _put(t, run_id, "begin", {"workflow": {"params": {name: under}}})
            _put(t, run_id, "begin", {"workflow": {"manifest": {"name": name, "value": under}}})
            _put(t, run_id, "nonsense", {name: under})


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
    """Thousands of runs of one session that say one word and, by a threshold of their own, fall silent together."""
    for batch in range(6):
        names = [f"silent-{batch}-{n}" for n in range(500)]
        events: list[object] = [
            event | {"run_id": name}
            for name in names
            for event in (
                {"type": "run.begun", "session_id": "one" if batch % 2 else name, "name": name},
                {"type": "run.labelled", "data": {"labels": ["tracker.disconnected-after=1"]}},
            )
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


def dear_questions(t: Target) -> None:
    """What a viewer may ask that costs most: of the runs of the attacks before, and with long and deep parameters."""
    own = [str(r["id"]) for r in t.reader.request("GET", "/api/v1/runs?search=large").json["runs"][:2]]
    silent = "silent-1-7"
    questions = [
        f"/api/v1/runs?page_size=500&search={'x' * 900}",
        "/api/v1/runs?page_size=500&sort=-cost",
        "/api/v1/costs?by=label",
        "/pipelines",
        f"/runs/{silent}?tab=all",
        f"/api/v1/runs/{silent}/history",
        f"/api/v1/outputs?search={'+'.join('abcdefgh')}",
        *(f"/runs/{run}?tab=all" for run in own),
        *(f"/api/v1/runs/{run}/{part}" for run in own for part in ("diagnosis", "resources", "costs", "log")),
        f"/compare?a={own[0]}&b={own[-1]}",
        f"/api/v1/compare?a={own[0]}&b={silent}",
        f"/runs/{'%2F' * 3000}",
    ]
    for path in questions:
        answer = t.reader.request("GET", path)
        assert answer.status < 500 or answer.status == 503, (path[:100], answer.status, answer.body[:200])
    of_tools: list[dict[str, object]] = [
        {"run": own[0]},
        {"run": "x" * 1000},
        {"run": [[]]},
        {"a" * 50_000: 1},
    ]
    for arguments in of_tools:
        for tool in ("diagnose_run", "compare_runs", "read_log", "list_tasks", "no such tool"):
            call = {"name": tool, "arguments": arguments}
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
            answer = t.reader.request("POST", "/mcp", body, Accept="application/json, text/event-stream")
            assert answer.status < 500, (tool, answer.status, answer.body[:200])
    for raw in (
        b"[" * 90_000,
        b"{" * 90_000,
        _raw([{"jsonrpc": "2.0", "method": "ping"}] * 2000),
        b"x" * 10**6,
    ):
        with suppress(OSError):
            assert t.reader.request("POST", "/mcp", raw).status < 500


def metrics_storm(t: Target) -> None:
    """Sixty who ask for the metrics, again and again, without a token; a port of its own tells meanwhile how each process is."""

    def ask(url: str) -> None:
        for _ in range(5):
            with suppress(OSError), urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
                answer.read()

    threads = [threading.Thread(target=ask, args=(url,)) for url in t.urls for _ in range(60 // len(t.urls))]
    for thread in threads:
        thread.start()
    rounds = 0
    while rounds == 0 or any(thread.is_alive() for thread in threads):
        rounds += 1
        for url, path in ((url, path) for url in t.probe_urls for path in ("livez", "readyz", "metrics")):
            with urllib.request.urlopen(f"{url}/{path}", timeout=30) as answer:  # raises unless it is a 2xx
                assert answer.read(), url
    for thread in threads:
        thread.join()


ATTACKS: tuple[Attack, ...] = (
    wrong_parts,
    quadratic_redaction,
    long_names,
    json_bombs,
    large_texts,
    many_runs,
    many_labels,
    somebody_elses_run,
    strange_names,
    everything_oversized,
    dear_questions,
    metrics_storm,
)


def attacks() -> Iterator[tuple[str, Attack]]:
    """Name and attack."""
    return ((attack.__name__, attack) for attack in ATTACKS)
