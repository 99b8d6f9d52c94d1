"""How two price books differ, in words. Pure."""

from dataclasses import dataclass

from projections.costs.price_book import PriceBook, Rate, decimal_text


@dataclass(frozen=True, slots=True)
class Change:
    """A rate that differs between two books: what it is of, and its words in each, None where it is not there."""

    what: str
    before: str | None
    after: str | None


def changes(before: PriceBook, after: PriceBook) -> list[Change]:
    """The rates that differ, the newest of each kind, sorted. Pure."""
    old, new = _newest(before), _newest(after)
    keys = sorted(old.keys() | new.keys())
    return [
        Change(" ".join(filter(None, key)) or "flat", old.get(key), new.get(key))
        for key in keys
        if old.get(key) != new.get(key)
    ]


def _newest(book: PriceBook) -> dict[tuple[str, ...], str]:
    rates = sorted(book.rates, key=lambda r: (r.basis != "assumed", r.valid_from))
    return {r.key: amounts(r, book.currency) for r in rates}


def amounts(rate: Rate, currency: str) -> str:
    """What the rate asks, in words."""
    parts = [
        f"{decimal_text(value)} {currency} per {unit}"
        for value, unit in (
            (rate.per_hour, "hour"),
            (rate.per_cpu_hour, "CPU-hour"),
            (rate.per_gib_hour, "GiB-hour"),
            (rate.per_gpu_hour, "GPU-hour"),
        )
        if value is not None
    ]
    if rate.vcpus or rate.memory_mib:
        parts.append(f"{rate.vcpus} vCPUs, {rate.memory_mib / 1024:g} GiB")
    return ", ".join(parts) + (" (assumed)" if rate.basis == "assumed" else "")
