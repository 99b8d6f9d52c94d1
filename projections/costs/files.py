"""Files of prices: our JSON and CSV, and AWS's own list of offers of a region. Pure but for reading the lines that are given.

What is wrong in a file is a BadBook that names the line; nothing of the file is used then.
"""

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from projections.costs.price_book import RATES_MAX, BadBook, PriceBook, Rate

#: The first cell of AWS's list of offers.
_AWS = "FormatVersion"
#: What a row of AWS's must say to be a Linux machine by the hour that nobody else shares out: column → values.
_WANTED = {
    "TermType": ("OnDemand",),
    "Unit": ("Hrs",),
    "Tenancy": ("Shared",),
    "Operating System": ("Linux",),
    "CapacityStatus": ("Used",),
    "Pre Installed S/W": ("NA", ""),
    "License Model": ("No License required", "NA", ""),
}
_NEEDED = ("Instance Type", "PricePerUnit", "Currency", "vCPU", "Memory", "Region Code", *_WANTED)


def read_file(path: Path) -> PriceBook:
    """The book of a file, not yet on its base. Raises OSError and BadBook."""
    try:
        if path.suffix.lower() == ".json":
            return PriceBook.model_validate_json(path.read_bytes())
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return read_csv(lines)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadBook(f"{path.name}: {where + ': ' if where else ''}{first['msg']}") from None
    except UnicodeDecodeError:
        raise BadBook(f"{path.name} is no text: unpack it first") from None


def read_csv(lines: Iterable[str]) -> PriceBook:
    """AWS's list of offers, or ours: a header with fields of a rate, and `currency`. Raises BadBook, ValidationError."""
    rows = csv.reader(lines, strict=True)
    try:
        first = next(rows, [])
        return _aws(rows) if first[:1] == [_AWS] else _ours(first, rows)
    except csv.Error as e:
        raise BadBook(f"line {rows.line_num}: {e}: the file is cut or damaged") from None


def _aws(rows: Any) -> PriceBook:
    date, header = "", []
    for row in rows:
        if row[:1] == ["Publication Date"] and len(row) > 1:
            date = row[1][:10]
        if row[:1] == ["SKU"]:
            header = row
            break
    if missing := [c for c in _NEEDED if c not in header]:
        raise BadBook(f"no list of offers of EC2: it lacks {', '.join(missing)}")
    currencies: set[str] = set()
    regions: set[str] = set()
    rates: dict[tuple[str, str], Rate] = {}
    for cells in _whole_rows(header, rows):
        if not all(cells[c] in values for c, values in _WANTED.items()) or not cells["Instance Type"]:
            continue
        price = _decimal(cells["PricePerUnit"], rows.line_num)
        if price == 0:  # of reserved capacity, and the like
            continue
        currencies.add(cells["Currency"])
        regions.add(cells["Region Code"])
        key = (cells["Region Code"], cells["Instance Type"])
        if key in rates and rates[key].per_hour != price:
            raise BadBook(f"line {rows.line_num}: {key[1]} in {key[0]} has two prices")
        known = {
            "machine_type": key[1],
            "price_model": "on-demand",
            "zone": key[0],
            "per_hour": price,
            "vcpus": int(_decimal(cells["vCPU"], rows.line_num)),
            "memory_mib": _mib(cells["Memory"], rows.line_num),
        }
        rates[key] = _rate(known, rows.line_num)
    if not rates:
        raise BadBook("it has no on-demand price of a Linux machine")
    return PriceBook(
        currency=_one(currencies),
        source="AWS on-demand list prices, Linux",
        region=", ".join(sorted(regions))[:100],
        date=date,
        rates=list(rates.values()),
    )


def _ours(header: list[str], rows: Any) -> PriceBook:
    known = {*Rate.model_fields, "currency"}
    if not header or not set(header) <= known:
        unknown = ", ".join(sorted(set(header) - known)) or "nothing"
        raise BadBook(f"the header names {unknown}; columns are {', '.join(sorted(known))}")
    currencies: set[str] = set()
    rates = []
    for cells in _whole_rows(header, rows):
        currencies.add(cells.pop("currency", "USD") or "USD")
        rates.append(_rate({k: v for k, v in cells.items() if v}, rows.line_num))
    if not rates:
        raise BadBook("it has no rate")
    return PriceBook(currency=_one(currencies), rates=rates)


def _rate(known: dict[str, Any], line: int) -> Rate:
    try:
        return Rate.model_validate(known)
    except ValidationError as e:
        first = e.errors()[0]
        raise BadBook(f"line {line}: {''.join(f'{f}: ' for f in first['loc'])}{first['msg']}") from None


def _whole_rows(header: list[str], rows: Any) -> Iterator[dict[str, str]]:
    """The rows by column. Raises BadBook for one with fewer or more cells than the header: then the file is cut."""
    for number, row in enumerate(rows):
        if len(row) != len(header):
            raise BadBook(
                f"line {rows.line_num} has {len(row)} of {len(header)} columns: the file is cut or damaged"
            )
        if number >= 100 * RATES_MAX:
            raise BadBook("it is too long")
        yield dict(zip(header, row, strict=True))


def _one(currencies: set[str]) -> str:
    if len(currencies) != 1:
        raise BadBook(f"it is in {' and '.join(sorted(currencies))}: a book has one currency")
    return currencies.pop()


def _decimal(text: str, line: int) -> Decimal:
    try:
        value = Decimal(text.replace(",", ""))
    except InvalidOperation:
        raise BadBook(f"line {line}: {text[:40]!r} is no number") from None
    if not value.is_finite() or not 0 <= value < 10**12:
        raise BadBook(f"line {line}: {text[:40]!r} is no price")
    return value.quantize(Decimal("1E-9")).normalize() + 0


def _mib(text: str, line: int) -> int:
    """Of `7.5 GiB`."""
    number, _, unit = text.partition(" ")
    if unit != "GiB":
        raise BadBook(f"line {line}: {text[:40]!r} is no memory in GiB")
    return int(_decimal(number, line) * 1024)
