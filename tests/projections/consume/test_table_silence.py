"""A ClickHouse that takes connections and says nothing: it is given up in time, tried again, and not taken for a dead projector.

The limits of time are the fault itself, so a second passes; nothing here waits in order to be in step.
"""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx
import pytest

from api.app import create_app
from projections.consume.group import observe
from projections.consume.watchdog import OWN_SECONDS
from projections.consume.work import Work
from schemas.settings import Settings
from stores.log.port import EventLog
from stores.tables import client as adapter
from stores.tables.client import ANSWERING, PATIENT, PROJECTING, Tables, TablesUnavailable, Timeouts
from stores.tables.migrate import migrate
from tests.support.api.stage import T0
from tests.support.log import MemoryLog
from tests.support.reference.compare import differences
from tests.support.reference.reducer import reduce
from tests.support.services.clickhouse import ClickHouseServer
from tests.support.services.line import Line
from tests.support.table_faults import LIMITS, Watched, history, projector

SHORT = Timeouts(connect=1, silence=1)


def over(line: Line, database: str = "default", timeouts: Timeouts = SHORT) -> Tables:
    return Tables(f"http://default@127.0.0.1:{line.port}/{database}", Path(), timeouts=timeouts)


def test_the_projectors_limit_is_below_the_watchdogs_and_readers_wait_less() -> None:
    longest = PROJECTING.connect + PROJECTING.silence
    assert longest < 0.75 * OWN_SECONDS
    assert ANSWERING.connect + ANSWERING.silence < longest / 2


@pytest.mark.clickhouse
@pytest.mark.parametrize("timeouts", [PATIENT, PROJECTING, ANSWERING])
def test_a_server_is_asked_to_tell_of_its_progress_before_it_is_given_up(
    clickhouse_server: ClickHouseServer, timeouts: Timeouts
) -> None:
    with Line(clickhouse_server.port) as line:
        tables = over(line, timeouts=timeouts)
        tables.command("SELECT 'this one'")
        tables.close()
    [asked] = [h for h in line.heard.split(b"POST ") if b"'this one'" in h]
    told = parse_qs(urlsplit(asked.split()[0].decode()).query)
    assert told["send_progress_in_http_headers"] == ["1"]
    assert int(told["http_headers_progress_interval_ms"][0]) < timeouts.silence * 1000


@pytest.mark.clickhouse
@pytest.mark.parametrize("dies_at", [b"hang.tasks", b"INSERT INTO run_figures"])
def test_the_projector_waits_and_all_lands_once(
    clickhouse_server: ClickHouseServer, monkeypatch: pytest.MonkeyPatch, dies_at: bytes
) -> None:
    monkeypatch.setattr(adapter, "_PAUSE_SECONDS", 0.0)
    straight = Tables(clickhouse_server.database_url("hang"), Path())
    migrate(straight)
    h, stop = history(), Watched()
    with Line(clickhouse_server.port, dies_at) as line:
        tables = over(line, "hang")
        work = Work(projector(tables, stop))
        work.assign(frozenset({0}))
        working = threading.Thread(target=lambda: asyncio.run(work.project(h.records)))
        working.start()
        try:
            assert line.died.wait(30) and stop.waited.wait(30)
            assert waits(work)
            looked = asyncio.run(observe(work, cast(EventLog, None)))
            assert looked is None, "it waits, which no restart would mend"
            line.mend()
            working.join(30)
            assert not working.is_alive() and not waits(work)
            work.projector.refresh_all()
        finally:
            stop.set()
            working.join()
            tables.close()
    assert differences(straight, reduce(h.messages, LIMITS, lambda _: 0), LIMITS) == []
    straight.drop_database()
    straight.close()


def waits(work: Work) -> bool:
    return work.projector.writer.waiting


def test_readers_are_told_503_and_need_not_queue_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a client while others find out that the server is silent is answered with them."""
    monkeypatch.setattr(adapter, "_PAUSE_SECONDS", 600.0)

    async def ask(app: object, times: int) -> list[httpx.Response]:
        found: list[httpx.Response] = []
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://tracker") as client:

            async def one() -> None:
                found.append(await client.get("/api/v1/runs"))

            async with anyio.create_task_group() as group:
                for _ in range(times):
                    group.start_soon(one)
        return found

    with Line() as line:
        tables = over(line)
        answers = anyio.run(ask, create_app(tables, MemoryLog(), Settings(), lambda: T0), 30)
        assert {(a.status_code, a.headers.get("retry-after")) for a in answers} == {(503, "5")}
        assert len(answers) == 30 and 1 <= line.connections <= 4
        tables.close()


def test_it_is_asked_again_after_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "_PAUSE_SECONDS", 0.0)
    with Line() as line, ThreadPoolExecutor(1) as pool:
        tables = over(line)
        for _ in range(2):
            with pytest.raises(TablesUnavailable, match="timed out"):
                pool.submit(tables.rows, "SELECT 1").result(30)
        assert line.connections == 2 and not tables.ping()
        tables.close()
