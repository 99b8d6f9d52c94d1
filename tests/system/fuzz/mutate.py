"""Requests of real traces, changed as a broken or hostile client would change them. All chance comes from the argument."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote

from tests.support.ingest import TOWER_TRACES, WEBLOG_TRACES, trace

_MOST_BODY = 20_000  # bytes of a seed: small bodies try more in the same time

#: What a field may hold where something else is expected. Half characters cannot go through json.dumps with ensure_ascii=False.
_HOSTILE: list[Any] = [
    None,
    True,
    0,
    -1,
    1e308,
    float("nan"),
    float("inf"),
    -0.0,
    2**31,
    2**53 + 1,
    2**63,
    -(2**63) - 1,
    2**64,
    10**400,
    "",
    " ",
    "\0",
    "\ud800",
    "\udfff\ud800",
    "\u2028\u2029\x85",
    "\N{RIGHT-TO-LEFT OVERRIDE}abc",
    "a" * 5000,
    "<script>alert(1)</script>",
    "'; DROP TABLE tasks; --",
    "{{7*7}}${7*7}",
    "../../../etc/passwd",
    "%00%ff",
    "password=hunter2&token=" + "x" * 64,
    "https://user:secret@host/" * 40,
    "AKIA" + "A" * 400,
    "9999-12-31T23:59:59.999999999Z",
    "0000-00-00T00:00:00Z",
    "2026-02-30T25:61:61+99:99",
    "1e9999",
    "0x10",
    "NaN",
    "COMPLETED",
    "ABORTED",
    [],
    {},
    [[]],
    [None] * 300,
    [1] * 3000,
    [{}] * 3000,
    {"k" * 2000: [float("nan")] * 300},
    "token='''$" * 500,
    {"": ""},
    {"a": {"b": {"c": [1, {"d": None}]}}},
    {"\ud800": "\ud800"},
    {str(n): n for n in range(200)},
]
_VERBS = ["create", "begin", "progress", "heartbeat", "complete", "unknown", "", "%2e%2e", "progress%00"]
_IDS = ["1" * 16, "run1", "", "%00", "..", "é", "a" * 3000, "w" * 60_000, "'", "%ff%fe", "🦆", " "]


@dataclass(frozen=True, slots=True)
class Input:
    """One request. `path` is as on the wire, with its query."""

    method: str
    path: str
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.path!r} {self.body[:2000]!r}{'…' if len(self.body) > 2000 else ''}"


def seeds() -> list[list[Input]]:
    """Requests as real runners sent them: a list for each verb and dialect."""
    found: dict[str, list[Input]] = {}
    for path in (*TOWER_TRACES, *WEBLOG_TRACES):
        for r in trace(path):
            body = json.dumps(r["body"]).encode()
            if len(body) <= _MOST_BODY:
                found.setdefault(r["path"].rpartition("/")[2], []).append(Input(r["method"], r["path"], body))
    event = {"type": "run.heartbeat", "run_id": "native-run-1", "data": {"instant": 1_795_546_905_637}}
    task = {"task_id": 1, "status": "running", "name": "A"}
    changed = {"type": "tasks.changed", "run_id": "native-run-1", "data": {}, "tasks": [task]}
    natives = (event, [event, changed], [changed] * 9)
    found["events"] = [Input("POST", "/v1/events", json.dumps(x).encode()) for x in natives]
    return list(found.values())


def mutated(random: Random, all_seeds: list[list[Input]]) -> Input:
    """One hostile request."""
    seed = random.choice(random.choice(all_seeds))
    shape = random.random()
    if shape < 0.03:
        body = random.randbytes(random.randrange(300))
    elif shape < 0.06:
        body = random.choice(_RAW)(random)
    else:
        body = _changed_json(random, seed.body)
        if random.random() < 0.2:
            body = _changed_bytes(random, body)
    return Input(seed.method, _path(random, seed.path), body)


def _changed_json(random: Random, body: bytes) -> bytes:
    value = json.loads(body)
    for _ in range(random.choice((0, 1, 1, 2, 4, 16))):
        value = _change(random, value)
    return json.dumps(value, ensure_ascii=True, allow_nan=True).encode()


def _change(random: Random, value: Any, deeper: float = 0.98) -> Any:
    """The value with one node somewhere inside changed; the node is deeper than this one with that chance."""
    if isinstance(value, dict) and value and random.random() < deeper:
        name = random.choice(list(value))
        roll = random.random()
        if roll < 0.08:
            return {k: v for k, v in value.items() if k != name}
        if roll < 0.14:
            return value | {
                random.choice(("", "\ud800", "taskId", "instant", name + "x", "tasks")): value[name]
            }
        return value | {name: _change(random, value[name], 0.9)}
    if isinstance(value, list) and value and random.random() < deeper:
        n = random.randrange(len(value))
        roll = random.random()
        if roll < 0.1:
            return value[:n] + value[n + 1 :]
        if roll < 0.2:
            return value + [value[n]] * random.choice((1, 2, 30))
        return [*value[:n], _change(random, value[n], 0.9), *value[n + 1 :]]
    roll = random.random()
    if roll < 0.1:
        return [value]
    if roll < 0.2:
        return {"x": value}
    if roll < 0.3:
        return str(value)
    if roll < 0.4 and isinstance(value, int | float):
        return value * random.choice((-1, 1000, 10**12))
    if roll < 0.5 and isinstance(value, str):
        n = random.randrange(len(value) + 1)
        return value[:n] + random.choice(("\0", "\ud800", '"', "\\", "\n", "9" * 40, "ü")) + value[n:]
    return random.choice(_HOSTILE)


def _changed_bytes(random: Random, body: bytes) -> bytes:
    n = random.randrange(len(body) + 1)
    m = random.randrange(n, min(len(body), n + 40) + 1)
    roll = random.randrange(5)
    if roll == 0:
        return body[:n]
    if roll == 1:
        return body[:n] + random.randbytes(random.randrange(1, 9)) + body[m:]
    if roll == 2:
        return body[:m] + body[n:m] * random.randrange(2, 50) + body[m:]
    if roll == 3:
        return body + body
    return (
        body[:n]
        + random.choice((b"\xff", b"\xed\xa0\x80", b"\\ud83d", b"\0", b"}", b"]", b",", b"1e", b'"'))
        + body[n:]
    )


_RAW: list[Callable[[Random], bytes]] = [
    lambda r: b"[" * r.randrange(1, 50_000),
    lambda r: b'{"a":' * r.randrange(1, 20_000) + b"1" + b"}" * r.randrange(20_000),
    lambda r: b'{"tasks":' + b"[" * r.randrange(1, 3_000) + b"]" * r.randrange(3_000) + b"}",
    lambda r: b"9" * r.randrange(1, 20_000),
    lambda r: b'{"instant":' + b"9" * r.randrange(1, 9_000) + b"}",
    lambda r: b'{"tasks":[' + b",".join([b'{"taskId":1,"status":"RUNNING"}'] * r.randrange(500)) + b"]}",
    lambda r: b'{"a":1' + b',"a":1' * r.randrange(2000) + b"}",
    lambda r: b'"' + b"\\u0000" * r.randrange(5000) + b'"',
    lambda r: b"\xef\xbb\xbf{}",
    lambda r: "{}".encode("utf-16"),
    lambda r: b"",
    lambda r: b"null",
    lambda r: b"a=b&c=d",
]


def _path(random: Random, path: str) -> str:
    roll = random.random()
    if roll < 0.7:
        return path
    if roll < 0.8:
        return f"/api{path}?workspaceId={quote(random.choice(_IDS))}"
    if roll < 0.95:
        run, verb = random.choice(_IDS), random.choice(_VERBS)
        return f"/trace/{run if run.startswith('%') else quote(run, safe='')}/{verb}"
    return random.choice(("/weblog", "/trace/create", "/v1/events", "/trace/", "/weblog?x=%ff%00"))
