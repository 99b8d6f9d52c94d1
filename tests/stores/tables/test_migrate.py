"""Migrations: once each, never edited, and what is there is told."""

import pytest

from stores.tables import migrate as migrations
from stores.tables.client import Tables
from stores.tables.migrate import Migration, MigrationError

pytestmark = pytest.mark.each_store


def test_every_file_is_applied_once(own_tables: Tables) -> None:
    assert all(m.applied_at is not None for m in migrations.status(own_tables))
    assert migrations.migrate(own_tables) == []


def test_names_are_numbered_without_a_gap() -> None:
    numbers = [int(m.name[:4]) for m in migrations.released()]
    assert numbers == sorted(set(numbers))
    assert all(m.name[4] == "_" for m in migrations.released())


def test_a_crash_between_two_files_is_resumed(own_tables: Tables) -> None:
    last = migrations.released()[-1].name
    own_tables.command(
        "ALTER TABLE migrations DELETE WHERE name = {n:String} SETTINGS mutations_sync = 2", n=last
    )
    assert migrations.migrate(own_tables) == [last]


def test_an_edited_file_is_refused(own_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *rest = migrations.released()
    edited = Migration(first.name, first.sql + " -- edited", "another checksum")
    monkeypatch.setattr(migrations, "released", lambda: [edited, *rest])
    with pytest.raises(MigrationError, match=first.name):
        migrations.migrate(own_tables)


def test_a_newer_database_is_refused(own_tables: Tables) -> None:
    own_tables.command("INSERT INTO migrations (name, checksum) VALUES ('9999_future.sql', 'x')")
    with pytest.raises(MigrationError, match=r"newer version.*9999_future"):
        migrations.migrate(own_tables)


def test_for_a_cluster_each_statement_goes_to_all_replicas_and_tables_are_replicated(tables: Tables) -> None:
    """Checked by ClickHouse's own parser."""
    alone = {m.name: m for m in migrations.released()}
    for m in migrations.released("main-1"):
        ast = "\n".join(r["explain"] for r in tables.rows(f"EXPLAIN AST {m.sql}"))
        assert m.checksum == alone[m.name].checksum
        if "INSERT INTO" in m.sql:
            assert m.sql == alone[m.name].sql
            continue
        assert m.sql.count("ON CLUSTER 'main-1'") == 1
        assert ("Function Replicated" in ast) == ("CREATE TABLE" in m.sql), m.name


@pytest.mark.parametrize("name", ["a'b", "a b", "1", "x" * 101, "a;b"])
def test_what_is_no_name_of_a_cluster_is_refused(name: str) -> None:
    with pytest.raises(MigrationError, match="no name of a cluster"):
        migrations.released(name)


def test_one_server_is_not_taken_for_a_cluster(own_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not migrations.is_replicated(own_tables)
    monkeypatch.setattr(migrations, "is_replicated", lambda _: True)
    own_tables.command("ALTER TABLE migrations DELETE WHERE name LIKE '0001%' SETTINGS mutations_sync = 2")
    with pytest.raises(MigrationError, match="--cluster NAME"):
        migrations.migrate(own_tables)
