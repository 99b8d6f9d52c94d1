"""The names that `tracker run` gives: each is one that Nextflow takes, and tells what was asked for."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.run_names import is_launched_as, numbered

#: Nextflow's own rule.
TAKEN_BY_NEXTFLOW = re.compile(r"[a-z](?:[a-z\d]|[-_](?=[a-z\d])){0,79}", re.IGNORECASE)
NAMES = st.from_regex(r"[a-z]([a-z0-9]|[-_][a-z0-9]){0,78}", fullmatch=True).filter(lambda n: len(n) <= 80)


@given(NAMES, st.integers(1, 10**9 - 1))
def test_a_numbered_name_is_one_of_the_name_that_was_asked_for(asked: str, cycle: int) -> None:
    name = numbered(asked, cycle)
    assert TAKEN_BY_NEXTFLOW.fullmatch(name) and is_launched_as(name, asked)


@pytest.mark.parametrize(
    ("name", "asked"),
    [("nightly", ""), ("", ""), ("a b", "a b"), ("$(id)", "$(id)"), ("1st", "1st"), ("a\u0661", "a\u0661"),
     ("nightly", "night"), ("nightly-02", "nightly"), ("nightly-x", "nightly"),
     ("nightly-", "nightly"), ("other-2", "nightly"), ("nightly-2", "nightly-3"), ("nightly-1", "nightly"),
     ("n" * 200, "n" * 200), ("nightly-" + "9" * 5000, "nightly")],
)  # fmt: skip
def test_what_is_no_such_name(name: str, asked: str) -> None:
    assert not is_launched_as(name, asked)
