"""The reference for tasks and figures: how a task is shown, what it costs, and what tasks add up to. See `reducer.py`."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from schemas.events import ProcessTotals, Progress, Stored, TaskRecord

_RANK = {"pending": 1, "submitted": 2, "running": 3}
TERMINAL_RANK = 4
_COUNTED = ("pending", "submitted", "running", "succeeded", "failed", "aborted", "cached")
_ENDED = ("succeeded", "failed", "ignored", "aborted", "cached")
COUNTS = (*_COUNTED, "ignored", "retried")


class Rate(NamedTuple):
    """A row of the price book; an empty machine type is a flat rate."""

    machine_type: str
    price_model: str
    zone: str
    per_hour: Decimal | None
    per_cpu_hour: Decimal | None = None
    per_gib_hour: Decimal | None = None
    vcpus: int = 0
    memory_mib: int = 0
    valid_from_ms: int = 0
    executor: str = ""
    queue: str = ""
    minimum_ms: int = 0
    basis: str = "list"


#: An attempt is priced for ten years at most.
PRICED_MS_MAX = 10 * 365 * 86_400_000


def ms(moment: datetime | None) -> int | None:
    """Epoch ms."""
    return None if moment is None else int(moment.timestamp() * 1000 + 0.5)


@dataclass
class Task:
    """A task with what follows from its record and its run."""

    record: TaskRecord
    shown: str
    inferred: bool
    ended_at: int | None
    priced_ms: int
    cost: Decimal | None
    would_cost: Decimal | None = None  # without the cache
    rate: Rate | None = None  # that held when it began

    @property
    def capacity(self) -> str:
        return bought(self.record) if bought(self.record) in ("spot", "on-demand") else "unknown"

    @property
    def span(self) -> tuple[int, float] | None:
        """[start, end) for concurrency; an end of infinity while it is open."""
        start = ms(self.record.started_at)
        end = float("inf") if self.ended_at is None else self.ended_at
        return None if self.record.status == "cached" or start is None or end <= start else (start, end)


def rank(record: TaskRecord) -> int:
    return _RANK.get(record.status, TERMINAL_RANK)


def order(record: TaskRecord) -> tuple[int, int]:
    """What decides between two records of a task before their content does."""
    moment = ms(record.completed_at or record.started_at or record.submitted_at)
    return rank(record), moment or 0


def cost(record: TaskRecord, lasted: int, rates: Sequence[Rate]) -> Decimal | None:
    """Nine places, rounded down; None where no price is known."""
    return Decimal(0) if record.status == "cached" else would_cost(record, lasted, rates)


def would_cost(record: TaskRecord, lasted: int, rates: Sequence[Rate]) -> Decimal | None:
    """The same of a cached task too: ms for ms in stretches, each by the rate that held then."""
    began = ms(record.started_at)
    if began is None:
        return Decimal(0)
    fitting = [r for r in rates if _fits(record, r)]
    first = held(fitting, began)
    ends = began + max(lasted, first.minimum_ms if first else 0)
    cuts = sorted({began, *(r.valid_from_ms for r in fitting if began < r.valid_from_ms < ends)})
    total = Decimal(0)
    for start, end in zip(cuts, [*cuts[1:], ends], strict=True):
        rate = held(fitting, start)
        if rate is None:
            return None
        total += _stretch(record, rate, Fraction(end - start, 3_600_000))
    return total


def _stretch(record: TaskRecord, rate: Rate, hours: Fraction) -> Decimal:
    cpus = Fraction(_cpu_thousandths(record), 1000)
    mib = (record.memory_bytes or 0) // 2**20
    if rate.per_hour is not None:
        shares = [cpus / rate.vcpus] if rate.vcpus else []
        shares += [Fraction(mib, rate.memory_mib)] if rate.memory_mib else []
        return _down(Fraction(rate.per_hour) * hours * min(Fraction(1), max(shares, default=Fraction(1))))
    flat = _down(Fraction(rate.per_cpu_hour or 0) * hours * cpus)
    return flat + _down(Fraction(rate.per_gib_hour or 0) * hours * Fraction(mib, 1024))


def _cpu_thousandths(record: TaskRecord) -> int:
    return min(10**9, round((1 if record.cpus is None else record.cpus) * 1000))


def bought(record: TaskRecord) -> str:
    """How the machine was bought, in our words."""
    word = (record.price_model or "").lower()
    known = {
        "standard": "on-demand",
        "ondemand": "on-demand",
        "on_demand": "on-demand",
        "preemptible": "spot",
    }
    return known.get(word, word)


def _fits(record: TaskRecord, rate: Rate) -> bool:
    how = bought(record)
    return (
        rate.machine_type == (record.machine_type or "")
        and (rate.price_model in ("", how) or (how == "" and rate.price_model == "on-demand"))
        and (record.cloud_zone or "").startswith(rate.zone)
        and rate.executor in ("", record.executor or "")
        and rate.queue in ("", record.queue or "")
    )


def held(fitting: Sequence[Rate], at: int) -> Rate | None:
    """The rate that held at a time: its queue before any, its executor, its price model, what was told before what is
    assumed, the longest zone, the newest."""

    def place(r: Rate) -> tuple[bool, bool, bool, int, int, int]:
        how_known = ("assumed", "history", "list").index(r.basis)
        return (r.queue != "", r.executor != "", r.price_model != "", how_known, len(r.zone), r.valid_from_ms)

    return max((r for r in fitting if r.valid_from_ms <= at), key=place, default=None)


def rate_of(record: TaskRecord, rates: Sequence[Rate]) -> Rate | None:
    """The rate that held when the task began."""
    return held([r for r in rates if _fits(record, r)], ms(record.started_at) or 0)


def _down(amount: Fraction) -> Decimal:
    return Decimal(int(amount * 10**9)).scaleb(-9)


def figures(tasks: Iterable[Task]) -> dict[str, Any]:
    """Counts, money and peak of some tasks of one run."""
    found = list(tasks)
    f: dict[str, Any] = dict.fromkeys(COUNTS, 0) | {"tasks": len(found)}
    f["open_tasks"] = sum(rank(t.record) < TERMINAL_RANK for t in found)
    f["cost"] = sum((t.cost or Decimal(0) for t in found), Decimal(0))
    f["wasted"] = sum((t.cost or Decimal(0) for t in found if t.shown in ("failed", "aborted")), Decimal(0))
    f["unpriced"] = sum(t.cost is None for t in found)
    for capacity, name in (("spot", "cost_spot"), ("on-demand", "cost_on_demand")):
        f[name] = sum((t.cost or Decimal(0) for t in found if t.capacity == capacity), Decimal(0))
    paid = [t for t in found if t.record.status != "cached" and t.record.started_at and t.cost is not None]
    flat = [t for t in paid if t.rate and t.rate.per_hour is None]
    f["cost_flat"] = sum((t.cost or Decimal(0) for t in flat), Decimal(0))
    f["cost_hosts"] = Decimal(0)  # tests/support/reference/hosts.py tells of hosts
    f["assumed"] = sum(t.rate is not None and t.rate.basis == "assumed" for t in paid)
    f["saved"] = sum((t.would_cost or Decimal(0) for t in found if t.shown == "cached"), Decimal(0))
    spent = [t for t in found if t.shown != "cached"]
    f["cpu_ms"] = sum(t.priced_ms * _cpu_thousandths(t.record) // 1000 for t in spent)
    f["first_submitted_at"] = min(
        (at for t in spent if (at := ms(t.record.submitted_at)) is not None),
        default=None,
    )
    f["last_completed_at"] = max(
        (t.ended_at for t in spent if t.record.status != "pending" and t.ended_at is not None),
        default=None,
    )
    further = Counter(
        (t.record.process, t.record.name, t.record.attempt)
        for t in found
        if t.record.attempt > 1 and t.shown != "cached"
    )
    most: dict[tuple[str, str], int] = {}
    for (process, name, _), number in further.items():
        most[process, name] = max(number, most.get((process, name), 0))
    f["retried"] = sum(most.values())
    for t in found:
        action = (t.record.error_action or "").upper()
        if t.shown == "failed":
            f["failed"] += action != "RETRY"
            f["ignored"] += action == "IGNORE"
        else:
            f[t.shown] += 1
    return f


def of_run(
    tasks: Sequence[Task],
    over: bool,
    totals: Progress | None,
    of_processes: Iterable[ProcessTotals],
    of_stores: Iterable[Stored | ProcessTotals],
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Figures of a run, and by process, from all its tasks. `over`: it has ended. `totals`, `of_processes`, `of_stores`: the
    runner's last."""
    by_process: dict[str, list[Task]] = {}
    for t in tasks:
        by_process.setdefault(t.record.process, []).append(t)
    counted = {
        p.process: p
        for p in sorted(of_processes, key=lambda p: tuple(p.model_dump(exclude={"stored"}).values()))
    }
    stored: dict[str, int] = {}
    for s in of_stores:
        stored[s.process] = max(stored.get(s.process, 0), s.stored)
    for process in (*counted, *(process for process, number in stored.items() if number)):
        by_process.setdefault(process, [])
    all_of_it = figures(tasks) | {"peak": peak(tasks)}
    processes = {process: figures(found) for process, found in by_process.items()}
    told = {kind: all_of_it[kind] for kind in _ENDED}
    for process, f in processes.items():
        counts, missing = _with_totals(f, by_process[process], counted.get(process))
        f |= counts | {"pending": max(0, f["pending"] - missing)}
    for kind in (*_ENDED, "pending"):
        all_of_it[kind] = sum(f[kind] for f in processes.values())
    if over:
        counts, all_of_it["missing"] = _with_totals(all_of_it, tasks, totals)
        all_of_it |= counts
    else:
        all_of_it["missing"] = sum(all_of_it[k] - told[k] for k in _ENDED if k != "ignored")
    for f in (all_of_it, *processes.values()):
        # Pending in a run that is over: that of one that succeeded is shown as succeeded, so these are of the others.
        f["never_run"] = f["pending"] if over else 0
        f["pending"] -= f["never_run"]
    for process, f in processes.items():
        f["stored"] = min(10**9, stored.get(process, 0))
    all_of_it["stored"] = sum(f["stored"] for f in processes.values())
    all_of_it["total"] = sum(all_of_it[k] for k in _COUNTED)
    return all_of_it, processes


