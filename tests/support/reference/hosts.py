"""What attempts on a host cost: the plain definition, in exact fractions, which the statements are held to.

For each stretch of time between starts, ends and changes of the rate the host's price is shared among the attempts at work on
it, by the CPUs that they asked for. docs/cost.md says it in words.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

HOUR_MS = 3_600_000


class HostRate(NamedTuple):
    """What an hour of the host costs from `since` (ms) on; None: it is not known. The first also holds before it begins."""

    since: int
    per_hour: Fraction | None


class Attempt(NamedTuple):
    """At work from `start` to before `end` (ms); `weight` is above 0."""

    start: int
    end: int
    weight: int


def shares(rates: Sequence[HostRate], attempts: Sequence[Attempt]) -> list[Fraction | None]:
    """What each attempt costs; None where a rate was not known for a part of its time."""
    ordered = sorted(rates, key=lambda r: r.since)
    edges = sorted({at for a in attempts for at in a[:2]} | {r.since for r in ordered})
    costs: list[Fraction | None] = [Fraction(0)] * len(attempts)
    for begin, end in pairwise(edges):
        there = [n for n, a in enumerate(attempts) if a.start <= begin and a.end >= end]
        if not there:
            continue
        price = price_of(ordered, begin, end)
        whole = sum(attempts[n].weight for n in there)
        for n in there:
            cost = costs[n]
            costs[n] = None if cost is None or price is None else cost + price * attempts[n].weight / whole
    return costs


def price_of(ordered: Sequence[HostRate], begin: int, end: int) -> Fraction | None:
    """What the host costs between two times between which no rate begins."""
    if not ordered:
        return None
    held = [r for r in ordered if r.since <= begin] or [ordered[0]]
    per_hour = held[-1].per_hour
    return None if per_hour is None else per_hour * (end - begin) / HOUR_MS


def bill(rates: Sequence[HostRate], attempts: Sequence[Attempt]) -> Fraction | None:
    """What the host costs over the time in which it had work."""
    ordered = sorted(rates, key=lambda r: r.since)
    edges = sorted({at for a in attempts for at in a[:2]} | {r.since for r in ordered})
    total = Fraction(0)
    for begin, end in pairwise(edges):
        if any(a.start <= begin and a.end >= end for a in attempts):
            price = price_of(ordered, begin, end)
            if price is None:
                return None
            total += price
    return total


def amount(cost: Fraction | None) -> Decimal | None:
    """Nine places, rounded to the nearest, half up."""
    if cost is None:
        return None
    return Decimal((cost.numerator * 10**9 * 2 + cost.denominator) // (cost.denominator * 2)).scaleb(-9)
