"""Prices as AWS answers them, by botocore's stubber: the answers have AWS's own shapes, and none leaves this machine."""

from decimal import Decimal

import pytest
from botocore.stub import Stubber

from projections.costs import aws
from projections.costs.price_book import BadBook
from tests.support.services.aws_prices import (
    NOW,
    REGION,
    answers_on_demand,
    answers_spot,
    product,
    spot_price,
)


def test_a_book_of_both(clients: dict[str, Stubber]) -> None:
    answers_on_demand(
        clients["pricing"], [product()], [product("c5.xlarge", "0.19", vcpu="4", memory="7.5 GiB")]
    )
    answers_spot(
        clients["ec2"],
        [
            spot_price(1, "0.05"),
            spot_price(9, "0.04"),
            spot_price(5, "0.04"),
            spot_price(2, "0.06", "eu-west-1b"),
        ],
    )
    book = aws.fetch(REGION, ["m5.large"], NOW)
    assert (book.currency, book.region, book.date) == ("USD", REGION, "2026-07-20")
    on_demand = [r for r in book.rates if r.price_model == "on-demand"]
    assert [(r.machine_type, r.zone, r.per_hour, r.vcpus, r.memory_mib) for r in on_demand] == [
        ("m5.large", REGION, Decimal("0.107"), 2, 8192),
        ("c5.xlarge", REGION, Decimal("0.19"), 4, 7680),
    ]
    history = [r for r in book.rates if r.price_model == "spot"]
    hours = [(NOW.timestamp() * 1000 - r.valid_from) / 3_600_000 for r in history]
    assert [(r.zone, h, r.per_hour) for r, h in zip(history, hours, strict=True)] == [
        ("eu-west-1a", 9, Decimal("0.04")),  # five hours ago it was the same
        ("eu-west-1a", 1, Decimal("0.05")),
        ("eu-west-1b", 2, Decimal("0.06")),
    ]
    assert {r.basis for r in history} == {"history"}


def test_what_is_asked_for(clients: dict[str, Stubber]) -> None:
    filters = [
        {"Type": "TERM_MATCH", "Field": k, "Value": v}
        for k, v in {
            "operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used",
            "licenseModel": "No License required", "regionCode": REGION,
        }.items()
    ]  # fmt: skip
    clients["pricing"].add_response(
        "get_products",
        {"PriceList": [product(), product("old", "0.0000000000")]},
        {"ServiceCode": "AmazonEC2", "Filters": filters},
    )
    assert [r.machine_type for r in aws.fetch(REGION, (), NOW).rates] == ["m5.large"], (
        "no spot price is asked for"
    )


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ([], "is that a region"),
        ([product(), product(price="0.2")], "two prices of m5.large"),
        ([product(price="many")], "not understood"),
        ([product(memory="8 apples")], "not understood"),
        ([product(price="-1")], "not understood"),
        (["{"], "not understood"),
        (['{"product": []}'], "not understood"),
    ],
)
def test_an_answer_that_cannot_be_used(clients: dict[str, Stubber], texts: list[str], says: str) -> None:
    answers_on_demand(clients["pricing"], texts)
    with pytest.raises(BadBook, match=says):
        aws.fetch(REGION, (), NOW)


@pytest.mark.parametrize("price", ["many", "-0.1", "10001", "1e300", "NaN"])
def test_a_spot_price_that_cannot_be_used(clients: dict[str, Stubber], price: str) -> None:
    answers_on_demand(clients["pricing"], [product()])
    answers_spot(clients["ec2"], [spot_price(1, price)])
    with pytest.raises(BadBook, match=r"spot price of m5\.large in eu-west-1a is none"):
        aws.fetch(REGION, ["m5.large"], NOW)


def test_aws_refuses(clients: dict[str, Stubber]) -> None:
    clients["pricing"].add_client_error("get_products", "AccessDeniedException", "may not GetProducts")
    with pytest.raises(BadBook, match=r"does not tell its prices.*may not GetProducts"):
        aws.fetch(REGION, (), NOW)
