"""Prices as AWS answers them, by botocore's stubber: the answers have AWS's own shapes, and none leaves this machine."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from typer.testing import CliRunner

from projections.costs import aws, in_force
from projections.costs.price_book import BadBook
from stores.tables.client import Tables
from tracker import cli
from tracker.commands import prices

NOW = datetime(2026, 7, 20, 12, tzinfo=UTC)
REGION = "eu-west-1"


def product(machine_type: str = "m5.large", price: str = "0.1070000000", **attributes: Any) -> str:
    """A product of the price list, of which AWS gives each as a text."""
    known = {"instanceType": machine_type, "vcpu": "2", "memory": "8 GiB", "regionCode": REGION} | attributes
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": price}}
    return json.dumps({
        "product": {"attributes": known, "sku": "S"},
        "terms": {"OnDemand": {"S.T": {"priceDimensions": {"S.T.D": dimension}}}},
    })  # fmt: skip


def spot_price(
    hours_ago: float, price: str, zone: str = "eu-west-1a", of: str = "m5.large"
) -> dict[str, Any]:
    return {
        "InstanceType": of, "AvailabilityZone": zone, "SpotPrice": price, "ProductDescription": "Linux/UNIX",
        "Timestamp": NOW - timedelta(hours=hours_ago),
    }  # fmt: skip


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Stubber]]:
    """Stubbers of the clients that boto3 makes."""
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    made = {s: boto3.client(s, region_name=REGION, **keys) for s in ("pricing", "ec2")}
    monkeypatch.setattr(boto3, "client", lambda service, **_: made[service])
    stubbers = {s: Stubber(client) for s, client in made.items()}
    for stubber in stubbers.values():
        stubber.activate()
    yield stubbers


def answers_on_demand(stubber: Stubber, *pages: list[str]) -> None:
    for n, texts in enumerate(pages):
        asked: dict[str, Any] = {"ServiceCode": "AmazonEC2", "Filters": ANY} | (
            {"NextToken": str(n)} if n else {}
        )
        more = {"NextToken": str(n + 1)} if n + 1 < len(pages) else {}
        stubber.add_response("get_products", {"FormatVersion": "aws_v1", "PriceList": texts} | more, asked)


def answers_spot(stubber: Stubber, history: list[dict[str, Any]]) -> None:
    asked = {
        "InstanceTypes": ["m5.large"], "ProductDescriptions": ["Linux/UNIX"],
        "StartTime": NOW - timedelta(days=90), "EndTime": NOW,
    }  # fmt: skip
    stubber.add_response("describe_spot_price_history", {"SpotPriceHistory": history}, asked)


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


def test_aws_refuses(clients: dict[str, Stubber]) -> None:
    clients["pricing"].add_client_error("get_products", "AccessDeniedException", "may not GetProducts")
    with pytest.raises(BadBook, match=r"does not tell its prices.*may not GetProducts"):
        aws.fetch(REGION, (), NOW)


def test_the_command_asks_for_the_types_that_tasks_ran_on(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, clients: dict[str, Stubber]
) -> None:
    monkeypatch.setattr(prices, "open_tables", lambda settings: tables)
    monkeypatch.setattr(tables, "close", lambda: None)
    monkeypatch.setattr(prices, "now_ms", lambda: int(NOW.timestamp() * 1000))
    tables.command(
        "INSERT INTO tasks (run_id, task_id, status, machine_type) VALUES ('r', 1, 'succeeded', 'm5.large')"
    )
    answers_on_demand(clients["pricing"], [product()])
    answers_spot(clients["ec2"], [spot_price(1, "0.05")])
    done = CliRunner().invoke(cli.app, ["prices", "refresh", REGION])
    assert done.exit_code == 0, done.output
    assert "1 on-demand rates of eu-west-1 from 2026-07-20 on, 1 spot prices" in done.output
    book = in_force.stored_book(tables)
    ours = {(r.price_model, r.basis, r.zone): r.per_hour for r in book.rates if r.zone.startswith(REGION)}
    assert ours["on-demand", "list", REGION] == Decimal("0.107")
    assert ours["spot", "history", "eu-west-1a"] == Decimal("0.05")
    version = in_force.price_version(tables)
    clients["pricing"].add_client_error("get_products", "AccessDeniedException", "no")
    failed = CliRunner().invoke(cli.app, ["prices", "refresh", REGION])
    assert failed.exit_code == 1 and "does not tell its prices" in failed.output
    assert in_force.price_version(tables) == version, "the book in force stays"
