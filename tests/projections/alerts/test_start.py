"""The notifier when it starts and what it needs is not there."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from projections.alerts import notifier as notifier_module
from schemas.metrics import NOTIFIER_ERRORS
from stores.tables.client import TablesUnavailable
from tests.support.alerts.notifier_stage import Play, Stage, running


def test_a_notifier_that_starts_while_the_tables_are_away_says_so_and_goes_on(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.target.open()
        notifier, away = stage.notifier(), True
        rows = stage.tables.rows

        def ask(sql: str, /, **parameters: Any) -> list[dict[str, Any]]:
            if away:
                raise TablesUnavailable("no route to ClickHouse")
            return rows(sql, **parameters)

        monkeypatch.setattr(stage.tables, "rows", ask)
        monkeypatch.setattr(notifier_module, "_PAUSE_SECONDS", 0.01)
        await stage.change("x", "failed")
        waits = "the notifier waits for log and tables, and tells nobody of anything until they answer"
        with capture_logs() as lines:
            async with running(notifier):
                await stage.until(lambda: len([x for x in lines if x["event"] == waits]) >= 3, "it says so")
                assert not stage.target.got and "no route to ClickHouse" in lines[0]["error"]
                away = False
                await stage.until(lambda: len(stage.target.took) == 1, "it goes on")
        assert {"event": "the notifier watches", "log_level": "info", "receivers": ["ops"]} in lines
        assert NOTIFIER_ERRORS._value.get() == errors

    errors = NOTIFIER_ERRORS._value.get()
    play(scene)
