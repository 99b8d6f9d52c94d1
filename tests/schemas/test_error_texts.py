"""Errors made readable: no codes of terminals, and the one line that says most."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.texts.error_texts import error_summary, plain, sentence
from tests.support.growth import assert_linear


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[0;31mboom\x1b[0m", "boom"),
        ("[0;31mboom[0m", "boom"),
        ("\x1b]8;;https://a.example\x07link\x1b]8;;\x07 \x1b[2K\x1b[1Adone", "link done"),
        ("a[1m", "a[1m"),  # an index of a list, not a colour
        ("ids[12] and [sample1m]", "ids[12] and [sample1m]"),
        ("nothing to take out", "nothing to take out"),
        ("\x9b1;31mboom\x9b0m", "boom"),  # the one-character form
        ("\x1b(B\x1b[mboom\x1b7\x1b8", "boom"),  # what `tput sgr0` writes; the cursor
        ("\x1b[38;2;255;0;0mbo\x1b[38:5:196mom\x1b[39m", "boom"),
        ("\x1bPq#0;2\x1b\\boom \x1b]0;a title without an end\nbang", "boom 0;a title without an end\nbang"),
        ("^[[31mboom^[[0m \\u001b[1mbang\\033[0m", "boom bang"),  # ESC spelled out
        ("[1m[31mERROR[39m[22m boom[m", "ERROR boom"),
        ("\x9d0;a title\x9cboom\x90q\x9c", "boom"),
        ("rate(x[5m]) of [5m] in array[3m", "rate(x[5m]) of [5m] in array[3m"),
    ],
)
def test_escape_codes_are_taken_out_and_nothing_else(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text())
def test_no_escape_character_is_left(text: str) -> None:
    assert "\x1b" not in plain(text)


@given(st.text("\x07\x1b\x90\x98\x9b\x9c\x9d[]PX(;:01mae\\^\n ", min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_whatever_is_repeated_costs_linear_time(unit: str) -> None:
    """A report of 1 MB of strings that never end kept a projector busy for hours, and the next one that read it."""
    assert_linear(lambda size: plain(unit * (size // len(unit))), 20_000)


@pytest.mark.parametrize("opener", ["\x90", "\x98", "\x9d", "\x1b]", "\x9b0", "[1;"])
def test_codes_that_never_end_cost_linear_time(opener: str) -> None:
    assert_linear(lambda size: plain(opener * size), 5_000)


REPORT = "Error executing process > 'R (2)'\n\nCaused by:\n  K8s pod failed\n\nCommand executed:\n  x"


@pytest.mark.parametrize(
    ("message", "report", "line"),
    [
        ("SIGINT", REPORT, "SIGINT"),
        ("", REPORT, "K8s pod failed"),
        ("", "No signature of method: x\n -- Check script", "No signature of method: x"),
        ("The following invalid input values have been detected:\n\n* Missing required parameter(s): input\n\n", "",
         "Missing required parameter(s): input"),
        ("only a colon:", "", "only a colon:"),
        (" \n", " ", ""),
        ("", "", ""),
    ],
)  # fmt: skip
def test_the_line_that_says_most(message: str, report: str, line: str) -> None:
    assert error_summary(message, report) == line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("it lies outside", "It lies outside."),
        ("It is so.", "It is so."),
        ("s3://lab, to list: access denied", "s3://lab, to list: access denied."),
        ("'gs://b' is no S3 path", "'gs://b' is no S3 path."),
        (" ", ""),
    ],
)
def test_a_sentence_begins_with_a_capital_and_ends(text: str, shown: str) -> None:
    assert sentence(text) == shown == sentence(shown)


@given(st.text(), st.text())
def test_a_summary_is_one_short_line(message: str, report: str) -> None:
    line = error_summary(message, report)
    assert len(line) <= 300 and len(line.splitlines()) <= 1
