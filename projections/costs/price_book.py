"""What a price book says: rates with the day from which each holds. Pure but for reading the file that is named.

A book is a JSON file (docs/cost.md). Where `base` is `bundled`, it stands on the list prices that come with the tracker.
"""

import json
import re
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.values import Ms, iso

#: An hour costs at most this much; keeps the product of hostile figures within Decimal(38, 9).
RATE_MAX = 10_000
_Rate = Annotated[Decimal, Field(ge=0, le=RATE_MAX, max_digits=14, decimal_places=9)]
_Name = Annotated[str, Field(max_length=200)]
#: Rates that one book may have: the list prices of all of AWS's regions are fewer.
RATES_MAX = 200_000

#: The words of runners for how a machine was bought → ours.
_MODELS = {"standard": "on-demand", "ondemand": "on-demand", "on_demand": "on-demand", "preemptible": "spot"}

#: How a rate is known; of those that fit a machine a told one goes before a history, and that before an assumed one.
Basis = Literal["list", "history", "assumed"]


class BadBook(ValueError):
    """A book, or a file of prices, that cannot be used; the message says why. The book in force stays."""


def price_model(word: str) -> str:
    """`spot`, `on-demand`, or another word in lower case; '' for any."""
    lower = word.strip().lower()
    return _MODELS.get(lower, lower)


class Rate(BaseModel):
    """What an hour costs: of a machine type, or flat per CPU, GiB of memory and GPU.

    An empty price model or zone stands for any; a zone also covers the zones that begin with it (`us-east-1` → `us-east-1a`).
    A flat rate may be of one `executor` or `queue`. A task pays the share of the machine that it asked for, by `vcpus` and
    `memory_mib`; of a machine without a size it pays the whole, as where each task has a machine of its own.
    """

    model_config = ConfigDict(extra="forbid")

    machine_type: _Name = ""
    price_model: _Name = ""
    zone: _Name = ""
    executor: _Name = ""
    queue: _Name = ""
    per_hour: _Rate | None = None
    per_cpu_hour: _Rate | None = None
    per_gib_hour: _Rate | None = None
    per_gpu_hour: _Rate | None = None
    vcpus: Annotated[int, Field(ge=0, le=10_000)] = 0
    memory_mib: Annotated[int, Field(ge=0, le=2**30)] = 0
    minimum_seconds: Annotated[int, Field(ge=0, le=3600)] = 0
    valid_from: Ms = 0
    basis: Basis = "list"

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.per_hour is None and self.per_cpu_hour is None:
            if self.machine_type:
                raise ValueError(f"machine type {self.machine_type} needs per_hour (or per_cpu_hour)")
            raise ValueError("a rate without machine_type needs per_cpu_hour (and may have per_gib_hour)")
        if self.per_hour is not None and (not self.machine_type or self.per_cpu_hour is not None):
            raise ValueError("per_hour is of a machine type, and stands without per_cpu_hour")
        if self.machine_type and (self.executor or self.queue):
            raise ValueError("executor and queue are of rates without machine_type")
        self.price_model = price_model(self.price_model)
        return self

    @property
    def key(self) -> tuple[str, ...]:
        """What it is a rate of; of the rates with one key the newest that has begun holds."""
        return (self.machine_type, self.price_model, self.zone, self.executor, self.queue)


class MachineRule(BaseModel):
    """On which machine tasks ran that name none: those whose executor, queue and host fit the patterns.

    `*` stands for any characters, `?` for one, and an empty pattern fits all. Of several rules the first that fits counts.
    """

    model_config = ConfigDict(extra="forbid")

    executor: _Name = ""
    queue: _Name = ""
    hostname: _Name = ""
    machine_type: Annotated[str, Field(min_length=1, max_length=200)]
    price_model: _Name = ""
    zone: _Name = ""

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if not (self.executor or self.queue or self.hostname):
            raise ValueError("a machine needs an executor, a queue or a hostname that it is of")
        return self


def like(pattern: str) -> str:
    """The pattern of SQL's LIKE for one with `*` and `?`; '' fits all."""
    if not pattern:
        return "%"
    escaped = "".join(f"\\{c}" if c in "\\%_" else c for c in pattern)
    return escaped.replace("*", "%").replace("?", "_")


def unlike(pattern: str) -> str:
    """The pattern that `like` made this of."""
    if pattern == "%":
        return ""
    signs = {"%": "*", "_": "?"}
    return "".join(escaped or signs.get(c, c) for escaped, c in re.findall(r"\\(.)|(.)", pattern, re.DOTALL))


class Row(NamedTuple):
    """A row of the table `prices` without its version, as JSON-ready texts and numbers."""

    machine_type: str
    price_model: str
    zone: str
    valid_from_ms: int
    executor: str
    queue: str
    per_hour: str | None
    per_cpu_hour: str | None
    per_gib_hour: str | None
    per_gpu_hour: str | None
    vcpus: int
    memory_mib: int
    minimum_ms: int
    basis: str
    currency: str


