"""Redaction is linear in its input, and what it remembers is bounded."""

import json
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.redaction import names, payloads, text
from tests.support.examples import examples
from tests.support.growth import assert_linear

UNITS = [
    "a",
    "token ",
    "token='",
    'token="',
    "token='''$",
    "token='''",
    "token=\"\"\"x'''",
    "token='\\'\n",
    "token=\\\n",
    "token=a,",
    "token: \n ",
    "://a@",
    "://a:",
    "://a@sha1:",
    "-k -",
    "--token ",
    "auth: ",
    "Authorization: a ",
    "A_TOKEN=\n",
    "{\n",
    "password = 'x'\nuser = 'y'\n",
    "name: token, ",
    "name: token, value: ",
    "<token a ",
    "<token>a</",
    "curl -u a:",
    "docker login ",
    "docker login -p",
    "echo a | docker --password-stdin ",
    "echo a|",
    "--password-stdin ",
    "--password-stdin <<< ",
    "curl;",
    "eyJaaaaaaaaaa.",
    "sk-aaaa",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN A",
    "PuTTY-User-Key-File-2: ",
    "hooks.slack.com/services/",
    "1:AA",
    "aB1",
    "é[redacted]",
    "token[redacted]=",
    "pass:",  # hidden only if random, and none of it is
    "=pass:valuename-p",
    ":=key",
    "token=" + "1" * 40,
    "unexpected token:",
]


#: So begin the texts: what is looked for first is there, of addresses too, so that no pattern is passed over. A secret's name
#: stands just before what is repeated, which then may be its value, or apart from it.
BEGINNINGS = ("s3://a@b?sig=1 token", "s3://a@b?sig=1 token x ")


#: What the patterns look for, and what ends or continues it.
_FRAGMENTS = r"""
    token password pass key auth a 1 aB1 = : := => == - -- -k --key ' " \ , ; | & { } [ ] < > / :// @ # $ ${ sk- eyJ . _
    true [redacted] <name> </name> name value set os. curl docker login echo BEGIN PRIVATE KEY
"""
FRAGMENTS = [*_FRAGMENTS.split(), '"""', "\n", " "]


def _read(f: Callable[[str], str], beginning: str, unit: str, size: int) -> str:
    return f(beginning + unit * (size // len(unit)))


@pytest.mark.parametrize("unit", UNITS)
def test_hostile_text_costs_linear_time(unit: str) -> None:
    for f in (text.script, text.config, text.env):
        for beginning in BEGINNINGS:
            assert_linear(partial(_read, f, beginning, unit), 20_000)


@given(
    st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=4).map("".join),
    st.sampled_from(FRAGMENTS),
)
@settings(max_examples=examples(150), deadline=None)
def test_whatever_is_repeated_costs_linear_time(unit: str, beginning: str) -> None:
    """`pass:` over and over, 40 KB of it, took 8 s: each of them walked to the end of all that followed."""
    for f in (text.script, text.config, text.env):
        assert_linear(partial(_read, f, BEGINNINGS[0] + beginning, unit), 10_000)


@pytest.mark.parametrize(
    "unit", ["1", "{}", '"token=x"', '{"token":1}', "[]", '{"name":"token","value":"x"}']
)
def test_hostile_json_costs_linear_time(unit: str) -> None:
    def redact(size: int) -> bytes:
        return payloads.body(b"[" + b",".join([unit.encode()] * (size // (len(unit) + 1))) + b"]")

    assert_linear(redact, 20_000)


def _fields(size: int) -> dict[str, str]:
    return {f"k{n}": "x" for n in range(size // 10)}


NAMED: dict[str, Callable[[str, int], object]] = {
    "fields of an object of a long name": lambda name, size: {name: _fields(size)},
    "a list of a long name": lambda name, size: {name: ["x"] * (size // 4)},
    "lists in lists": lambda name, size: {name: [["x"]] * (size // 6)},
    "a value whose name stands beside it": lambda name, size: {"name": name, "value": ["x"] * (size // 4)},
    "fields beside a name": lambda name, size: {"name": name, "value": _fields(size)},
}


@pytest.mark.parametrize("kind", NAMED)
@pytest.mark.parametrize("unit", ["A", "aB ", "pass."])
def test_a_long_name_of_much_costs_linear_time(kind: str, unit: str) -> None:
    """A body of 80 KB held the event loop for 45 s: the name was judged anew for each thing that stood under it."""

    def redact(size: int) -> object:
        return payloads.value(NAMED[kind](unit * (size // len(unit)), size))

    assert_linear(redact, 20_000)


def test_what_is_remembered_of_names_is_bounded_in_bytes() -> None:
    """60 names of many megabytes took 620 MB."""
    before = names._cached.cache_info().currsize
    for n in range(60):
        payloads.value({f"{n}token" + "x" * 100_000: "y"})
    assert names._cached.cache_info().currsize <= before + 1
    limit = names._cached.cache_parameters()["maxsize"]
    assert limit is not None and limit * names._CACHED_NAME * 4 <= 4 * 2**20


def test_a_long_name_is_still_a_name() -> None:
    assert json.loads(payloads.body(json.dumps({"x" * 200 + "_password": "hunter2"}).encode())) == {
        "x" * 200 + "_password": "[redacted]"
    }
