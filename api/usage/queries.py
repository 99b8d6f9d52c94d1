"""What the processes of a run requested and used, and what would have sufficed."""

from collections.abc import Mapping
from math import ceil

from api.core.db import Reader, Row, ahead
from api.core.params import PROCESSES_MAX
from api.costs.models import Costs
from api.costs.queries import costs
from api.diagnosis.queries import is_nextflow
from api.runs.models import Run
from api.runs.queries import UNSEEN, known_run
from api.tasks.queries import labels_of
from api.usage.models import ProcessUsage, Resource, RunUsage, Suggestion
from schemas.texts.nextflow_config import (
    GIB,
    HOUR_MS,
    MIB,
    MINUTE_MS,
    in_process_scope,
    memory_text,
    of_process,
    selector,
    time_text,
)

#: What is suggested above the greatest use, and the parts of a request within which it fits.
_MEMORY_SPARE, _TIME_SPARE = 1.25, 2.0
_TOO_MUCH, _TOO_LITTLE = 0.6, 0.95
#: Tasks below which nothing is suggested: one says little of the next.
_SAMPLE_LEAST = 2


def run_usage(reader: Reader, run_id: str) -> RunUsage:
    """What each process of the run requested and used."""
    return usage_of(reader, known_run(reader, run_id, UNSEEN))


def usage_of(reader: Reader, run: Run) -> RunUsage:
    """As above, of a run that is known."""
    money = ahead(lambda: costs(reader, run.id))
    return put_together(
        reader.rows("usage/usage", run_ids=[run.id], most=PROCESSES_MAX), money.result(), is_nextflow(run)
    )


def put_together(rows: list[Row], money: Costs, nextflow: bool) -> RunUsage:
    """Pure. `rows`: of `usage.sql`."""
    unused = {p.process: p.use.unused for p in money.processes if p.use and p.amount is not None}
    labels = labels_of(r["process"] for r in rows)
    processes = [_process(r, labels[r["process"]], unused, nextflow) for r in rows]
    requested, used = sum(p.cpu_hours_requested for p in processes), sum(p.cpu_hours_used for p in processes)
    return RunUsage(
        cpu_hours_requested=round(requested, 3),
        cpu_hours_used=round(used, 3),
        wasted_cpu_hours=round(max(0.0, requested - used), 3),
        memory_gib_hours_unused=round(sum(p.memory_gib_hours_unused for p in processes), 3),
        wasted_amount=money.use.unused if money.use and money.amount is not None else None,
        currency=money.currency,
        config=whole_config(processes) if nextflow else None,
        processes=processes,
    )


def whole_config(processes: list[ProcessUsage]) -> str | None:
    """Pure. The suggestions of all processes whose names can be written, in one block."""
    lines = [
        line
        for p in processes
        if p.suggested and selector(p.process)
        for line in of_process(p.process, suggested_lines(p.suggested))
    ]
    return in_process_scope(lines) if lines else None


def suggested_lines(suggestion: Suggestion) -> list[str]:
    """Pure. The directives of a suggestion."""
    lines = []
    if suggestion.cpus is not None:
        lines.append(f"cpus = {suggestion.cpus}")
    if suggestion.memory_bytes is not None:
        lines.append(f"memory = {{ {memory_text(suggestion.memory_bytes)} * task.attempt }}")
    if suggestion.time_limit_ms is not None:
        lines.append(f"time = {{ {time_text(suggestion.time_limit_ms)} * task.attempt }}")
    return lines


def suggest(
    process: str, sample: int, cpus: Resource, memory: Resource, time: Resource, nextflow: bool
) -> Suggestion | None:
    """Pure. What would have sufficed: CPUs for the 95th percentile, memory and time for the greatest use with some to spare.

    Nothing where too few tasks were measured, and of each resource nothing where nobody told what was requested or where it fits.
    """
    if sample < _SAMPLE_LEAST:
        return None
    found = Suggestion(cpus=_cpus(cpus), memory_bytes=_memory(memory), time_limit_ms=_time(time), config=None)
    lines = suggested_lines(found)
    if not lines:
        return None
    if nextflow and selector(process):
        found.config = in_process_scope(of_process(process, lines))
    return found


def _better(requested: float, used: float, needed: int) -> int | None:
    """`needed`, if it is more where the request was too little and less where it was too much."""
    if used > _TOO_LITTLE * requested:
        return needed if needed > requested else None
    return needed if used < _TOO_MUCH * requested and needed < requested else None


def _cpus(cpus: Resource) -> int | None:
    if cpus.requested is None or cpus.p95 is None or not 0 < cpus.requested < 10**6:
        return None
    needed = max(1, ceil(min(cpus.p95, 10**6) - 0.1))
    return needed if needed < cpus.requested else None


def _memory(memory: Resource) -> int | None:
    if not memory.requested or not memory.max:
        return None
    unit = GIB if memory.max * _MEMORY_SPARE > GIB else 128 * MIB
    needed = ceil(memory.max * _MEMORY_SPARE / unit) * unit
    return _better(memory.requested, memory.max, needed)


def _time(time: Resource) -> int | None:
    if not time.requested or time.max is None:
        return None
    unit = HOUR_MS if time.max * _TIME_SPARE > 2 * HOUR_MS else 10 * MINUTE_MS
    needed = max(1, ceil(time.max * _TIME_SPARE / unit)) * unit
    return _better(time.requested, time.max, needed)


def _process(row: Row, label: str, unused: Mapping[str, str | None], nextflow: bool) -> ProcessUsage:
    cpus = _resource(row["cpus_requested"], row["cpu_used"], row["sample"], 0.01)
    memory = _resource(row["memory_requested"], row["memory_used"], row["memory_sample"])
    time = _resource(row["time_requested"], row["time_used"], row["sample"])
    suggested = suggest(row["process"], row["sample"], cpus, memory, time, nextflow)
    requested, used = row["cpu_ms"] / HOUR_MS, row["cpu_ms_used"] / HOUR_MS
    return ProcessUsage(
        process=row["process"],
        label=label,
        tasks=row["tasks"],
        sample=row["sample"],
        cpus=cpus,
        memory_bytes=memory,
        time_ms=time,
        cpu_hours_requested=round(requested, 3),
        cpu_hours_used=round(used, 3),
        wasted_cpu_hours=round(max(0.0, requested - used), 3),
        memory_gib_hours_unused=round(row["gib_ms_unused"] / HOUR_MS, 3),
        wasted_amount=unused.get(row["process"]),
        suggestion=suggested.config if suggested else None,
        suggested=suggested,
    )


def _resource(requested: float | None, used: list[float], sample: int, scale: float = 1.0) -> Resource:
    p50, p95, most = (round(v * scale, 2) for v in used) if sample else (None, None, None)
    return Resource(requested=requested, p50=p50, p95=p95, max=most)
