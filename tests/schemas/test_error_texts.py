"""Errors made readable: no codes of terminals, and the one line that says most."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.error_texts import error_summary, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[0;31mboom\x1b[0m", "boom"),
        ("[0;31mboom[0m", "boom"),
        ("\x1b]8;;https://a.example\x07link\x1b]8;;\x07 \x1b[2K\x1b[1Adone", "link done"),
        ("a[1m", "a[1m"),  # an index of a list, not a colour
        ("ids[12] and [sample1m]", "ids[12] and [sample1m]"),
        ("nothing to take out", "nothing to take out"),
    ],
)
def test_escape_codes_are_taken_out_and_nothing_else(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text())
def test_no_escape_character_is_left(text: str) -> None:
    assert "\x1b" not in plain(text)


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


@given(st.text(), st.text())
def test_a_summary_is_one_short_line(message: str, report: str) -> None:
    line = error_summary(message, report)
    assert len(line) <= 300 and len(line.splitlines()) <= 1
