"""Compares what is stored: two databases of tables, figures with a fresh reading of the tasks, tables with the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from projections.hosts.sharing import SHARES
from projections.project.refresh import FIGURES, RUNS_AT_ONCE
from projections.sql import sql
from stores.log.port import Bounds
from stores.tables.client import Tables

#: The version of figures without their mark (`host_marks`).
_UNMARKED = "bitAnd(version, bitNot(bitShiftLeft(toUInt128(4294967295), 32)))"

#: What a replay must make again, row by row: for each table the rows that count. (`prices` is no projection; `watermarks` is
#: how far the projector came.)
CONTENT = {
    "tasks": "SELECT *, rank, version FROM {db}.tasks FINAL",
    # Rows from before `first_dialect` need not know how early it was said; `dialect` is written no more.
    "runs": "SELECT * EXCEPT (dialect, first_dialect), first_dialect.name AS by FROM (SELECT * FROM {db}.runs FINAL)",
    "events": "SELECT * FROM {db}.events FINAL",
    "clocks": "SELECT * FROM {db}.clocks FINAL",
    "transitions": "SELECT * FROM {db}.transitions FINAL",
    "dead_letters": "SELECT * FROM {db}.dead_letters FINAL",
    "notes": "SELECT * FROM {db}.notes FINAL",
    "alert_acts": "SELECT * FROM {db}.alert_acts FINAL",
    "letter_replays": "SELECT * FROM {db}.letter_replays FINAL",
    "spools": "SELECT * FROM {db}.spools FINAL",
    # Which request it was that said so is not known of runs from before.
    "executions": (
        "SELECT run_id, argMax((start_ms, ended_ms, announced), offset) AS known FROM {db}.executions GROUP BY run_id"
    ),
    "outputs": "SELECT * FROM {db}.outputs FINAL",
    "output_folders": "SELECT * FROM {db}.output_folders FINAL",
    "output_deletions": "SELECT * FROM {db}.output_deletions FINAL",
    "output_reports": "SELECT * FROM {db}.output_reports FINAL",
    "hosts": "SELECT hostname, owner, from_ms, said FROM {db}.hosts FINAL",
    # How often hosts changed under a run depends on the order in which its neighbours were projected; the figures do not.
    "run_processes": (
        "SELECT p.* REPLACE ("
        + _UNMARKED
        + " AS version) FROM (SELECT * FROM {db}.run_processes FINAL) AS p INNER JOIN "
        "(SELECT run_id, max(version) AS version FROM {db}.run_processes GROUP BY run_id) AS newest "
        "ON p.run_id = newest.run_id AND p.version = newest.version"
    ),
    "run_figures": "SELECT * REPLACE (" + _UNMARKED + " AS version) FROM {db}.run_figures FINAL",
    "run_list": "SELECT * REPLACE ("
    + _UNMARKED.replace("128", "256")
    + " AS version) FROM {db}.run_list FINAL",
    "host_attempts": (
        "SELECT hostname, scope, run_id, attempts FROM {db}.host_attempts FINAL WHERE notEmpty(attempts)"
    ),
    "host_costs": "SELECT * EXCEPT version FROM {db}.host_costs FINAL WHERE on_host = 1",
}

_ROW_HASH = "cityHash64(toString(tuple(*)))"
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it must be, in words."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def databases(tables: Tables, left: str, right: str) -> list[Difference]:
    """Where the tables of two databases of one ClickHouse differ: counts of rows that only one of them has, and samples."""
    differences = []
    for table, query in CONTENT.items():
        for one, other in ((left, right), (right, left)):
            only = f"{query.format(db=one)} EXCEPT DISTINCT {query.format(db=other)}"
            count = int(tables.value(f"SELECT count() FROM ({only})"))
            if count:
                sample = tables.rows(f"SELECT * FROM ({only}) LIMIT 1")[0]
                differences.append(Difference(table, f"{count} rows only in {one}, such as {_short(sample)}"))
    return differences


def figures(tables: Tables, price_version: int) -> list[Difference]:
    """Runs whose stored figures are not what their tasks say now."""
    differences = []
    runs = tables.rows("SELECT run_id, offset FROM (SELECT run_id, offset FROM runs FINAL) ORDER BY run_id")
    for start in range(0, len(runs), RUNS_AT_ONCE):
        chunk = runs[start : start + RUNS_AT_ONCE]
        ids = [r["run_id"] for r in chunk]
        marked = tables.rows(
            "SELECT run_id, mark FROM host_marks FINAL WHERE run_id IN {ids:Array(String)}", ids=ids
        )
        marks = {r["run_id"]: r["mark"] for r in marked}
        parameters = {
            "run_ids": ids,
            "offsets": [r["offset"] for r in chunk],
            "marks": [marks.get(run_id, 0) for run_id in ids],
            "price_version": price_version,
            "from_ms": 0,
        }
        for query in SHARES.values():
            differences += [
                Difference(f"{query} {row['run_id']}", "not what its tasks and hosts say")
                for row in tables.rows(sql(query), **parameters)
            ]
        for table, query in FIGURES.items():
            fresh = _by_key(
                tables.rows(f"SELECT * REPLACE ({_UNMARKED} AS version) FROM ({sql(query)})", **parameters)
            )
            content = CONTENT[table].format(db=tables.database)
            stored = _by_key(
                tables.rows(f"SELECT * FROM ({content}) WHERE run_id IN {{ids:Array(String)}}", ids=ids)
            )
            for key in sorted(fresh.keys() | stored.keys()):
                if fresh.get(key) != stored.get(key):
                    differences.append(
                        Difference(
                            f"{table} {' '.join(key)}", _fields_that_differ(stored.get(key), fresh.get(key))
                        )
                    )
    return differences


def incomplete(tables: Tables) -> list[tuple[str, str, int]]:
    """Runs that are over and did not tell all of their tasks: (name, id, tasks not told). Nothing is wrong with the tables."""
    return [tuple(r.values()) for r in tables.rows(sql("replay/incomplete"))]


def projected(tables: Tables) -> dict[int, int]:
    """Partition → the offset before which every message is in the tables."""
    rows = tables.rows("SELECT partition, offset FROM watermarks FINAL")
    return {r["partition"]: r["offset"] + 1 for r in rows}


def log_and_tables(
    tables: Tables, projected: Mapping[int, int], bounds: Mapping[int, Bounds]
) -> list[Difference]:
    """Partitions of which the tables do not hold each message before `projected` exactly once, or more than the log has.

    Beside a running tracker, `projected` must have been read before the log's bounds, since both grow.
    """
    counted = {
        r["partition"]: r
        for r in tables.rows(
            "SELECT partition, uniqExact(offset) AS messages, min(offset) AS first, max(offset) AS last "
            "FROM events GROUP BY partition"
        )
    }
    differences = []
    for partition, bound in sorted(bounds.items()):
        where = f"partition {partition}"
        next_offset = projected.get(partition, bound.first)
        if next_offset > bound.end:
            differences.append(
                Difference(where, f"projected up to {next_offset}, but the log ends at {bound.end}")
            )
        row = counted.get(partition)
        if row is None:
            if next_offset > bound.first:
                differences.append(Difference(where, "no message in events"))
            continue
        if row["last"] - row["first"] + 1 != row["messages"] or row["last"] + 1 < next_offset:
            differences.append(
                Difference(
                    where,
                    f"{row['messages']} messages in events between offsets {row['first']} and {row['last']}",
                )
            )
        if row["first"] > bound.first:
            differences.append(
                Difference(where, f"events begin at offset {row['first']}, the log at {bound.first}")
            )
    return differences


def _by_key(rows: Sequence[dict[str, Any]]) -> dict[tuple[str, ...], dict[str, Any]]:
    result: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        plain = {name.removeprefix("p."): value for name, value in row.items()}
        result[tuple(plain[name] for name in ("run_id", "process") if name in plain)] = plain
    return result


def _fields_that_differ(stored: dict[str, Any] | None, fresh: dict[str, Any] | None) -> str:
    if stored is None or fresh is None:
        return "missing" if stored is None else "names no task any more"
    fields = [f"{k} is {stored[k]}, its tasks say {v}" for k, v in fresh.items() if stored.get(k) != v]
    return "; ".join(fields[:_SHOWN])


def _short(row: Mapping[str, Any]) -> str:
    text = str(row)
    return text if len(text) <= 300 else text[:300] + "…"