class PriceBook(BaseModel):
    """Rates of one currency. `source`: where they come from; `date`: of which day they are; `region`: where they hold.

    `spot_discount`: what is taken off the on-demand rate of a type for which no spot rate is known; such a rate is marked
    `assumed` wherever it is used.
    """

    model_config = ConfigDict(extra="forbid")

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"
    source: Annotated[str, Field(max_length=500)] = ""
    region: Annotated[str, Field(max_length=100)] = ""
    date: Annotated[str, Field(max_length=40)] = ""
    base: Literal["", "bundled"] = ""
    spot_discount: Annotated[Decimal, Field(ge=0, lt=1, decimal_places=4)] | None = None
    rates: Annotated[list[Rate], Field(max_length=RATES_MAX)]
    machines: Annotated[list[MachineRule], Field(max_length=2000)] = []

    @model_validator(mode="after")
    def _no_rate_twice(self) -> Self:
        seen: set[tuple[str, ...]] = set()
        for rate in self.rates:
            key = (*rate.key, str(rate.valid_from))
            if key in seen:
                raise ValueError(f"two rates of {_words(rate)} begin at the same time")
            seen.add(key)
        return self

    @classmethod
    def load(cls, path: Path) -> "PriceBook":
        """Read the file. Raises OSError, and ValueError (pydantic's) naming what is wrong in it."""
        return cls.model_validate_json(path.read_bytes()).whole()

    def whole(self) -> "PriceBook":
        """This book on its base, with the sizes of types that are known, and a spot rate for each on-demand one.

        Raises BadBook where it and its base have two currencies.
        """
        rates = [_sized(r) for r in self.rates]
        region, spot_discount = self.region, self.spot_discount
        if self.base:
            base = bundled()
            if base.currency != self.currency:
                raise BadBook(
                    f"the book is in {self.currency}, its base in {base.currency}: a book has one currency"
                )
            own = {r.machine_type for r in rates if not r.zone}
            rates = [r for r in base.rates if r.machine_type not in own] + rates
            region = region or base.region
            spot_discount = base.spot_discount if spot_discount is None else spot_discount
        if spot_discount is not None:
            rates += _assumed(rates, spot_discount)
        return self.model_copy(
            update={"rates": rates, "base": "", "region": region, "spot_discount": spot_discount}
        )

    def rows(self) -> list[Row]:
        """Rows of `prices`, sorted."""
        rows = (
            Row(
                machine_type=r.machine_type,
                price_model=r.price_model,
                zone=r.zone,
                valid_from_ms=r.valid_from,
                executor=r.executor,
                queue=r.queue,
                per_hour=decimal_text(r.per_hour),
                per_cpu_hour=decimal_text(r.per_cpu_hour),
                per_gib_hour=decimal_text(r.per_gib_hour),
                per_gpu_hour=decimal_text(r.per_gpu_hour),
                vcpus=r.vcpus,
                memory_mib=r.memory_mib,
                minimum_ms=r.minimum_seconds * 1000,
                basis=r.basis,
                currency=self.currency,
            )
            for r in self.rates
        )
        return sorted(rows, key=lambda row: tuple(map(str, row)))


def machine_rows(book: "PriceBook") -> list[dict[str, str | int]]:
    """Rows of `machine_rules` without their version, in their order. Pure."""
    return [
        {"place": n}
        | {name: like(getattr(m, name)) for name in ("executor", "queue", "hostname")}
        | {"machine_type": m.machine_type, "price_model": m.price_model, "zone": m.zone}
        for n, m in enumerate(book.machines)
    ]


def with_newer(book: PriceBook, newer: PriceBook, since_ms: int) -> PriceBook:
    """The book with the rates of `newer` from `since_ms` on: what ran before keeps its price. Pure.

    A rate of `newer` that says its own day keeps it. Sources and regions are named of both, the date is the newer's. Raises
    BadBook where the two have different currencies.
    """
    if book.rates and book.currency != newer.currency:
        raise BadBook(
            f"the book in force is in {book.currency}, this one in {newer.currency}: a book has one currency"
        )
    discount = book.spot_discount if newer.spot_discount is None else newer.spot_discount
    whole = newer.model_copy(update={"spot_discount": discount}).whole()
    models: dict[str, set[str]] = {}
    for r in book.rates:
        models.setdefault(r.machine_type, set()).add(r.price_model)
    # One for any price model also takes the place of those by model, which would go before it.
    every = [
        r.model_copy(update={"price_model": model})
        for r in whole.rates
        for model in sorted(
            {r.price_model} | (models.get(r.machine_type, set()) if not r.price_model else set())
        )
    ]
    added = [r.model_copy(update={"valid_from": r.valid_from or since_ms}) for r in every]
    said = {
        "rates": _one_of_each(book.rates + added),
        "machines": whole.machines + book.machines,
        "source": _of_both(book.source, whole.source, "; ", 500),
        "region": _of_both(book.region, whole.region, ", ", 100),
    }
    return whole.model_copy(update=said)


