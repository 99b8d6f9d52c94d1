"""The fast path and the patient path make the same of every request; what is wrong anywhere goes the patient one."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingest import fast_path, message, tower
from ingest.nextflow import STATUSES, NextflowTask
from ingest.redaction.text import short, task_folder
from ingest.request import Request
from schemas.statuses import Dialect
from tests.support.examples import examples
from tests.support.ingest import TOWER_TRACES, decoded, trace
from tests.support.log import NOW

SECRET = "hvs." + "a1" * 12
TEXT = st.text(max_size=20) | st.sampled_from(
    ["é/ü", "\x00", '"\\\n', SECRET, f"s3://u:{SECRET}@h/x", "a" * 600]
)
#: In characters; more make a text wrong.
LONGEST = 2**20
TIME = st.datetimes(
    min_value=datetime(1970, 1, 3), max_value=datetime(2299, 12, 30), timezones=st.timezones()
).map(
    lambda t: t.replace(
        tzinfo=timezone(timedelta(minutes=(t.utcoffset() or timedelta()) // timedelta(minutes=1))),
        microsecond=t.microsecond // 1000 * 1000,
    ).isoformat()
) | st.sampled_from(
    [
        "2026-11-24T17:01:53Z",
        "2026-11-24T19:01:53.1+02:00",
        "2026-11-24T17:01:53-00:00",
        "1970-01-01T00:00:00Z",
        "1970-01-01T01:00:00+01:00",
        "2299-12-31T23:59:59.999Z",
    ]
)
ODD_TIME = st.sampled_from(
    [
        "2026-11-24T17:01:53.1234567Z",
        "2026-11-24T17:01:53.123456+02:00",
        "2026-11-24 17:01:53z",
        "2026-11-24T17:01:53",
        "2026-11-24",
        "1969-12-31T23:59:59Z",
        "2300-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "2026-06-30T23:59:60Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T17:01:53+24:00",
        "never",
        "0",
    ]
)
INTEGER = st.integers(-5, 2**31) | st.sampled_from([0, 2**31 - 1, 2**63 - 1, 2**63, 2**64, -(2**63), 10**400])
FINITE = st.floats(allow_nan=False, allow_infinity=False)
OBJECT = st.dictionaries(
    TEXT,
    st.none()
    | st.integers(-(2**70), 2**70)
    | TEXT
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.lists(TEXT, max_size=2),
    max_size=3,
)
#: What may stand under any name and is wrong under most.
ANYTHING = st.one_of(
    st.none(), st.booleans(), INTEGER, st.floats(), TEXT, TIME, ODD_TIME, st.lists(TEXT, max_size=2), OBJECT
)
SCHEMAS = NextflowTask.model_json_schema()["properties"]


def of_field(name: str) -> st.SearchStrategy[Any]:
    """What the field takes as it is."""
    schema = SCHEMAS[name].get("anyOf", [SCHEMAS[name]])[0]
    if name in OWN:
        return OWN[name]
    if schema.get("format") == "date-time":
        return TIME
    if schema["type"] == "array":
        return st.lists(TEXT, max_size=3)
    if schema["type"] == "string":
        return TEXT
    least, most = schema.get("minimum"), schema.get("maximum")
    if schema["type"] == "integer":
        return st.integers(least, most) | st.sampled_from([least, most])
    return st.floats(least, most, allow_nan=False, allow_infinity=False) | st.integers(0, 10**6)


OWN: dict[str, st.SearchStrategy[Any]] = {
    "status": st.sampled_from([*STATUSES]),
    "scratch": TEXT | st.booleans(),
    "nativeId": TEXT | st.integers(-(2**63) + 1, 2**63 - 1),
    "resourceAllocation": OBJECT,
    "gpuMetrics": OBJECT,
}
USUAL = st.fixed_dictionaries(
    {"taskId": st.integers(0, 99), "status": of_field("status")},
    optional={n: of_field(n) for n in SCHEMAS if n not in ("taskId", "status")},
)
TASK = USUAL | st.builds(
    lambda task, more: task | more,
    USUAL,
    st.dictionaries(st.sampled_from([*SCHEMAS, "unknown"]), ANYTHING, max_size=1),
)
USUAL_PROGRESS = st.dictionaries(
    st.sampled_from(["pending", "peakRunning", "succeeded"]), st.integers(0, 2**63 - 1)
) | st.just({"running": 1, "processes": [{"name": "A", "stored": 3}, {"stored": "x"}, 1]})
BODY = st.fixed_dictionaries(
    {"tasks": st.lists(TASK, max_size=3) | st.lists(USUAL, max_size=3) | ANYTHING},
    optional={
        "instant": st.just(NOW) | ANYTHING,
        "progress": USUAL_PROGRESS
        | st.dictionaries(st.sampled_from(["pending", "processes"]), ANYTHING)
        | ANYTHING,
        "unknown": ANYTHING,
    },
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """JSON of all kinds: escaped or not, with keys that stand twice, with bytes that are wrong."""
    text = json.dumps(draw(BODY), ensure_ascii=draw(st.booleans()))
    body = text.encode("utf-8", "surrogatepass")
    match draw(st.sampled_from(["as it is"] * 8 + ["twice", "byte", "cut", "more"])):
        case "twice":
            body = body[:-1] + b', "tasks": ' + json.dumps(draw(st.lists(TASK, max_size=2))).encode() + b"}"
        case "byte":
            at = draw(st.integers(0, len(body) - 1))
            body = body[:at] + draw(st.binary(min_size=1, max_size=1)) + body[at + 1 :]
        case "cut":
            body = body[: draw(st.integers(0, len(body)))]
        case "more":
            body += draw(st.sampled_from([b" ", b"x", b"{}", b"\x00"]))
    return body


def made(
    body: bytes, verb: str = "progress", read: Callable[[Request], Any] = tower.read
) -> tuple[str, Any, Any]:
    """The message of a request: its type, its envelope and its rows."""
    request = Request("run1", verb, body, "", NOW, "p", "ada")
    value = message.message_of(request, read, "PUT /", Dialect.TOWER, 2**26).value
    event, rows = decoded(value)
    return event.type, json.loads(value.partition(b"\n")[0]), rows


def patiently(body: bytes, verb: str = "progress") -> tuple[str, Any, Any]:
    def not_usual(*_: object) -> Any:
        raise fast_path.NotUsual

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_path, "read", not_usual)
        return made(body, verb)


def is_usual(body: bytes) -> bool:
    try:
        fast_path.read(body, "run1")
    except fast_path.NotUsual:
        return False
    return True


@given(bodies(), st.sampled_from(["progress", "heartbeat"]))
@settings(max_examples=examples(600), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(b'{"tasks":[{"taskId":1,"taskId":2,"status":"NEW","status":"RUNNING"}]}', "progress")
@example(b'{"tasks":[{"taskId":1,"status":"NEW","unknown":"\xff","cpus":1e999}]}', "progress")
@example(b'{"tasks":[{"taskId":1,"status":"NEW","unknown":"\xff\\ud800"}],"instant":null}', "progress")
def test_both_paths_make_the_same(body: bytes, verb: str) -> None:
    assert made(body, verb) == patiently(body, verb)


@given(st.lists(USUAL, max_size=3), USUAL_PROGRESS)
@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_right_is_usual_and_both_paths_make_the_same(
    tasks: list[dict[str, Any]], progress: dict[str, Any]
) -> None:
    body = json.dumps({"tasks": tasks, "progress": progress, "instant": NOW}).encode()
    assert is_usual(body)
    assert made(body) == patiently(body)


@pytest.mark.parametrize("path", TOWER_TRACES, ids=lambda p: p.name.removesuffix(".jsonl.gz"))
def test_all_that_real_runs_send_is_usual(path: Any) -> None:
    for body in changes(path):
        assert is_usual(body), body[:500]
        assert made(body) == patiently(body)
        assert made(body) == made(body, read=usual), "it is read in the event loop, however large"


def usual(request: Request) -> Any:
    read = tower.usual(request)
    assert read is not None
    return read


def changes(path: Any) -> Iterator[bytes]:
    for request in trace(path):
        if request["path"].endswith(("/progress", "/heartbeat")):
            yield json.dumps(request["body"]).encode()


@pytest.mark.parametrize(
    "wrong",
    [
        b'"taskId": "1"',
        b'"taskId": -1',
        b'"taskId": null',
        b'"status": "OTHER"',
        b'"status": null',
        b'"name": 5',
        b'"name": null',
        b'"name": "\\ud800"',
        b'"name": "\xff"',
        b'"attempt": 0',
        b'"attempt": 1.5',
        b'"exit": 2147483648',
        b'"exit": "0"',
        b'"exit": true',
        b'"cpus": NaN',
        b'"cpus": -1',
        b'"cpus": 1000001',
        b'"pcpu": 1e999',
        b'"memory": -1',
        b'"memory": 9223372036854775808',
        b'"submit": "2026-11-24T17:01:53"',
        b'"submit": "1969-12-31T23:59:59Z"',
        b'"submit": "2300-01-01T00:00:00Z"',
        b'"submit": 1795546905',
        b'"module": ["a", 1]',
        b'"module": "a"',
        b'"scratch": 1',
        b'"nativeId": 1.5',
        b'"run_id": 1',
        b'"resourceAllocation": "x"',
        b'"resourceAllocation": {"a": "' + b"x" * 16_384 + b'"}',
        b'"tag": "' + b"x" * (LONGEST + 1) + b'"',
    ],
)
def test_what_is_wrong_takes_the_patient_path(wrong: bytes) -> None:
    body = b'{"tasks": [{"taskId": 1, "status": "NEW", ' + wrong + b"}]}"
    assert not is_usual(body)
    assert made(body) == patiently(body)


def test_the_longest_text_is_usual() -> None:
    body = b'{"tasks": [{"taskId": 1, "status": "NEW", "tag": "' + b"x" * LONGEST + b'"}]}'
    assert is_usual(body) and made(body) == patiently(body)


@given(
    st.text(alphabet="abcdefs3:/@=._-", max_size=40)
    | st.sampled_from(
        ["s3://discord.com/api/webhooks", "x/hooks", f"/work/{SECRET}", "eyJ0aWQaaaa", "s3://a:b@c"]
    ),
    st.sampled_from(["/ab/" + "0" * 30, "/ab/" + "f" * 29, "/AB/" + "0" * 30, ""]),
)
def test_the_hash_of_a_task_changes_nothing_of_what_is_hidden_in_its_folder(path: str, own: str) -> None:
    assert task_folder(path + own) == short(path + own)
