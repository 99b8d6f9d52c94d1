"""Times and money of rows as answers give them. Pure."""

from decimal import Decimal

from schemas.values import iso


def time_of(ms: int | None) -> str | None:
    """RFC 3339 or null."""
    return None if ms is None else iso(ms)


def money(amount: Decimal) -> str:
    """A decimal text without trailing zeros or exponent."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
