"""What a run cost, by process, and how that was worked out."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from api.carbon.queries import carbon
from api.core.db import Reader, Row
from api.core.figures import money, time_of
from api.core.params import PROCESSES_MAX
from api.costs.activity import SLOTS, Activity, activity
from api.costs.models import (
    CapacityCost,
    Costs,
    Pricing,
    ProcessActivity,
    ProcessCost,
    ProcessTimeline,
    Spot,
    Use,
    WorkStretch,
)
from api.html.formats import ms_of
from api.runs.models import Run
from api.tasks.queries import labels_of
from schemas.values import iso

RULE = (
    "Each attempt costs its time from start to end (while it runs: so far) times the rate of its machine, times the greater of "
    "the shares that its CPUs and its memory take of it; without a machine type, times the flat rates for its CPUs and memory; "
    "on a host that announced itself (host-sliced) the host's rate is shared, by CPUs, among all that ran on it at the time. "
    "Cached tasks cost nothing. Wasted is what failed and aborted attempts cost. A price that is unknown is left out and counted."
)
_CAPACITIES = ("spot", "on-demand", "unknown")


def costs(reader: Reader, run_id: str) -> Costs:
    """Costs of the run by the price book in force."""
    book = reader.rows("costs/price_book")
    missing = sum(r["missing"] for r in reader.rows("costs/missing", run_id=run_id))
    found = add_up(
        reader.rows("costs/costs", run_id=run_id, most=PROCESSES_MAX), book[0] if book else None, missing
    )
    found.carbon, by_process = carbon(reader, run_id, missing)
    for process in found.processes:
        process.carbon = by_process.get(process.process)
    return found


def currency(reader: Reader) -> str | None:
    """Of the price book in force; None where there is none."""
    book = reader.rows("costs/price_book")
    return book[0]["currency"] if book else None


def activity_of(reader: Reader, run: Run, found: Costs) -> Activity:
    """When each of the run's processes was at work: from the first submission to the last completion; of a run that is not over
    to the runner's last word."""
    if found.first_submitted_at is None:
        return activity({})
    first = ms_of(found.first_submitted_at)
    lasts = [ms_of(found.last_completed_at)] if found.last_completed_at else []
    if run.liveness and run.started_at and run.duration_ms is not None:
        lasts.append(ms_of(run.started_at) + run.duration_ms)
    last = max([first + 1, *lasts])
    rows = reader.rows("costs/activity", run_id=run.id, first_ms=first, last_ms=last, slots=SLOTS)
    return activity({r["process"]: r["busy"] for r in rows}, (first, last))


def process_timeline(reader: Reader, run: Run) -> ProcessTimeline:
    """When each process of the run was at work."""
    return as_times(activity_of(reader, run, costs(reader, run.id)))


