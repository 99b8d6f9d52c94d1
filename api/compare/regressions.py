"""Which processes of a run are slower or dearer than in the last good runs of the same pipeline and revision."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from statistics import median_low

from api.compare.models import Difference, Regression, Regressions
from api.core.db import Reader, Row
from api.core.figures import money
from api.core.params import RunFilter
from api.costs.queries import currency
from api.runs.models import Run
from api.runs.queries import UNSEEN, known_run, page_of_ids, runs_of
from api.tasks.queries import labels_of
from schemas.statuses import RunStatus
from schemas.values import to_ms

#: Slower or dearer by this factor at least is a regression; so much more input read is told as a difference.
FACTOR = 1.5
#: Earlier runs that are looked at, and those of the pipeline, whatever revision, among which they are looked for.
BASELINE_RUNS, CANDIDATES = 5, 50
#: A task that takes less longer than this (ms) is no slower: clocks and schedulers are not exact.
LEAST_MS = 1000
#: Regressions that an answer holds.
REGRESSIONS_MAX = 200

_PLACES = ("executor", "queue", "container", "machine_type", "price_model")


def regressions(reader: Reader, run_id: str) -> Regressions:
    """Those of the run, the worst first; none where no earlier run is there to compare with."""
    run = known_run(reader, run_id, UNSEEN)
    baseline = _baseline(reader, run)
    rows = reader.rows("compare/process_means", run_ids=[run.id, *baseline]) if baseline else []
    return put_together(run.id, baseline, rows, currency(reader))


def _baseline(reader: Reader, run: Run) -> list[str]:
    """The last runs of its pipeline and revision that succeeded and started before it, the newest first."""
    started = to_ms(run.started_at or run.submitted_at)
    if run.pipeline is None or not isinstance(started, int):
        return []
    judgement = reader.judgement()
    filter = RunFilter([RunStatus.SUCCEEDED], pipeline=run.pipeline, before_ms=started, hidden=False)
    ids, _ = page_of_ids(reader, judgement, filter, "-started_at", "", CANDIDATES)
    if not ids:
        return []
    by_id = {r.id: r for r in runs_of(reader, ids, judgement, UNSEEN)}
    revision = run.workflow.revision
    same = [i for i in ids if i in by_id and i != run.id and by_id[i].workflow.revision == revision]
    return same[:BASELINE_RUNS]


def put_together(
    run_id: str, baseline: Sequence[str], rows: Sequence[Row], currency: str | None
) -> Regressions:
    """Pure. `rows`: of `process_means.sql`, of the run and of the baseline."""
    now = {r["process"]: r for r in rows if r["run_id"] == run_id}
    before: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["run_id"] != run_id:
            before[row["process"]].append(row)
    labels = labels_of(now)
    found = [
        regression
        for process, row in now.items()
        if before[process] and (regression := _of_process(row, before[process], labels[process]))
    ]
    found.sort(key=lambda r: (-max(r.ratio_time or 0.0, r.ratio_cost or 0.0), r.process))
    return Regressions(
        baseline=list(baseline),
        factor=FACTOR,
        currency=currency,
        regressions=found[:REGRESSIONS_MAX],
        more=max(0, len(found) - REGRESSIONS_MAX),
    )


def _of_process(row: Row, before: Sequence[Row], label: str) -> Regression | None:
    """Pure. None where it is neither slower nor dearer."""
    times = [b["task_ms"] for b in before if b["succeeded"]]
    usual_ms = median_low(times) if times and row["succeeded"] else None
    usual_cost = _median_cost([c for b in before if (c := _cost_of_task(b)) is not None])
    cost = _cost_of_task(row)
    ratio_time = round(row["task_ms"] / usual_ms, 3) if usual_ms else None
    ratio_cost = round(float(cost / usual_cost), 3) if cost is not None and usual_cost else None
    slower = ratio_time is not None and ratio_time >= FACTOR and row["task_ms"] - (usual_ms or 0) >= LEAST_MS
    dearer = ratio_cost is not None and ratio_cost >= FACTOR
    if not slower and not dearer:
        return None
    return Regression(
        process=row["process"],
        label=label,
        slower=slower,
        dearer=dearer,
        task_ms=row["task_ms"] if row["succeeded"] else None,
        usual_task_ms=usual_ms,
        ratio_time=ratio_time,
        cost_per_task=None if cost is None else money(cost),
        usual_cost_per_task=None if usual_cost is None else money(usual_cost),
        ratio_cost=ratio_cost,
        differs=differences(row, before),
    )


def differences(row: Row, before: Sequence[Row]) -> list[Difference]:
    """Pure. What is not as it was in any of the runs before: where it ran, and how much it read or was retried."""
    found = []
    for place in _PLACES:
        usual = sorted({value for b in before for value in b[f"{place}s"]})
        if not set(row[f"{place}s"]) <= set(usual):
            found.append(
                Difference(what=place, now=", ".join(row[f"{place}s"]), usual=", ".join(usual) or None)
            )
    read = median_low([b["read_bytes"] for b in before])
    if row["read_bytes"] and row["read_bytes"] >= FACTOR * read:
        found.append(
            Difference(what="read_bytes", now=str(row["read_bytes"]), usual=str(read) if read else None)
        )
    attempts, usual_attempts = _attempts(row), median_low([_attempts(b) for b in before])
    if attempts > usual_attempts:
        found.append(Difference(what="attempts_per_task", now=f"{attempts:g}", usual=f"{usual_attempts:g}"))
    return found


def _attempts(row: Mapping[str, int]) -> float:
    return round(row["attempts"] / max(1, row["tasks"]), 2)


def _cost_of_task(row: Row) -> Decimal | None:
    """What a task cost with all of its attempts; None where a price is unknown."""
    if row["unpriced"] or not row["tasks"]:
        return None
    return (Decimal(row["cost"]) / int(row["tasks"])).quantize(Decimal("1e-9"))


def _median_cost(costs: Sequence[Decimal]) -> Decimal | None:
    return median_low(costs) if costs else None
