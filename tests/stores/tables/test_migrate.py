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
    monkeypatch.setattr(migrations, "released", lambda _cluster="": [edited, *rest])
    with pytest.raises(MigrationError, match=first.name):
        migrations.migrate(own_tables)


def test_a_newer_database_is_refused(own_tables: Tables) -> None:
    own_tables.command("INSERT INTO migrations (name, checksum) VALUES ('9999_future.sql', 'x')")
    with pytest.raises(MigrationError, match=r"newer version.*9999_future"):
        migrations.migrate(own_tables)


def test_one_server_is_not_taken_for_a_cluster(own_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not migrations.is_replicated(own_tables)
    monkeypatch.setattr(migrations, "is_replicated", lambda _: True)
    own_tables.command("ALTER TABLE migrations DELETE WHERE name LIKE '0001%' SETTINGS mutations_sync = 2")
    with pytest.raises(MigrationError, match="--cluster NAME"):
        migrations.migrate(own_tables)
