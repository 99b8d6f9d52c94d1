"""The page of a run offers to change it only to who may."""

from collections.abc import Mapping

from schemas.access import Role
from stores.tables.client import Tables
from tests.support.access import OWNER, RUN, Guarded, SomeTokens
from tests.support.api_stage import Stage


def offers(tokens: SomeTokens, tables: Tables, headers: Mapping[str, str]) -> bool:
    """Whether the page has forms to change the run. It has all of them, or none."""
    text = Guarded(tokens, tables).request("GET", f"/runs/{RUN}", headers=dict(headers)).text
    found = {form: f'action="/runs/{RUN}/{form}"' in text for form in ("labels", "hidden", "notes")}
    assert len(set(found.values())) == 1, found
    assert ("are for the run's owner and operators" in text) is not found["notes"]
    return found["notes"]


def test_only_who_may_change_the_run_is_offered_to(tables: Tables) -> None:
    Stage(tables).run(RUN, facts={"name": "n"}, owner={"earliness": 1, "name": OWNER}, labels=["x"])
    tokens = SomeTokens()
    for role, owns, may in (
        (Role.VIEWER, False, False), (Role.VIEWER, True, True), (Role.OPERATOR, False, True), (Role.ADMIN, False, True),
    ):  # fmt: skip
        assert offers(tokens, tables, tokens.headers(role, owns)) is may, (role, owns)