def as_times(found: Activity) -> ProcessTimeline:
    """Pure. Instead of in per cent of the run's time."""
    if found.span is None:
        return ProcessTimeline(began_at=None, ended_at=None, resolution_ms=None, processes=[], sync_points=[])
    begin, end = found.span

    def at(share: float) -> str:
        return iso(begin + round((end - begin) * min(100.0, share) / 100))

    stretches = {
        process: [
            WorkStretch(began_at=at(b.x), ended_at=at(b.x + b.width), critical=b.critical) for b in bursts
        ]
        for process, bursts in found.bursts.items()
    }
    return ProcessTimeline(
        began_at=iso(begin),
        ended_at=iso(end),
        resolution_ms=-((begin - end) // SLOTS),
        processes=[ProcessActivity(process=p, stretches=s) for p, s in stretches.items()],
        sync_points=[at(x) for x in found.sync_points],
    )


def add_up(rows: Sequence[Row], book: Row | None, missing: int = 0) -> Costs:
    """Pure. `rows`: of `costs.sql`; `book`: the row of `price_book.sql`, if any; `missing`: tasks that were never told."""
    total = _Sums(rows)
    cost, unpriced = total("cost"), int(total("unpriced"))
    # What was cached or never started costs nothing, and without a task there is nothing to price: that is known, and no gap.
    is_priced = not (rows or missing) or (book is not None and (cost > 0 or unpriced == 0))
    labels = labels_of(r["process"] for r in rows)
    processes = [_process(r, labels[r["process"]], book is not None) for r in rows]
    first, last = _ends(rows)
    wallclock = None if first is None or last is None else max(0, last - first)
    lost = max((_lost(p) for p in processes), default=0)
    cached = any(r["saved"] or r["unpriced_saved"] for r in rows)
    assumed = int(total("assumed"))
    return Costs(
        amount=money(cost) if is_priced else None,
        currency=book["currency"] if book else None,
        wasted=known(total("wasted"), total("unpriced_wasted")) if is_priced else None,
        complete=is_priced and unpriced == 0 and missing == 0,
        unpriced_tasks=unpriced,
        unpriced_wasted_tasks=int(total("unpriced_wasted")),
        missing_tasks=missing,
        assumed_tasks=assumed,
        method=method_of({m for r in rows for m in r["methods"]}),
        if_all_spot=_spot(total("spot_cost"), int(total("unpriced_spot")) + missing) if is_priced else None,
        cpu_ms=sum(int(r["cpu_ms"]) for r in rows),
        first_submitted_at=time_of(first),
        last_completed_at=time_of(last),
        wallclock_ms=wallclock,
        simulated_wallclock_ms=None if wallclock is None else max(0, wallclock - lost),
        saved_by_cache=known(total("saved"), total("unpriced_saved")) if cached else None,
        unpriced_cached_tasks=int(total("unpriced_saved")),
        by_capacity=by_capacity(rows),
        use=_use(rows),
        processes=processes,
        pricing=Pricing(
            version=book["version"] if book else None,
            source=(book["source"] or None) if book else None,
            date=(book["date"] or None) if book else None,
            region=(book["region"] or None) if book else None,
            rates=book["rates"] if book else 0,
            rule=RULE,
        ),
        covers=covers(unpriced, missing, assumed, cached, book),
    )


class _Sums:
    """Sums of columns of rows."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = list(rows)

    def __call__(self, column: str) -> Decimal:
        return sum((Decimal(r[column]) for r in self.rows), Decimal(0))


def known(amount: Decimal, unpriced: Decimal | int) -> str | None:
    """Pure. A sum of which so many parts are unknown; None where that is all of it."""
    return money(amount) if amount or not unpriced else None


def method_of(methods: Iterable[str]) -> str | None:
    """Pure. The one method, `mixed` for several, None for none."""
    found = sorted(methods)
    return "mixed" if len(found) > 1 else (found[0] if found else None)


def capacity_of(capacities: Sequence[str]) -> str | None:
    """Pure. How the machines were bought, in one word."""
    return "mixed" if len(capacities) > 1 else (capacities[0] if capacities else None)


def by_capacity(rows: Sequence[Row]) -> list[CapacityCost]:
    """Pure. The cost by how machines were bought, which adds up to the whole; ways that nothing was bought in are left out."""
    total = _Sums(rows)
    costs = {"spot": total("cost_of_spot"), "on-demand": total("cost_of_on_demand")}
    times = {"spot": sum(int(r["cpu_ms_of_spot"]) for r in rows)}
    times["on-demand"] = sum(int(r["cpu_ms_of_on_demand"]) for r in rows)
    costs["unknown"] = total("cost") - sum(costs.values())
    times["unknown"] = sum(int(r["cpu_ms"]) for r in rows) - sum(times.values())
    gaps = {"spot": int(total("unpriced_of_spot")), "on-demand": int(total("unpriced_of_on_demand"))}
    gaps["unknown"] = int(total("unpriced")) - sum(gaps.values())
    used = {c for r in rows for c in r["capacities"]}
    return [
        CapacityCost(capacity=c, amount=known(costs[c], gaps[c]), unpriced_tasks=gaps[c], cpu_ms=times[c])
        for c in _CAPACITIES
        if c in used
    ]


def covers(unpriced: int, missing: int, assumed: int, cached: bool, book: Row | None) -> str:
    """Pure. What the figure covers, in sentences."""
    if book is None:
        return "No price book is in force, so nothing is priced."
    prices = ", ".join(filter(None, (book["source"] or "your own price book", book["region"], book["date"])))
    said = [
        f"Compute of this cycle's attempts{', without what was taken from the cache' if cached else ''}, at the prices of"
        f" {prices}. Storage, network and idle machines are not in it."
    ]
    if unpriced:
        said.append(f"It is at least this: {_tasks(unpriced)} without a known price.")
    if missing:
        said.append(
            f"It is at least this: {_tasks(missing)} that the runner counted and did not report one by one."
        )
    if assumed:
        off = f"{100 * book['spot_discount']:.0f} % off" if book["spot_discount"] else "less than on demand"
        said.append(f"Spot prices are assumed ({off}) for {_tasks(assumed)}.")
    return " ".join(said)


def _tasks(number: int) -> str:
    return f"{number:,} task" + ("" if number == 1 else "s")


def _spot(amount: Decimal, unpriced: int) -> Spot | None:
    return Spot(amount=money(amount), complete=unpriced == 0) if amount or not unpriced else None


def _process(row: Row, label: str, has_book: bool) -> ProcessCost:
    is_priced = has_book and (row["cost"] > 0 or row["unpriced"] == 0)
    first, last, simulated = row["first_ms"], row["last_ms"], row["simulated_ms"]
    over = first is not None and last is not None
    return ProcessCost(
        process=row["process"],
        label=label,
        tasks=row["tasks"],
        amount=money(row["cost"]) if is_priced else None,
        wasted=known(row["wasted"], row["unpriced_wasted"]) if is_priced else None,
        unpriced_tasks=row["unpriced"],
        unpriced_wasted_tasks=row["unpriced_wasted"],
        if_all_spot=_spot(row["spot_cost"], row["unpriced_spot"]) if has_book else None,
        cpu_ms=int(row["cpu_ms"]),
        wallclock_ms=max(0, last - first) if over else None,
        simulated_wallclock_ms=max(0, simulated - first) if over and simulated is not None else None,
        capacity=capacity_of(row["capacities"]),
        first_submitted_at=time_of(first),
        last_completed_at=time_of(last),
        use=_use([row]),
    )


def _use(rows: Sequence[Row]) -> Use | None:
    tasks = sum(r["measured_tasks"] for r in rows)
    if not tasks:
        return None
    total = _Sums(rows)
    cpu, mib = total("measured_cpu_ms"), total("measured_mib_ms")
    return Use(
        tasks=tasks,
        cpu_used=float(round(total("used_cpu_ms") / cpu, 4)) if cpu else None,
        memory_used=float(round(total("used_mib_ms") / mib, 4)) if mib else None,
        unused=known(total("unused"), total("unpriced_measured")),
    )


def _ends(rows: Sequence[Row]) -> tuple[int | None, int | None]:
    firsts = [r["first_ms"] for r in rows if r["first_ms"] is not None]
    lasts = [r["last_ms"] for r in rows if r["last_ms"] is not None]
    return min(firsts, default=None), max(lasts, default=None)


def _lost(process: ProcessCost) -> int:
    if process.wallclock_ms is None or process.simulated_wallclock_ms is None:
        return 0
    return process.wallclock_ms - process.simulated_wallclock_ms
