"""Tables for the tests: one database a store and session, emptied before each test that asks. No test stands here."""

from collections.abc import Iterator
from copy import copy
from itertools import count
from pathlib import Path

import pytest

from stores.tables.client import Tables
from stores.tables.migrate import migrate
from tests.support.services.clickhouse import ClickHouseServer

STORES = ["chdb", pytest.param("server", marks=pytest.mark.clickhouse)]
_DATABASES = (f"test_{n}" for n in count())


@pytest.fixture(scope="session")
def chdb_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    """chDB admits one path a process: a test that wants tables of its own takes another database."""
    root = Tables("chdb", tmp_path_factory.getbasetemp() / "chdb")
    yield root
    root.close()


@pytest.fixture(scope="session")
def _chdb_database(chdb_root: Tables) -> Iterator[Tables]:
    yield from _shared(chdb_root.beside("test"))


@pytest.fixture(scope="session")
def _server_database(clickhouse_server: ClickHouseServer) -> Iterator[Tables]:
    yield from _shared(Tables(clickhouse_server.database_url("test"), Path()))


@pytest.fixture
def tables(request: pytest.FixtureRequest) -> Tables:
    """Empty tables in chDB. A test that is marked `each_store` runs again on a real server; one that changes more than rows
    takes `own_tables`."""
    store = getattr(request, "param", "chdb")
    database: Tables = request.getfixturevalue(f"_{store}_database")
    return emptied(database)


@pytest.fixture
def both_tables(_chdb_database: Tables, _server_database: Tables) -> tuple[Tables, Tables]:
    """Empty tables in chDB, and on a real server."""
    return emptied(_chdb_database), emptied(_server_database)


@pytest.fixture
def own_tables(request: pytest.FixtureRequest) -> Iterator[Tables]:
    """Empty tables in a database that no other test sees. Making one takes half a second."""
    name = next(_DATABASES)
    embedded = getattr(request, "param", "chdb") == "chdb"
    root = request.getfixturevalue("_chdb_database" if embedded else "_server_database")
    yield from _migrated(root.beside(name))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that is marked `each_store` gets its tables in chDB and on a real server."""
    if metafunc.definition.get_closest_marker("each_store"):
        for fixture in {"tables", "own_tables"} & set(metafunc.fixturenames):
            metafunc.parametrize(fixture, STORES, indirect=True)


def emptied(tables: Tables) -> Tables:
    """The same tables as `migrate` made them, with nothing left of the test before: its rows, its stopped merges, or what it
    set on the object."""
    fresh = copy(tables)
    fresh.command("SYSTEM START MERGES")
    fresh.command(f"TRUNCATE ALL TABLES FROM {fresh.database} NOT LIKE 'migrations'")
    return fresh


def _migrated(tables: Tables) -> Iterator[Tables]:
    migrate(tables)
    yield tables
    tables.drop_database()
    tables.close()


def _shared(tables: Tables) -> Iterator[Tables]:
    for migrated in _migrated(tables):
        made = _definitions(migrated)
        yield migrated
        assert _definitions(migrated) == made, "a test that changes more than rows takes own_tables"


def _definitions(tables: Tables) -> dict[str, str]:
    """What each table and view is, and which migrations are known."""
    found = tables.rows(
        "SELECT name, create_table_query AS definition FROM system.tables WHERE database = currentDatabase()"
        " UNION ALL SELECT name, checksum FROM migrations FINAL"
    )
    return {r["name"]: r["definition"] for r in found}
