"""What a run cost, by process, and how that was worked out."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from api.core.db import Reader, Row
from api.core.figures import money, time_of
from api.core.models import Time
from api.costs.models import Costs, Pricing, ProcessCost, Spot
from api.tasks.queries import labels_of

RULE = (
    "Each attempt costs its time from start to complete (while it runs: so far) times the rate of its "
    "machine type, price model and zone; without a machine type, times the flat rates for its CPUs and "
    "memory. Cached tasks cost nothing. Wasted is what failed and aborted attempts cost. A price that is "
    "unknown is left out, and then the cost is not complete."
)


def costs(reader: Reader, run_id: str) -> Costs:
    """Costs of the run by the price book in force."""
    book = reader.rows("costs/price_book")
    return add_up(reader.rows("costs/costs", run_id=run_id), book[0] if book else None)


def add_up(rows: Sequence[Row], book: Row | None) -> Costs:
    """Pure. `rows`: of `costs.sql`; `book`: the row of `price_book.sql`, if any."""
    total, wasted, unpriced, spot, unpriced_spot = (
        sum((r[k] for r in rows), Decimal(0))
        for k in ("cost", "wasted", "unpriced", "spot_cost", "unpriced_spot")
    )
    # Without a task there is nothing to price: the cost is known, and nothing.
    is_priced = not rows or (
        book is not None and any(r["ran_tasks"] for r in rows) and (total > 0 or unpriced == 0)
    )
    labels = labels_of(r["process"] for r in rows)
    return Costs(
        amount=money(total) if is_priced else None,
        currency=book["currency"] if book else None,
        wasted=money(wasted) if is_priced else None,
        complete=is_priced and unpriced == 0,
        unpriced_tasks=int(unpriced),
        if_all_spot=Spot(amount=money(spot)) if is_priced and unpriced_spot == 0 else None,
        cpu_ms=sum(int(r["cpu_ms"]) for r in rows),
        processes=[_process(r, labels[r["process"]], book is not None) for r in rows],
        pricing=Pricing(
            version=book["version"] if book else None, rates=book["rates"] if book else 0, rule=RULE
        ),
    )


def _process(row: Row, label: str, has_book: bool) -> ProcessCost:
    is_priced = has_book and (row["cost"] > 0 or row["unpriced"] == 0)
    return ProcessCost(
        process=row["process"],
        label=label,
        tasks=row["tasks"],
        amount=money(row["cost"]) if is_priced else None,
        wasted=money(row["wasted"]) if is_priced else None,
        unpriced_tasks=row["unpriced"],
        if_all_spot=Spot(amount=money(row["spot_cost"])) if has_book and row["unpriced_spot"] == 0 else None,
        cpu_ms=int(row["cpu_ms"]),
    )


@dataclass(frozen=True, slots=True)
class ProcessSpan:
    """From the first submission of a process to its last completion; `x` and `width` in per cent of the run's time."""

    first: Time | None
    last: Time | None
    wallclock_ms: int | None
    x: float
    width: float


def process_spans(reader: Reader, run_id: str) -> dict[str, ProcessSpan]:
    """The span of each process of the run, by its full name, the earliest first."""
    return spans_of(reader.rows("costs/process_spans", run_id=run_id))


def spans_of(rows: Sequence[Row]) -> dict[str, ProcessSpan]:
    """Pure. `rows`: of `process_spans.sql`; `last_ms` is NULL while nothing of the process is complete."""
    if not rows:
        return {}
    first_ms = min(r["first_ms"] for r in rows)
    whole = max(1, max(r["last_ms"] or r["first_ms"] for r in rows) - first_ms)
    return {
        r["process"]: ProcessSpan(
            first=time_of(r["first_ms"]),
            last=time_of(r["last_ms"]),
            wallclock_ms=None if r["last_ms"] is None else max(0, r["last_ms"] - r["first_ms"]),
            x=round(100 * (r["first_ms"] - first_ms) / whole, 2),
            width=round(max(0.4, 100 * ((r["last_ms"] or r["first_ms"]) - r["first_ms"]) / whole), 2),
        )
        for r in rows
    }
