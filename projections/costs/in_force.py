"""The price book in force: rows of `prices` with the greatest version. Written by `tracker up`, `migrate` and `prices`."""

import json
from decimal import Decimal
from typing import Any, Literal

from projections.costs.price_book import (
    MachineRule,
    PriceBook,
    Rate,
    Row,
    bundled,
    day_ms,
    machine_rows,
    unlike,
    with_newer,
)
from stores.tables.client import Tables

#: Where a book comes from: the file of TRACKER_PRICE_BOOK, the tracker itself, or `tracker prices import` and `refresh`.
Origin = Literal["file", "bundled", "import"]

_COLUMNS = ", ".join(Row._fields)
_DECIMALS = frozenset(("per_hour", "per_cpu_hour", "per_gib_hour", "per_gpu_hour"))


def put_in_force(tables: Tables, book: PriceBook | None, origin: Origin = "file") -> int:
    """Make the book the one in force and give its version; the version rises only where the content changed."""
    version = price_version(tables)
    if book is None:
        return version
    rows, rules = book.rows(), machine_rows(book)
    if (_rows(tables, version), _rules(tables, version)) != (rows, rules) or (
        version and not _said_of(tables, version)
    ):
        # A version from before books were described: what it priced lacks figures of today, and is priced anew.
        version += 1
        lines = [json.dumps({"version": version} | row._asdict()) for row in rows]
        for start in range(0, len(lines), 20_000):
            tables.insert("prices", "\n".join(lines[start : start + 20_000]).encode())
        if rules:
            tables.insert(
                "machine_rules", "\n".join(json.dumps({"version": version} | r) for r in rules).encode()
            )
    head = {
        "version": version,
        "origin": origin,
        "source": book.source,
        "region": book.region,
        "date": book.date,
        "currency": book.currency,
        "spot_discount": None if book.spot_discount is None else _comparable(book.spot_discount),
        "rates": len(rows),
    }
    said = {k: v for k, v in _said_of(tables, version).items() if k in head}
    if {k: _comparable(v) for k, v in said.items()} != {k: _comparable(v) for k, v in head.items()}:
        tables.insert("price_books", json.dumps(head).encode())
    return version


def machine_types_of_tasks(tables: Tables, most: int) -> list[str]:
    """The machine types that tasks ran on, those of most tasks first."""
    rows = tables.rows(
        "SELECT toString(machine_type) AS name FROM tasks WHERE ifNull(machine_type, '') != '' "
        "GROUP BY name ORDER BY count() DESC, name LIMIT {most:UInt32}",
        most=most,
    )
    return [r["name"] for r in rows]


def _rules(tables: Tables, version: int) -> list[dict[str, Any]]:
    """Rows of `machine_rules` of one version, without it, in their order."""
    return tables.rows(
        "SELECT * EXCEPT version FROM machine_rules FINAL WHERE version = {v:UInt64} ORDER BY place",
        v=version,
    )


def _said_of(tables: Tables, version: int) -> dict[str, Any]:
    """The row of `price_books` of this version; empty where there is none."""
    rows = tables.rows("SELECT * FROM price_books FINAL WHERE version = {v:UInt64}", v=version)
    return rows[0] if rows else {}


def _comparable(value: object) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def put_default_in_force(tables: Tables) -> int:
    """Where no book was chosen: the bundled one, from its day on if an older one is in force. What was imported stays."""
    origin, book = book_origin(tables), bundled().whole()
    if origin == "bundled":
        before = stored_book(tables)
        if before.date == book.date:
            return price_version(tables)
        book = with_newer(before, book, day_ms(book.date))
    elif origin:
        return price_version(tables)
    return put_in_force(tables, book, "bundled")


def price_version(tables: Tables) -> int:
    """Version of the book in force; 0 where there is none."""
    return int(tables.value("SELECT max(version) FROM prices"))


def book_origin(tables: Tables) -> str:
    """Where the book in force comes from; '' where there is none. One from before this was kept came from a file."""
    version = price_version(tables)
    return str(_said_of(tables, version).get("origin") or ("file" if version else ""))


def stored_book(tables: Tables, version: int | None = None) -> PriceBook:
    """The book of this version, or the one in force; without a rate where there is none."""
    version = price_version(tables) if version is None else version
    head, rows = _said_of(tables, version), _rows(tables, version)
    return PriceBook.model_construct(
        currency=rows[0].currency if rows else str(head.get("currency", "USD")),
        source=str(head.get("source", "")),
        region=str(head.get("region", "")),
        date=str(head.get("date", "")),
        base="",
        spot_discount=head.get("spot_discount"),
        rates=[_rate(row) for row in rows],
        machines=[_machine(rule) for rule in _rules(tables, version)],
    )


def _machine(rule: dict[str, Any]) -> MachineRule:
    patterns = {name: unlike(rule[name]) for name in ("executor", "queue", "hostname")}
    return MachineRule.model_construct(None, **(rule | patterns))


def _rate(row: Row) -> Rate:
    values: dict[str, Any] = row._asdict()
    for name in _DECIMALS:
        values[name] = None if values[name] is None else Decimal(values[name])
    values |= {"minimum_seconds": values.pop("minimum_ms") // 1000, "valid_from": values.pop("valid_from_ms")}
    del values["currency"]
    return Rate.model_construct(None, **values)


def _rows(tables: Tables, version: int) -> list[Row]:
    """Rows of one version, in the order of `PriceBook.rows`."""
    found = tables.rows(f"SELECT {_COLUMNS} FROM prices FINAL WHERE version = {{v:UInt64}}", v=version)
    rows = [Row(**r | {k: _plain(r[k]) for k in _DECIMALS}) for r in found]
    return sorted(rows, key=lambda row: tuple(map(str, row)))


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"
