"""Prices of a region as AWS answers them: on-demand list prices of Linux machines, and what spot machines cost lately.

Credentials come only from boto3's own chain. What is called: `pricing:GetProducts`, `ec2:DescribeSpotPriceHistory`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from projections.costs.price_book import RATES_MAX, BadBook, PriceBook, Rate
from schemas.values import to_ms

#: Where the price list is asked; it knows all regions.
_PRICING_REGION = "us-east-1"
#: Linux machines by the hour that nobody else shares out. Without the state of the capacity a type has several prices.
_WANTED = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "licenseModel": "No License required",
}
#: AWS keeps spot prices for 90 days.
SPOT_DAYS = 90
_SPOT_SYSTEM = "Linux/UNIX"
_CONFIG = Config(connect_timeout=10, read_timeout=60, retries={"max_attempts": 5, "mode": "standard"})


def fetch(region: str, spot_types: Sequence[str], now: datetime) -> PriceBook:
    """The prices of the region today, and of the spot machines of these types for 90 days back. Raises BadBook."""
    try:
        pricing = boto3.client("pricing", region_name=_PRICING_REGION, config=_CONFIG)
        ec2 = boto3.client("ec2", region_name=region, config=_CONFIG)
        rates = [*on_demand(pricing, region), *(spot(ec2, spot_types, now) if spot_types else ())]
    except (BotoCoreError, ClientError) as e:
        raise BadBook(f"AWS does not tell its prices: {str(e)[:300]}") from e
    return PriceBook(
        source="AWS list prices and spot price history, Linux",
        region=region,
        date=f"{now:%Y-%m-%d}",
        rates=rates,
    )


def on_demand(pricing: Any, region: str) -> list[Rate]:
    """By a client of `pricing`: the on-demand rates of the region. Raises BadBook, ClientError."""
    filters = [
        {"Type": "TERM_MATCH", "Field": field, "Value": value}
        for field, value in (_WANTED | {"regionCode": region}).items()
    ]
    pages = pricing.get_paginator("get_products").paginate(ServiceCode="AmazonEC2", Filters=filters)
    texts = (text for page in pages for text in page["PriceList"])
    rates: dict[str, Rate] = {}
    for text in islice(texts, RATES_MAX):
        rate = rate_of_product(text, region)
        if rate is None:
            continue
        if rate.machine_type in rates and rates[rate.machine_type] != rate:
            raise BadBook(f"AWS has two prices of {rate.machine_type} in {region}")
        rates[rate.machine_type] = rate
    if not rates:
        raise BadBook(f"AWS has no on-demand price of a Linux machine in {region[:50]!r}: is that a region?")
    return list(rates.values())


def rate_of_product(text: str, region: str) -> Rate | None:
    """Pure. Of a product, which comes as a text of JSON; None where it has no price by the hour. Raises BadBook."""
    try:
        product = json.loads(text)
        attributes = product["product"]["attributes"]
        [price] = {
            Decimal(dimension["pricePerUnit"]["USD"])
            for term in product["terms"].get("OnDemand", {}).values()
            for dimension in term["priceDimensions"].values()
            if dimension["unit"] == "Hrs"
        } or {Decimal(0)}
        if not price:  # of reserved capacity, and the like
            return None
        return Rate(
            machine_type=attributes["instanceType"],
            price_model="on-demand",
            zone=region,
            per_hour=price.quantize(Decimal("1E-9")),
            vcpus=int(attributes["vcpu"]),
            memory_mib=_mib(attributes["memory"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as e:
        raise BadBook(f"AWS's answer is not understood: {type(e).__name__} {e} in {text[:200]!r}") from e


def _mib(text: str) -> int:
    """Of `7.5 GiB`."""
    number, _, unit = text.replace(",", "").partition(" ")
    if unit != "GiB":
        raise ValueError(f"{text!r} is no memory in GiB")
    return int(Decimal(number) * 1024)


def spot(ec2: Any, types: Sequence[str], now: datetime) -> Iterator[Rate]:
    """By a client of `ec2`: what spot machines of these types cost by zone, each price from its time on. Raises ClientError."""
    pages = ec2.get_paginator("describe_spot_price_history").paginate(
        InstanceTypes=list(types),
        ProductDescriptions=[_SPOT_SYSTEM],
        StartTime=now - timedelta(days=SPOT_DAYS),
        EndTime=now,
    )
    return steps(islice((p for page in pages for p in page["SpotPriceHistory"]), RATES_MAX // 2))


def steps(prices: Iterable[Mapping[str, Any]]) -> Iterator[Rate]:
    """Pure. Of prices at times the steps of each type and zone, without those that change nothing. Raises BadBook."""
    of_zone: dict[tuple[str, str], dict[int, str]] = {}
    for p in prices:
        at = to_ms(p["Timestamp"].astimezone(UTC))
        assert isinstance(at, int)
        of_zone.setdefault((p["InstanceType"], p["AvailabilityZone"]), {})[at] = p["SpotPrice"]
    for (machine_type, zone), by_time in sorted(of_zone.items()):
        before = None
        for at, price in sorted(by_time.items()):
            if price != before:
                yield _spot_rate(machine_type, zone, price, at)
            before = price


def _spot_rate(machine_type: str, zone: str, text: str, at: int) -> Rate:
    try:
        return Rate(
            machine_type=machine_type,
            price_model="spot",
            zone=zone,
            per_hour=Decimal(text).quantize(Decimal("1E-9")),
            valid_from=at,
            basis="history",
        )
    except (ValueError, InvalidOperation) as e:
        raise BadBook(f"AWS's spot price of {machine_type} in {zone} is none: {text[:40]!r}") from e
