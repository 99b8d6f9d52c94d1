"""The price book: a JSON file of rates, put into the table `prices` by `tracker migrate` and `tracker up`."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stores.tables.client import Tables

#: An hour of a machine costs at most this much; keeps hostile figures within Decimal(38, 9).
_Rate = Annotated[Decimal, Field(ge=0, le=10_000, max_digits=14, decimal_places=9)]


class Rate(BaseModel):
    """What an hour costs: of a machine type, or flat per CPU and GiB of memory where a task names no machine type.

    An empty price model or zone stands for any; a zone also covers the zones that begin with it (`us-east-1` → `us-east-1a`).
    """

    model_config = ConfigDict(extra="forbid")

    machine_type: str = ""
    price_model: str = ""
    zone: str = ""
    per_hour: _Rate | None = None
    per_cpu_hour: _Rate | None = None
    per_gib_hour: _Rate | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.machine_type and self.per_hour is None:
            raise ValueError(f"machine type {self.machine_type} needs per_hour")
        if not self.machine_type and self.per_cpu_hour is None:
            raise ValueError("a rate without machine_type needs per_cpu_hour (and may have per_gib_hour)")
        return self


class PriceBook(BaseModel):
    """The file. `source` says where the prices come from and of which day they are."""

    model_config = ConfigDict(extra="forbid")

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"
    source: str = ""
    rates: list[Rate]

    @classmethod
    def load(cls, path: Path) -> "PriceBook":
        """Read the file. Raises OSError, and ValueError (pydantic's) naming what is wrong in it."""
        return cls.model_validate_json(path.read_bytes())

    def rows(self) -> list[tuple[str, ...]]:
        """Rows of `prices` as JSON-ready texts, sorted, without their version."""
        return sorted(
            (
                r.machine_type,
                r.price_model.lower(),
                r.zone,
                _text(r.per_hour),
                _text(r.per_cpu_hour),
                _text(r.per_gib_hour),
                self.currency,
            )
            for r in self.rates
        )


_COLUMNS = ("machine_type", "price_model", "zone", "per_hour", "per_cpu_hour", "per_gib_hour", "currency")


def put_in_force(tables: Tables, book: PriceBook | None) -> int:
    """Make the book the one in force and give its version; the version rises only where the content changed."""
    version = price_version(tables)
    if book is None:
        return version
    stored = tables.rows("SELECT * FROM prices FINAL WHERE version = {v:UInt64}", v=version)
    if sorted(tuple(_text(r[c]) for c in _COLUMNS) for r in stored) == book.rows():
        return version
    version += 1
    rows = [
        {"version": version} | {c: v or None for c, v in zip(_COLUMNS, row, strict=True)}
        for row in book.rows()
    ]
    for row in rows:
        for key in ("machine_type", "price_model", "zone"):
            row[key] = row[key] or ""
    tables.insert("prices", b"\n".join(json.dumps(r).encode() for r in rows))
    return version


def price_version(tables: Tables) -> int:
    """Version of the book in force; 0 where there is none."""
    return int(tables.value("SELECT max(version) FROM prices"))


def _text(value: object) -> str:
    """A decimal without trailing zeros; '' for none."""
    if value is None:
        return ""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
