"""Ids: derived, sorted by time, well shaped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import ids
from schemas.run_ids import ALPHABET
from schemas.values import MS_MAX

TEXT = st.text(max_size=20)
INSTANT = st.integers(0, MS_MAX)


@given(INSTANT, INSTANT, TEXT, TEXT, TEXT)
def test_ids_sort_by_time_and_untimed_ones_come_last(
    a: int, b: int, workspace: str, session: str, name: str
) -> None:
    x, y = (ids.run_id(t, workspace, session, name) for t in (a, b))
    assert (x < y, x == y) == (a < b, a == b) and x[10:] == y[10:]
    untimed = ids.run_id(None, workspace, session, name)
    assert untimed > x and untimed[0] == "w"
    for i in (x, untimed, ids.run_id_of_bytes(name.encode())):
        assert len(i) == 16 and set(i) <= set(ALPHABET) and ids.is_run_id(i)


def test_parts_do_not_run_into_each_other() -> None:
    made = {
        ids.run_id(0, *parts)
        for parts in [("a", "b", "c"), ("ab", "", "c"), ("", "ab", "c"), ("a", "bc", "")]
    }
    assert len(made) == 4
    assert ids.event_id("r", "progress", b"x") != ids.event_id("rp", "rogress", b"x")
    assert len(ids.event_id("r", "v", b"")) == 32


@pytest.mark.parametrize("bad", ["", "null", "undefined", "a b", "a\n", "ä", "a" * 65, "a/b", None, 5, ["a"]])
def test_ids_that_are_not_well_shaped(bad: object) -> None:
    assert not ids.is_run_id(bad)