def _with_totals(
    f: Mapping[str, Any], tasks: Iterable[Task], totals: Progress | ProcessTotals | None
) -> tuple[dict[str, int], int]:
    """What is shown of the tasks that ended, and how many the runner's totals count above what it told."""
    if totals is None:
        return {}, 0
    told: Counter[str] = Counter()
    closed: Counter[str] = Counter()
    for t in tasks:
        action = (t.record.error_action or "").upper()
        if t.inferred:
            closed[t.shown] += t.record.status != "pending"
        elif t.record.status != "failed" or action != "RETRY":
            told[t.record.status] += 1
            told["ignored"] += t.record.status == "failed" and action == "IGNORE"
    own = {kind: min(10**9, getattr(totals, kind)) for kind in _ENDED}
    own["failed"] -= min(10**9, totals.retries)
    missing = sum(max(0, own[kind] - told[kind] - closed[kind]) for kind in _ENDED if kind != "ignored")
    return ({kind: max(own[kind], told[kind]) for kind in _ENDED} if missing else {}), missing


def peak(tasks: Iterable[Task]) -> int:
    """Most tasks at once. One that starts when another ends is not beside it."""
    spans = [t.span for t in tasks if t.span is not None]
    edges = sorted([(end, -1) for _, end in spans] + [(start, 1) for start, _ in spans])
    most = now = 0
    for _, step in edges:
        now += step
        most = max(most, now)
    return most
