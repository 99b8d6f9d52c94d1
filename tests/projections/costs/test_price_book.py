"""Price books: on their base, one after the other, and what is refused."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from projections.costs.changes import changes
from projections.costs.in_force import book_origin, put_default_in_force, put_in_force, stored_book
from projections.costs.price_book import (
    SPOT_DISCOUNT,
    BadBook,
    MachineRule,
    PriceBook,
    Rate,
    backdated,
    bundled,
    day_ms,
    like,
    unlike,
    with_newer,
)
from schemas.events import TaskRecord
from stores.tables.client import Tables
from tests.support.reference.figures import Rate as Held
from tests.support.reference.figures import would_cost

DAY = 86_400_000

_rate = st.builds(
    lambda machine, model, zone, price, since, size: Rate(
        machine_type=machine,
        price_model=model,
        zone=zone,
        per_hour=Decimal(price) / 1000,
        valid_from=since * DAY,
        vcpus=size,
    ),
    st.sampled_from(["m5.large", "own"]),
    st.sampled_from(["", "spot", "on-demand"]),
    st.sampled_from(["", "eu-", "eu-1"]),
    st.integers(0, 9000),
    st.integers(0, 5),
    st.sampled_from([0, 2]),
)
_book = st.lists(_rate, max_size=6, unique_by=lambda r: (r.key, r.valid_from)).map(
    lambda rates: PriceBook(rates=rates)
)


def cost(book: PriceBook, day: int, **machine: Any) -> Decimal | None:
    """Of an hour of one CPU on a day, by the reference that the tables are held to."""
    held = [
        Held(
            r.machine_type, r.price_model, r.zone, r.per_hour, r.per_cpu_hour, r.per_gib_hour,
            r.vcpus, r.memory_mib, r.valid_from, r.executor, r.queue, r.minimum_seconds * 1000, r.basis,
        )
        for r in book.rates
    ]  # fmt: skip
    record = TaskRecord(
        task_id=1, status="succeeded", started_at=datetime.fromtimestamp(day * 86_400 + 1, UTC), **machine
    )
    return would_cost(record, 3_600_000, held)


@given(
    _book,
    _book,
    st.integers(1, 6),
    st.sampled_from(["spot", "on-demand", None]),
    st.sampled_from(["eu-1b", None]),
)
def test_what_ran_before_a_new_book_keeps_its_price(
    book: PriceBook, newer: PriceBook, since: int, model: str | None, zone: str | None
) -> None:
    newer = PriceBook(
        rates=[r.model_copy(update={"valid_from": 0}) for r in newer.rates if r.valid_from == 0]
    )
    after = with_newer(book, newer, since * DAY)
    for machine in ("m5.large", "own"):
        known: dict[str, Any] = {"machine_type": machine, "price_model": model, "cloud_zone": zone}
        assert [cost(after, day, **known) for day in range(1, since)] == [
            cost(book, day, **known) for day in range(1, since)
        ]


@given(_book, st.sampled_from(["", "spot", "on-demand"]), st.integers(1, 6))
def test_a_new_rate_of_the_longest_zone_holds_from_its_day_on(
    book: PriceBook, model: str, since: int
) -> None:
    rate = Rate(machine_type="own", price_model=model, zone="eu-1a", per_hour=Decimal(7))
    after = with_newer(book, PriceBook(rates=[rate]), since * DAY)
    for bought in [model] if model else ["spot", "on-demand", None]:
        assert cost(after, since, machine_type="own", price_model=bought, cloud_zone="eu-1a") == 7


@given(_book, st.integers(0, 6))
def test_to_reprice_changes_nothing_that_runs_later(book: PriceBook, since: int) -> None:
    later = backdated(book, since * DAY)
    for model in ("spot", "on-demand"):
        known: dict[str, Any] = {"machine_type": "own", "price_model": model, "cloud_zone": "eu-1a"}
        assert cost(later, 7, **known) == cost(book, 7, **known)
        if since:
            assert cost(later, since - 1, **known) == cost(book, since - 1, **known)
        assert cost(later, since, **known) == cost(later, 7, **known), "one price from that day on"


def test_a_book_beside_another_names_the_sources_and_regions_of_both() -> None:
    rates = [Rate(machine_type="m", zone="eu-west-1", per_hour=Decimal(1))]
    europe = PriceBook(source="ours", region="eu-west-1", date="2026-09-01", rates=rates)
    book = with_newer(with_newer(bundled().whole(), europe, DAY), europe, 2 * DAY)
    assert (book.region, book.date) == ("us-east-1, eu-west-1", "2026-09-01")
    assert book.source == "AWS on-demand list prices, Linux; ours"
    assert with_newer(book, europe.model_copy(update={"region": "x" * 99}), DAY).region == "x" * 99


def test_a_rate_for_any_model_takes_the_place_of_those_by_model() -> None:
    book = with_newer(
        bundled().whole(), PriceBook(rates=[Rate(machine_type="m5.large", per_hour=Decimal(1))]), DAY
    )
    for model in ("spot", "standard", None):
        assert cost(book, 2, machine_type="m5.large", price_model=model, cpus=2) == 1
    assert cost(book, 0, machine_type="m5.large", cpus=2) == Decimal("0.096")


def test_the_bundled_book_knows_sizes_and_marks_what_it_assumes() -> None:
    book = bundled().whole()
    machines = {(r.machine_type, r.price_model): r for r in book.rates}
    assert len(book.rates) > 2600 and (book.region, book.currency, len(book.date)) == ("us-east-1", "USD", 10)
    assert all(r.per_hour or r.per_cpu_hour for r in book.rates), "no price is 0"
    m5, spot = machines["m5.large", "on-demand"], machines["m5.large", "spot"]
    assert (m5.per_hour, m5.vcpus, m5.memory_mib, m5.basis) == (Decimal("0.096"), 2, 8192, "list")
    assert (spot.per_hour, spot.basis) == (Decimal("0.096") * (1 - SPOT_DISCOUNT), "assumed")
    assert machines["fargate", "on-demand"].minimum_seconds == 60
    assert book.whole() == book


def test_a_book_of_ones_own_on_the_bundled_one() -> None:
    own = PriceBook(
        base="bundled",
        rates=[
            Rate(machine_type="m5.large", per_hour=Decimal(1)),
            Rate(machine_type="x", per_hour=Decimal(2)),
        ],
    )
    rates = [r for r in own.whole().rates if r.machine_type in ("m5.large", "m5.xlarge", "x")]
    assert [(r.machine_type, r.price_model, r.vcpus) for r in rates] == [
        ("m5.xlarge", "on-demand", 4), ("m5.large", "", 2), ("x", "", 0), ("m5.xlarge", "spot", 4),
    ]  # fmt: skip


def test_where_no_spot_price_is_told_one_is_assumed_and_a_told_one_stays() -> None:
    """A spot price of one zone leaves the others assumed; a newer on-demand price takes no told spot price away."""
    spot = Rate(machine_type="m5.large", price_model="spot", zone="eu-", per_hour=Decimal("0.5"), vcpus=2)
    first = with_newer(bundled().whole(), PriceBook(rates=[spot]), 2 * DAY)
    dearer = Rate(machine_type="m5.large", price_model="on-demand", zone="eu-", per_hour=Decimal(2), vcpus=2)
    second = with_newer(first, PriceBook(rates=[dearer]), 4 * DAY)
    assumed = Decimal("0.096") * (1 - SPOT_DISCOUNT) / 2
    for book, told_from in ((first, 2), (second, 2), (backdated(second, DAY), 1), (backdated(second, 0), 0)):
        known: dict[str, Any] = {"machine_type": "m5.large", "price_model": "spot"}
        of_days = [cost(book, day, cloud_zone="eu-1", **known) for day in range(5)]
        assert of_days == [assumed] * told_from + [Decimal("0.25")] * (5 - told_from)
        assert cost(book, 4, cloud_zone="us-1", **known) == assumed
    only = PriceBook(
        rates=[spot, dearer.model_copy(update={"zone": ""})], spot_discount=Decimal("0.5")
    ).whole()
    assert cost(only, 0, cloud_zone="us-1", machine_type="m5.large", price_model="spot") == Decimal("0.5")


@pytest.mark.parametrize(
    ("rates", "why"),
    [
        ([{"machine_type": "m", "per_hour": "1"}] * 2, "two rates of m begin at the same time"),
        ([{"machine_type": "m", "per_hour": "1", "executor": "x"}], "executor and queue"),
        ([{"machine_type": "m", "per_hour": "1", "per_cpu_hour": "1"}], "stands without per_cpu_hour"),
        ([{"per_hour": "1"}], "per_hour is of a machine type"),
        ([{"machine_type": "m", "per_hour": "NaN"}], "finite"),
    ],
)
def test_a_wrong_book_is_refused(rates: list[dict[str, str]], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        PriceBook.model_validate({"rates": rates})


def test_two_currencies_are_refused() -> None:
    euros = PriceBook(currency="EUR", rates=[Rate(machine_type="m", per_hour=Decimal(1))])
    with pytest.raises(BadBook, match="in force is in USD, this one in EUR"):
        with_newer(bundled(), euros, 0)
    with pytest.raises(BadBook, match="is in EUR, its base in USD"):
        euros.model_copy(update={"base": "bundled"}).whole()


def test_differences_are_named() -> None:
    before = PriceBook(
        rates=[Rate(machine_type="a", per_hour=Decimal(1)), Rate(machine_type="b", per_hour=Decimal(1))]
    )
    after = PriceBook(rates=[Rate(machine_type="b", per_hour=Decimal(2)), Rate(per_cpu_hour=Decimal("0.1"))])
    assert [(c.what, c.before, c.after) for c in changes(before, after)] == [
        ("flat", None, "0.1 USD per CPU-hour"),
        ("a", "1 USD per hour", None),
        ("b", "1 USD per hour", "2 USD per hour"),
    ]


def test_the_bundled_book_is_in_force_until_another_is_chosen(tables: Tables) -> None:
    assert put_default_in_force(tables) == put_default_in_force(tables) == 1
    assert book_origin(tables) == "bundled"
    assert stored_book(tables).rows() == bundled().whole().rows()
    euros = PriceBook(currency="EUR", source="ours", rates=[Rate(machine_type="m", per_hour=Decimal("1.5"))])
    assert put_in_force(tables, euros) == 2 == put_default_in_force(tables)
    stored = stored_book(tables)
    assert (book_origin(tables), stored.currency, stored.source) == ("file", "EUR", "ours")
    assert stored.rates[0].per_hour == Decimal("1.5")


def test_a_newer_bundled_book_holds_from_its_day_on(tables: Tables) -> None:
    old = PriceBook(
        date="2020-01-01",
        rates=[Rate(machine_type="m5.large", price_model="on-demand", per_hour=Decimal(1), vcpus=2)],
    )
    put_in_force(tables, old, "bundled")
    assert put_default_in_force(tables) == 2 == put_default_in_force(tables)
    book, began = stored_book(tables), day_ms(bundled().date) // DAY
    assert cost(book, began - 1, machine_type="m5.large") == Decimal("0.5")
    assert cost(book, began, machine_type="m5.large") == Decimal("0.048")


@given(st.text(st.sampled_from("ab%_\\\\.-*?"), max_size=8))
def test_patterns_are_kept_as_they_were_written(pattern: str) -> None:
    assert unlike(like(pattern)) == ("" if pattern == "*" else pattern)


def test_rules_of_machines_are_stored_in_their_order_and_a_change_makes_a_version(tables: Tables) -> None:
    rules = [
        MachineRule(hostname="kube-*_1", machine_type="b"),
        MachineRule(queue="long", machine_type="a", price_model="spot"),
    ]
    book = PriceBook(rates=[Rate(machine_type="a", per_hour=Decimal(1))], machines=rules)
    assert put_in_force(tables, book) == put_in_force(tables, book) == 1
    assert [m.model_dump() for m in stored_book(tables).machines] == [m.model_dump() for m in rules]
    assert put_in_force(tables, book.model_copy(update={"machines": rules[::-1]})) == 2
    with pytest.raises(ValidationError, match="executor, a queue or a hostname"):
        MachineRule(machine_type="a")
