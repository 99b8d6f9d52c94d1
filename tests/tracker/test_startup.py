"""What a process needs at its start and is not there yet is waited for; what is wrong is not."""

import asyncio

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from stores.log.port import LogUnavailable
from stores.tables.client import Tables, TablesUnavailable
from tracker import startup

pytestmark = pytest.mark.each_store


def test_tables_that_are_not_made_yet_are_waited_for(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "_RETRY_SECONDS", 0.001)
    nowhere = tables.beside("not_made_yet")
    asked = [LogUnavailable("away"), TablesUnavailable("away")]

    async def attempt() -> int:
        if asked:
            raise asked.pop()
        found = tables if made else nowhere
        made.append(True)
        return int(found.value("SELECT count() FROM prices"))

    made: list[bool] = []
    assert asyncio.run(startup.wait_for("the tables", attempt)) == 0 and len(made) == 2


def test_what_is_wrong_is_told_at_once(tables: Tables) -> None:
    async def attempt() -> None:
        tables.command("SELECT no_such_column FROM prices")

    with pytest.raises(ClickHouseError):
        asyncio.run(asyncio.wait_for(startup.wait_for("the tables", attempt), 30))
