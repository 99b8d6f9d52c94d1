"""How the runs of each pipeline went, and how its processes did."""

from dataclasses import asdict, replace

from api.core.db import Reader, Row, ahead
from api.core.figures import money, time_of
from api.core.params import RunFilter
from api.core.problems import not_found
from api.costs.queries import currency
from api.pipelines.models import Pipeline, PipelineDetail, PipelineList, ProcessHistory
from api.runs.queries import page_of_runs
from api.tasks.queries import labels_of

#: Pipelines of one answer, and processes of one pipeline.
PIPELINES_MAX = 500
PROCESSES_MAX = 1000
#: Newest runs that the trend shows, and of which processes are judged.
NEWEST_RUNS = 30


def pipelines(reader: Reader, filter: RunFilter) -> PipelineList:
    """Those of the filter's runs, with the newest run first."""
    book_currency = ahead(lambda: currency(reader))
    rows = _rows(reader, filter, PIPELINES_MAX + 1)
    return PipelineList(
        pipelines=[_pipeline(r) for r in rows[:PIPELINES_MAX]],
        currency=book_currency.result(),
        more=len(rows) > PIPELINES_MAX,
    )


def one_pipeline(reader: Reader, name: str, filter: RunFilter) -> PipelineDetail:
    """The pipeline of this name, by the filter's runs. Raises Problem 404 where it has none."""
    filter = replace(filter, pipeline=name)
    book_currency = ahead(lambda: currency(reader))
    newest = ahead(lambda: page_of_runs(reader, filter, "-started_at", "", NEWEST_RUNS).runs)
    rows = _rows(reader, filter, 1)
    runs = newest.result()
    if not rows:
        raise not_found("pipeline", name)
    processes = reader.rows("pipelines/processes", run_ids=[r.id for r in runs], limit=PROCESSES_MAX)
    labels = labels_of(r["process"] for r in processes)
    return PipelineDetail(
        **_pipeline(rows[0]).model_dump(),
        newest=runs,
        processes=[_process(r, labels[r["process"]]) for r in processes],
        currency=book_currency.result(),
    )


def _rows(reader: Reader, filter: RunFilter, limit: int) -> list[Row]:
    parameters = reader.judgement().parameters() | asdict(filter)
    return reader.rows("pipelines/pipelines", **parameters, limit=limit)


def _pipeline(row: Row) -> Pipeline:
    return Pipeline(
        **{k: row[k] for k in ("name", "runs", "succeeded", "failed", "cancelled", "live", "last_run")},
        last_run_at=time_of(row["last_run_ms"]),
        last_good_run=row["last_good_run"] or None,
        last_good_run_at=time_of(row["last_good_ms"]) if row["last_good_run"] else None,
        duration_p50_ms=row["duration_p50_ms"] if row["timed_runs"] else None,
        cost_p50=money(row["cost_p50"]) if row["priced_runs"] else None,
    )


def _process(row: Row, label: str) -> ProcessHistory:
    return ProcessHistory(
        **{k: row[k] for k in ("process", "runs", "tasks", "failed", "retried")},
        label=label,
        wallclock_p50_ms=row["wallclock_p50_ms"] if row["timed_runs"] else None,
        cost_p50=money(row["cost_p50"]) if row["priced_runs"] else None,
    )
