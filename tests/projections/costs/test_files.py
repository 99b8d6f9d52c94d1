"""Files of prices: AWS's list of offers as it is published, ours, and what is wrong with some."""

from decimal import Decimal
from pathlib import Path

import pytest

from projections.costs.files import read_csv, read_file
from projections.costs.price_book import BadBook

HEADER = (
    "SKU,TermType,Unit,PricePerUnit,Currency,Instance Type,vCPU,Memory,Tenancy,Operating System,License Model,"
    "CapacityStatus,Pre Installed S/W,Region Code"
)
HEAD = [
    '"FormatVersion","v1.0"',
    '"Disclaimer","This pricing list is for informational purposes only"',
    '"Publication Date","2026-07-21T10:00:00Z"',
    '"Version","20260721100000"',
    '"OfferCode","AmazonEC2"',
]


def offer(machine: str = "m5.large", price: str = "0.1070000000", **other: str) -> str:
    cells = {
        "SKU": "X", "TermType": "OnDemand", "Unit": "Hrs", "PricePerUnit": price, "Currency": "USD", "Instance Type": machine,
        "vCPU": "2", "Memory": "8 GiB", "Tenancy": "Shared", "Operating System": "Linux", "License Model": "No License required",
        "CapacityStatus": "Used", "Pre Installed S/W": "NA", "Region Code": "eu-west-1",
    } | {k.replace("_", " "): v for k, v in other.items()}  # fmt: skip
    return ",".join(f'"{v}"' for v in cells.values())


def lines(*rows: str) -> list[str]:
    return [line + "\n" for line in [*HEAD, HEADER, *rows]]


def test_a_list_of_offers_of_aws() -> None:
    book = read_csv(
        lines(
            offer(),
            offer(price="0.2", Tenancy="Dedicated"),
            offer(price="0.3", Operating_System="Windows"),
            offer(price="0.4", CapacityStatus="UnusedCapacityReservation"),
            offer(price="0.0", SKU="Y"),
            offer(price="0.5", TermType="Reserved", Unit="Quantity"),
            offer("u-6tb1.metal", "54.6000000000", vCPU="448", Memory="6,144 GiB"),
        )
    )
    assert (book.currency, book.region, book.date) == ("USD", "eu-west-1", "2026-07-21")
    assert [
        (r.machine_type, r.price_model, r.zone, r.per_hour, r.vcpus, r.memory_mib) for r in book.rates
    ] == [
        ("m5.large", "on-demand", "eu-west-1", Decimal("0.107"), 2, 8192),
        ("u-6tb1.metal", "on-demand", "eu-west-1", Decimal("54.6"), 448, 6_291_456),
    ]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "no on-demand price"),
        ([offer(), offer()[:90]], r"line 8 has \d of 14 columns: the file is cut|line 8: .* cut or damaged"),
        ([offer(), '"X","OnDemand"'], "line 8 has 2 of 14 columns: the file is cut"),
        ([offer(price="-0.1")], "line 7: '-0.1' is no price"),
        ([offer(price="much")], "line 7: 'much' is no number"),
        ([offer(price="10001")], "line 7: per_hour: .*less than or equal to 10000"),
        ([offer(price="1e300")], "line 7: '1e300' is no price"),
        ([offer(), offer("c5.large", vCPU="99999")], "line 8: vcpus: .*less than or equal to"),
        ([offer(Memory="8 GB")], "no memory in GiB"),
        ([offer(), offer("c5.large", Currency="CNY")], "in CNY and USD: a book has one currency"),
        ([offer(), offer(price="0.2")], "m5.large in eu-west-1 has two prices"),
    ],
)
def test_a_list_that_cannot_be_used(tmp_path: Path, rows: list[str], why: str) -> None:
    file = tmp_path / "index.csv"
    file.write_text("".join(lines(*rows)))
    with pytest.raises(BadBook, match=why):
        read_file(file)


def test_a_list_that_is_cut_anywhere_within_a_row_is_refused() -> None:
    whole = "".join(lines(offer(), offer("c5.large")))
    start = whole.index('"c5.large"')
    for end in range(start, len(whole) - 15, 7):
        with pytest.raises(BadBook):
            read_csv(whole[:end].splitlines(keepends=True))


def test_our_own_csv(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(
        "machine_type,per_hour,vcpus,currency,valid_from\nm5.large,0.09,2,EUR,2026-07-01T00:00:00Z\nbig,3,,EUR,\n"
    )
    book = read_file(file)
    assert [(r.machine_type, r.per_hour, r.vcpus, r.valid_from) for r in book.rates] == [
        ("m5.large", Decimal("0.09"), 2, 1_782_864_000_000), ("big", Decimal(3), 0, 0),
    ]  # fmt: skip
    assert book.currency == "EUR"
    for text, why in (
        ("machine,per_hour\nm,1\n", "the header names machine; columns are"),
        ("machine_type,per_hour\nm,-1\n", "line 2: .*greater than or equal to 0"),
        ("machine_type,per_hour\n", "no rate"),
        ("", "the header names nothing"),
        ("machine_type,per_hour,currency\nm,1,EUR\nn,1,USD\n", "EUR and USD"),
    ):
        file.write_text(text)
        with pytest.raises(BadBook, match=why):
            read_file(file)
