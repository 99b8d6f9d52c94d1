"""Shares of hosts, in exact fractions: what the definition promises."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tests.support.reference.hosts import Attempt, HostRate, amount, bill, shares

TIMES = st.integers(0, 60)
ATTEMPTS = st.lists(
    st.builds(
        lambda start, lasted, weight: Attempt(start, start + lasted, weight),
        TIMES,
        st.integers(0, 30),
        st.integers(1, 9),
    ),
    max_size=8,
)
PRICES = st.fractions(0, 100, max_denominator=1000)
RATES = st.lists(
    st.builds(HostRate, TIMES, PRICES | st.none()), min_size=1, max_size=4, unique_by=lambda r: r.since
)
KNOWN = st.lists(st.builds(HostRate, TIMES, PRICES), min_size=1, max_size=4, unique_by=lambda r: r.since)


@given(KNOWN, ATTEMPTS)
def test_they_add_up_to_what_the_host_cost_while_it_had_work(
    rates: list[HostRate], attempts: list[Attempt]
) -> None:
    assert sum((c for c in shares(rates, attempts) if c is not None), Fraction(0)) == bill(rates, attempts)


@given(RATES, ATTEMPTS, st.randoms(use_true_random=False))
def test_order_changes_nothing(rates: list[HostRate], attempts: list[Attempt], random: object) -> None:
    costs = dict(zip(range(len(attempts)), shares(rates, attempts), strict=True))
    order = list(costs)
    random.shuffle(order)  # type: ignore[attr-defined]
    again = shares(rates[::-1], [attempts[n] for n in order])
    assert dict(zip(order, again, strict=True)) == costs


@given(RATES, ATTEMPTS)
def test_none_is_below_nothing_and_the_unknown_never_becomes_nothing(
    rates: list[HostRate], attempts: list[Attempt]
) -> None:
    for a, cost in zip(attempts, shares(rates, attempts), strict=True):
        assert cost is None or cost >= 0
        held = max((r for r in rates if r.since <= a.start), key=lambda r: r.since, default=min(rates))
        if held.per_hour is None and a.end > a.start:
            assert cost is None


@given(KNOWN, ATTEMPTS, ATTEMPTS)
def test_more_work_makes_nobody_pay_more(
    rates: list[HostRate], attempts: list[Attempt], more: list[Attempt]
) -> None:
    alone, together = shares(rates, attempts), shares(rates, attempts + more)
    for before, after in zip(alone, together, strict=False):
        assert before is not None and after is not None and after <= before


def test_amounts_have_nine_places_and_are_rounded_half_up() -> None:
    found = [str(amount(Fraction(n, 2 * 10**9))) for n in (0, 1, 2, 3)]
    assert found == ["0E-9", "1E-9", "1E-9", "2E-9"] and amount(None) is None
