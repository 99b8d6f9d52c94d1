"""Costs as CSV: a line a process, and the whole run last. Pure."""

import csv
import io

from api.costs.models import Costs, ProcessCost

COLUMNS = (
    "process", "tasks", "amount", "wasted", "if_all_spot", "unpriced_tasks", "cpu_ms", "cpu_used", "memory_used", "unused",
    "wallclock_ms", "simulated_wallclock_ms", "capacity", "g_co2e", "first_submitted_at", "last_completed_at",
)  # fmt: skip


def costs_csv(costs: Costs) -> str:
    """With the columns `COLUMNS`, and `currency`. What is not known is empty. The last line is the run, its process is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*COLUMNS, "currency"])
    lines: list[ProcessCost | Costs] = [*costs.processes, costs]
    for of in lines:
        use, spot = of.use, of.if_all_spot
        values = {
            "process": _text(of.process) if isinstance(of, ProcessCost) else "",
            "tasks": of.tasks if isinstance(of, ProcessCost) else sum(p.tasks for p in costs.processes),
            "if_all_spot": spot.amount if spot else None,
            "cpu_used": use.cpu_used if use else None,
            "memory_used": use.memory_used if use else None,
            "unused": use.unused if use else None,
            "g_co2e": of.carbon.g_co2e if of.carbon else None,
            "capacity": of.capacity if isinstance(of, ProcessCost) else None,
        }
        writer.writerow([values[c] if c in values else getattr(of, c) for c in COLUMNS] + [costs.currency])
    return out.getvalue()


def _text(value: str) -> str:
    """No spreadsheet takes it for a formula."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
