"""What ClickHouse cannot do now is no bug: callers are told to ask again, whichever way it is said."""

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from stores.tables import client as adapter
from stores.tables.client import Tables, TablesUnavailable
from tests.support.api.stage import T0, Stage, problem

#: Fails when most of its rows are told.
_FAILS_LATE = "SELECT 'of another' AS run_id, throwIf(number = 200000) FROM numbers(300000)"
_DEAR = "SELECT length(groupArray(number)) FROM numbers(10000000)"


@pytest.mark.each_store
def test_what_lacks_memory_or_time_may_succeed_later(tables: Tables) -> None:
    with pytest.raises(TablesUnavailable, match="MEMORY_LIMIT_EXCEEDED"):
        tables.rows(f"{_DEAR} SETTINGS max_memory_usage = 1000000")
    with pytest.raises(TablesUnavailable, match="TIMEOUT_EXCEEDED"):
        tables.rows(
            "SELECT sleepEachRow(0.1) FROM numbers(30) SETTINGS max_execution_time = 1, max_block_size = 1"
        )


@pytest.mark.each_store
def test_what_a_statement_told_before_it_failed_is_in_no_other_answer(tables: Tables) -> None:
    """Else whoever asks next is shown the rows of somebody else, or gets a 500 for want of a column."""
    alone = Tables(tables.target, tables.path, tables.database, clients=1)
    try:
        for ask in (alone.rows, alone.command):
            with pytest.raises((DatabaseError, TablesUnavailable)):
                ask(_FAILS_LATE)
            assert alone.rows("SELECT 1 AS one") == [{"one": 1}]
        with pytest.raises(TablesUnavailable):
            alone.rows(
                "SELECT sleepEachRow(0.1) FROM numbers(30) SETTINGS max_execution_time = 1, max_block_size = 1"
            )
        assert alone.rows("SELECT 1 AS one") == [{"one": 1}]
    finally:
        alone.close()


def test_a_client_that_cannot_be_emptied_is_not_used_again(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise DatabaseError("Code: 241. DB::Exception: memory", code=241)

    alone = Tables(tables.target, tables.path, tables.database, clients=1)
    try:
        alone.command("SELECT 1")
        [client] = alone._clients
        monkeypatch.setattr(client, "raw_query", refuse)
        with pytest.raises(DatabaseError):
            alone.rows(_FAILS_LATE)
        assert alone.rows("SELECT 1 AS one") == [{"one": 1}] and client not in alone._clients
    finally:
        alone.close()


@pytest.mark.each_store
@pytest.mark.parametrize(
    "wrong", ["SELECT FROM", "SELECT nothing", "SELECT 1 FROM nowhere", "SELECT throwIf(1)"]
)
def test_a_wrong_statement_is_refused_for_good(tables: Tables, wrong: str) -> None:
    with pytest.raises(ClickHouseError):
        tables.rows(wrong)


@pytest.mark.parametrize(
    ("said", "code", "now"),
    [
        ("HTTP driver received HTTP status 502, server response: bad gateway", None, True),
        ("HTTP driver received HTTP status 403, server response: no", None, False),
        ("Received ClickHouse exception, code: 202", 202, True),
        ("Received ClickHouse exception, code: 516", 516, False),
        ("The client has been closed", None, False),
    ],
)
def test_what_a_server_or_a_proxy_says(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, said: str, code: int | None, now: bool
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise DatabaseError(said, code=code)

    tables.command("SELECT 1")
    for client in tables._clients:
        monkeypatch.setattr(client, "query", refuse)
    with pytest.raises(TablesUnavailable if now else DatabaseError, match=said[:20]):
        tables.rows("SELECT 1")


def test_a_note_that_cannot_be_resolved_now_is_to_be_sent_again(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    Stage(tables).run("r", facts={"name": "giant"})
    monkeypatch.setattr(adapter, "_PLANNING", {"max_memory_usage": 1000})
    poor = Tables(tables.target, tables.path, tables.database, clients=1)
    stage = Stage(poor)
    try:
        for method, path in (
            ("POST", "/runs/giant/notes"),
            ("PUT", "/runs/giant/analysis"),
            ("GET", "/runs/giant"),
        ):
            answer = stage.request(method, f"/api/v1{path}", json={"text": "x"} if method != "GET" else None)
            assert problem(answer, 503)["detail"] == "the tables do not answer"
            assert answer.headers["retry-after"] == "5"
        page = stage.request("GET", "/runs/giant", headers={"Accept": "text/html"})
        assert page.status_code == 503 and "The tables do not answer" in page.text
    finally:
        poor.close()
    assert stage.now > T0 and not any(stage.log.partitions), "nothing of it is on the log"