def _of_both(before: str, newer: str, between: str, most: int) -> str:
    """What is said of both books, each thing once; of the newer alone where that is longer than `most`. Pure."""
    words = dict.fromkeys(filter(None, [*before.split(between), *newer.split(between)]))
    text = between.join(words)
    return text if len(text) <= most else newer


def backdated(book: PriceBook, since_ms: int) -> PriceBook:
    """The book as if its newest rates had begun no later than `since_ms`: what ran since then is priced by them. Pure."""
    newest: dict[tuple[str, ...], int] = {}
    for r in book.rates:
        newest[*r.key, r.basis] = max(r.valid_from, newest.get((*r.key, r.basis), 0))
    rates = [
        r.model_copy(update={"valid_from": min(r.valid_from, since_ms)})
        for r in book.rates
        if r.valid_from < since_ms or r.valid_from == newest[*r.key, r.basis]
    ]
    return book.model_copy(update={"rates": _one_of_each(rates)})


def _one_of_each(rates: list[Rate]) -> list[Rate]:
    """Of the rates of one kind that begin at one time the best known, of several such the last. Pure."""
    best_last = sorted(rates, key=lambda r: ("assumed", "history", "list").index(r.basis))
    return list({(*r.key, r.valid_from): r for r in best_last}.values())


@cache
def bundled() -> PriceBook:
    """List prices of us-east-1 with the size of each type, and Fargate's; spot rates are assumed."""
    data = json.loads((files("projections.costs") / "data" / "us-east-1.json").read_text("utf-8"))
    rates = [
        Rate(
            machine_type=name,
            price_model="on-demand",
            per_hour=Decimal(price),
            vcpus=vcpus,
            memory_mib=mib,
        )
        for family in data["machines"]
        for name, (vcpus, mib, price) in family.items()
    ]
    rates += [
        Rate(
            machine_type=name,
            price_model="on-demand",
            per_cpu_hour=Decimal(cpu),
            per_gib_hour=Decimal(gib),
            minimum_seconds=60,
        )
        for name, cpu, gib in FARGATE
    ]
    return PriceBook(
        currency=data["currency"],
        source=data["source"],
        region=data["region"],
        date=data["date"],
        spot_discount=SPOT_DISCOUNT,
        rates=rates,
    )


#: What is taken off for spot machines whose price nobody told. Spot prices move; AWS says "up to 90 %", and 60 % is modest.
SPOT_DISCOUNT = Decimal("0.6")
#: Fargate in us-east-1, Linux: an hour of a vCPU, and of a GB; at least a minute.
FARGATE = (("fargate", "0.04048", "0.004445"), ("fargate-arm", "0.03238", "0.00356"))


def _sized(rate: Rate) -> Rate:
    """The rate with the size of a type that is known, if the book does not say it."""
    if rate.per_hour is None or rate.vcpus or rate.memory_mib:
        return rate
    vcpus, mib = _sizes().get(rate.machine_type, (0, 0))
    return rate.model_copy(update={"vcpus": vcpus, "memory_mib": mib})


@cache
def _sizes() -> dict[str, tuple[int, int]]:
    return {r.machine_type: (r.vcpus, r.memory_mib) for r in bundled().rates}


def _assumed(rates: list[Rate], discount: Decimal) -> list[Rate]:
    """Spot rates from on-demand ones, for where and when none is told: one that is goes before them."""
    told = {(r.machine_type, r.zone, r.valid_from) for r in rates if r.price_model == "spot"}
    nine = Decimal("1E-9")
    left = {
        id(r): {
            name: (value * (1 - discount)).quantize(nine)
            for name in ("per_hour", "per_cpu_hour", "per_gib_hour", "per_gpu_hour")
            if (value := getattr(r, name)) is not None
        }
        for r in rates
        if r.machine_type
        and r.price_model == "on-demand"
        and (r.machine_type, r.zone, r.valid_from) not in told
    }
    return [
        r.model_copy(update={"price_model": "spot", "basis": "assumed"} | left[id(r)])
        for r in rates
        if id(r) in left
    ]


def day_ms(day: str) -> int:
    """The first ms, in UTC, of a day such as 2026-07-20. Raises BadBook."""
    try:
        return (date.fromisoformat(day) - date(1970, 1, 1)).days * 86_400_000
    except ValueError:
        raise BadBook(f"{day!r} is no day; write it as 2026-07-20") from None


def _words(rate: Rate) -> str:
    name = rate.machine_type or rate.queue or rate.executor or "machines without a type"
    since = f" from {iso(rate.valid_from)}" if rate.valid_from else ""
    return " ".join(filter(None, (name, rate.price_model, rate.zone))) + since


def decimal_text(value: Decimal | None) -> str | None:
    """A decimal without trailing zeros; None for none."""
    return None if value is None else f"{value.normalize():f}"
