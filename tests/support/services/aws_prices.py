"""What AWS answers of prices, by botocore's stubber: in its own shapes, and nothing leaves this machine. No test stands here."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

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
