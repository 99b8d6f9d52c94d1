"""Makes the tables: applies the files of `schemas/tables/` in order, once each, and remembers their checksums.

Forward only: a released file is never edited (its checksum is compared), a change is a new file. Engines stand in the
files as `${Replacing}` and `${Aggregating}`, so that the same file can serve one server or chDB, and a cluster's
Replicated engines once they are wanted.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from string import Template

from stores.tables.client import Tables

ENGINES = {"Replacing": "ReplacingMergeTree", "Aggregating": "AggregatingMergeTree"}

_LEDGER = """
CREATE TABLE IF NOT EXISTS migrations (name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = ReplacingMergeTree ORDER BY name
"""


class MigrationError(Exception):
    """A released file was edited or is gone; the message says which and what to do."""


@dataclass(frozen=True)
class Migration:
    """One file; `applied_at` is None while it waits."""

    name: str
    sql: str
    checksum: str
    applied_at: datetime | None = None


def released() -> list[Migration]:
    """The files that this version brings, in order."""
    sql_files = sorted(
        (f for f in files("schemas.tables").iterdir() if f.name.endswith(".sql")), key=lambda f: f.name
    )
    texts = [(f.name, f.read_text("utf-8")) for f in sql_files]
    return [
        Migration(name, Template(text).substitute(ENGINES), hashlib.sha256(text.encode()).hexdigest())
        for name, text in texts
    ]


def status(tables: Tables) -> list[Migration]:
    """Each file, with when it was applied. Raises MigrationError if what was applied is not what the files say."""
    applied = {
        r["name"]: r
        for r in tables.rows("SELECT name, checksum, applied_at FROM migrations FINAL ORDER BY name")
    }
    result = []
    for m in released():
        row = applied.pop(m.name, None)
        if row and row["checksum"] != m.checksum:
            raise MigrationError(
                f"{m.name} was edited after it was applied to {tables.database}; undo the edit and write a new file"
            )
        result.append(Migration(m.name, m.sql, m.checksum, row["applied_at"] if row else None))
    if applied:
        raise MigrationError(
            f"{tables.database} was made by a newer version: it has {', '.join(sorted(applied))}"
        )
    return result


def migrate(tables: Tables) -> list[str]:
    """Apply what waits; the names of the files applied, in order. Safe to run again after a crash at any point."""
    tables.create_database()
    tables.command(_LEDGER)
    waiting = [m for m in status(tables) if m.applied_at is None]
    for m in waiting:
        tables.command(m.sql)
        tables.command(
            "INSERT INTO migrations (name, checksum) SELECT {name:String}, {checksum:String}",
            name=m.name,
            checksum=m.checksum,
        )
    return [m.name for m in waiting]
