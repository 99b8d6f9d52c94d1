"""Changes of a run: the page offers them only to who may, and they reach the run that was checked."""

from collections.abc import Mapping
from typing import Any

import pytest

from api.core.db import sql as queries
from schemas.access import Role
from schemas.wire import decode
from stores.tables.client import Tables
from tests.support.api.access import OWNER, RUN, FewTables, Guarded, SomeTokens
from tests.support.api.stage import Stage


def offers(tokens: SomeTokens, tables: Tables, headers: Mapping[str, str]) -> bool:
    """Whether the page has forms to change the run. It has all of them, or none."""
    text = Guarded(tokens, tables).request("GET", f"/runs/{RUN}?tab=notes", headers=dict(headers)).text
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


class NameMoves(FewTables):
    """The name `nightly` means the caller's run once, and ever after the run `victim` of somebody else.

    That is what a caller gets who renames a run of their own between the check of their right and the act.
    """

    def __init__(self) -> None:
        self.resolved = 0

    def rows(self, sql: str, /, **parameters: Any) -> list[dict[str, Any]]:
        if sql == queries("runs/run_by_id"):
            return [] if parameters["run_id"] == "nightly" else [{"run_id": parameters["run_id"]}]
        if sql == queries("runs/run_by_name"):
            self.resolved += 1
            return [{"run_id": RUN if self.resolved == 1 else "victim"}]
        if sql == queries("runs/run_owner"):
            return [{"name": OWNER if parameters["run_id"] == RUN else "somebody else"}]
        if sql == queries("notes/note_known"):
            return [{"note_id": "n1"}]
        return super().rows(sql, **parameters)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/api/v1/runs/nightly/labels", {"json": {"labels": ["x"]}}),
        ("PUT", "/api/v1/runs/nightly/hidden", {"json": {"hidden": True}}),
        ("POST", "/api/v1/runs/nightly/notes", {"json": {"text": "x"}}),
        ("PUT", "/api/v1/runs/nightly/notes/n1", {"json": {"text": "x"}}),
        ("PUT", "/api/v1/runs/nightly/analysis", {"json": {"text": "x"}}),
        ("POST", "/runs/nightly/hidden", {"data": {"hidden": "yes"}}),
        ("POST", "/runs/nightly/notes", {"data": {"text": "x"}}),
    ],
)
def test_the_run_that_was_checked_is_the_run_that_is_changed(method: str, path: str, body: Any) -> None:
    tokens = SomeTokens()
    stage = Guarded(tokens, NameMoves())
    stage.request(method, path, headers=tokens.headers(Role.VIEWER, owns=True), **body)
    [(_, message)] = stage.log.messages[0]
    assert decode(message)[0].run_id == RUN
