"""What a run's tasks emitted: their energy times the grams of their grid.

grams = hours * (CPUs * (idle + use * (full - idle)) / 1000 + GB * kWh a GB and hour) * PUE * grams a kWh: the method of Cloud
Carbon Footprint (cloudcarbonfootprint.org/docs/methodology), with its coefficients unless `TRACKER_CARBON_BOOK` names others.
"""

from collections.abc import Iterable, Sequence
from math import fsum
from typing import Protocol

from api.carbon.book import CarbonBook, carbon_book
from api.carbon.models import Assumptions, Carbon
from api.core.db import Reader, Row
from api.core.params import PROCESSES_MAX
from schemas.settings import Settings


def carbon(reader: Reader, run_id: str, missing: int) -> tuple[Carbon | None, dict[str, Carbon]]:
    """Of the run, and by process; None, or no entry, where no region is known. `missing`: tasks that were never told."""
    book = carbon_book(reader.settings.carbon_book)
    rows = reader.rows(
        "carbon/energy",
        run_id=run_id,
        regions=regions_of(book),
        utilisation=book.utilisation,
        most=PROCESSES_MAX,
    )
    by_process: dict[str, list[Row]] = {}
    for row in rows:
        by_process.setdefault(row["process"], []).append(row)
    found = {process: emitted(of, book) for process, of in by_process.items()}
    return emitted(rows, book, missing), {process: c for process, c in found.items() if c}


def regions_of(book: CarbonBook) -> list[str]:
    """Pure. The longest first, so that the first that fits is the nearest; '' stands for all others and is not among them."""
    return sorted(filter(None, book.grams_per_kwh), key=lambda r: (-len(r), r))


def emitted(rows: Iterable[Row], book: CarbonBook, missing: int = 0) -> Carbon | None:
    """Pure. Of rows of `energy.sql`."""
    known: list[Row] = []
    unknown = 0
    for row in rows:
        if row["region"] in book.grams_per_kwh:
            known.append(row)
        else:
            unknown += row["tasks"]
    if not known:
        return None
    return Carbon(
        g_co2e=_rounded(fsum(kwh_of(r, book) * book.grams_per_kwh[r["region"]] for r in known)),
        kwh=_rounded(fsum(kwh_of(r, book) for r in known)),
        complete=not (unknown or missing),
        unknown_tasks=unknown,
        unmeasured_tasks=sum(r["unmeasured"] for r in known),
        assumptions=_assumptions(known, book),
    )


def kwh_of(row: Row, book: CarbonBook) -> float:
    """Pure. The energy of a row of `energy.sql`, that of the data centre around it included."""
    watt_hours = book.watts_idle * row["vcpu_hours"] + row["used_vcpu_hours"] * (
        book.watts_full - book.watts_idle
    )
    return float((watt_hours / 1000 + book.kwh_per_gb_hour * row["gb_hours"]) * book.pue)


def _assumptions(rows: Sequence[Row], book: CarbonBook) -> Assumptions:
    regions = sorted({r["region"] for r in rows})
    return Assumptions.model_validate(
        book.model_dump() | {"grams_per_kwh": {r: book.grams_per_kwh[r] for r in regions}}
    )


def _rounded(value: float) -> float:
    """To six digits: the estimate is not better than that."""
    return float(f"{value:.6g}")


class Attempt(Protocol):
    """What is known of an attempt, as its answer has it."""

    cloud_zone: str | None
    cpus: float | None
    cpu_percent: float | None
    memory_bytes: int | None
    peak_rss_bytes: int | None


def carbon_of_task(settings: Settings, task: Attempt, ran_ms: int) -> float | None:
    """Grams of one attempt that ran for so long; None where its region is not known or it never started."""
    book = carbon_book(settings.carbon_book)
    row = energy_of(task, ran_ms, book)
    found = emitted([row], book) if ran_ms else None
    return found.g_co2e if found else None


def energy_of(task: Attempt, ran_ms: int, book: CarbonBook) -> Row:
    """Pure. The row that `energy.sql` makes of one attempt."""
    zone, hours = task.cloud_zone or "", ran_ms / 3_600_000
    vcpus = max(0.001, 1.0 if task.cpus is None else task.cpus)
    used = book.utilisation if task.cpu_percent is None else task.cpu_percent / 100 / vcpus
    memory = task.peak_rss_bytes if task.memory_bytes is None else task.memory_bytes
    return {
        "region": next((r for r in regions_of(book) if zone.startswith(r)), ""),
        "tasks": 1,
        "unmeasured": int(task.cpu_percent is None),
        "vcpu_hours": vcpus * hours,
        "used_vcpu_hours": vcpus * hours * min(1.0, max(0.0, used)),
        "gb_hours": (memory or 0) / 1e9 * hours,
    }
