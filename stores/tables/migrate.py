"""Makes the tables: applies the files of `schemas/tables/` in order, once each, and remembers their checksums.

Forward only: a released file is never edited (its checksum is compared), a change is a new file. Engines stand in the
files as `${Replacing}` and `${Aggregating}`, so that the same file serves one server or chDB, and the replicas of a cluster:
there each statement goes ON CLUSTER, and the engines are the replicated ones. Which it is a database remembers by its tables.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from string import Template

from stores.tables.client import Tables

ENGINES = {"Replacing": "ReplacingMergeTree", "Aggregating": "AggregatingMergeTree"}

_LEDGER = """
CREATE TABLE IF NOT EXISTS migrations (name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = ${Replacing} ORDER BY name
"""
#: What a statement makes or changes: an INSERT goes to one replica, and the others get its rows.
_CHANGED = re.compile(
    r"^(?:CREATE (?:TABLE IF NOT EXISTS|OR REPLACE VIEW)|ALTER TABLE|DROP VIEW IF EXISTS) \w+", re.M
)
#: Names of clusters stand in the configuration of servers; one that needs quotes is none of these.
_CLUSTER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")


class MigrationError(Exception):
    """A released file was edited or is gone, or the tables are a cluster's; the message says which and what to do."""


@dataclass(frozen=True)
class Migration:
    """One file; `applied_at` is None while it waits."""

    name: str
    sql: str
    checksum: str
    applied_at: datetime | None = None


def released(cluster: str = "") -> list[Migration]:
    """The files that this version brings, in order; for one server, or for the replicas of a cluster."""
    sql_files = sorted(
        (f for f in files("schemas.tables").iterdir() if f.name.endswith(".sql")), key=lambda f: f.name
    )
    texts = [(f.name, f.read_text("utf-8")) for f in sql_files]
    return [
        Migration(name, statement(text, cluster), hashlib.sha256(text.encode()).hexdigest())
        for name, text in texts
    ]


def statement(text: str, cluster: str = "") -> str:
    """Pure. The text of a file with its engines; for a cluster with the replicated ones, and ON CLUSTER. Raises MigrationError
    for what cannot be the name of one."""
    if not cluster:
        return Template(text).substitute(ENGINES)
    if not _CLUSTER.fullmatch(cluster):
        raise MigrationError(f"{cluster!r} is no name of a cluster: give one of system.clusters")
    engines = {name: f"Replicated{engine}" for name, engine in ENGINES.items()}
    return _CHANGED.sub(rf"\g<0> ON CLUSTER '{cluster}'", Template(text).substitute(engines), count=1)


def status(tables: Tables, cluster: str = "") -> list[Migration]:
    """Each file, with when it was applied. Raises MigrationError if what was applied is not what the files say."""
    applied = {
        r["name"]: r
        for r in tables.rows("SELECT name, checksum, applied_at FROM migrations FINAL ORDER BY name")
    }
    result = []
    for m in released(cluster):
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


def migrate(tables: Tables, cluster: str = "") -> list[str]:
    """Apply what waits; the names of the files applied, in order. Safe to run again after a crash at any point. `cluster`: on
    each of its replicas. Raises MigrationError if something waits for tables of a cluster and none is named, or the reverse."""
    ledger = statement(_LEDGER, cluster)
    tables.create_database(cluster)
    tables.command(ledger)
    waiting = [m for m in status(tables, cluster) if m.applied_at is None]
    if waiting and is_replicated(tables) != bool(cluster):
        raise MigrationError(
            f"the tables of {tables.database} are a cluster's: run `tracker migrate --cluster NAME`"
            if not cluster
            else f"the tables of {tables.database} are one server's: name another database for the cluster"
        )
    for m in waiting:
        tables.command(m.sql)
        tables.command(
            "INSERT INTO migrations (name, checksum) SELECT {name:String}, {checksum:String}",
            name=m.name,
            checksum=m.checksum,
        )
    return [m.name for m in waiting]


def is_replicated(tables: Tables) -> bool:
    """Whether the tables are those of a cluster."""
    engine = "SELECT engine FROM system.tables WHERE database = {database:String} AND name = 'migrations'"
    return str(tables.value(engine, database=tables.database)).startswith("Replicated")
