"""Two runs beside each other: what differs in what was run, and what each process did in both."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

from api.compare.models import Change, Comparison, ConfigChange, ProcessComparison, ProcessSide
from api.core.db import Reader, Row, ahead
from api.core.params import PROCESSES_MAX, RunFilter
from api.core.problems import not_found
from api.costs.queries import costs
from api.runs.models import Run
from api.runs.queries import UNSEEN, page_of_ids, resolve, runs_of
from api.tasks.queries import labels_of
from schemas.statuses import RunStatus
from schemas.values import to_ms

#: Processes, changes of one kind, lines of configuration of one run, and characters of a value that an answer holds.
_PROCESSES_MAX, _CHANGES_MAX, _LINES_MAX, _VALUE_MAX = 1000, 200, 200, 500
#: Fields of `Workflow` that are compared.
_FIELDS = (
    "repository",
    "revision",
    "commit_id",
    "script_name",
    "profile",
    "command_line",
    "user_name",
    "work_dir",
    "output_dir",
)


def compare_runs(reader: Reader, a: str, b: str) -> Comparison:
    """The runs `a` and `b` (ids or names) beside each other; for '' as `b` the last good run of a's pipeline before it. Raises
    Problem 404 where there is none of them."""
    a_id = resolve(reader, a)
    judgement = reader.judgement()
    if b:
        b_id = resolve(reader, b)
    else:
        [run] = runs_of(reader, [a_id], judgement, UNSEEN)
        b_id = last_good(reader, run) or ""
        if not b_id:
            raise not_found("earlier run that succeeded of the pipeline of", a)
    ids = list(dict.fromkeys((a_id, b_id)))
    cost_a, cost_b = ahead(lambda: costs(reader, a_id)), ahead(lambda: costs(reader, b_id))
    rows = ahead(lambda: reader.rows("compare/processes", run_ids=ids, most=PROCESSES_MAX))
    by_id = {r.id: r for r in runs_of(reader, ids, judgement, UNSEEN, whole=True)}
    amounts = {
        run_id: {p.process: p.amount for p in found.result().processes}
        for run_id, found in ((a_id, cost_a), (b_id, cost_b))
    }
    return put_together(by_id[a_id], by_id[b_id], rows.result(), amounts, cost_b.result().currency)


def last_good(reader: Reader, run: Run) -> str | None:
    """The id of the last run of this one's pipeline that succeeded and started before it."""
    started = to_ms(run.started_at or run.submitted_at)
    if run.pipeline is None or not isinstance(started, int):
        return None
    filter = RunFilter([RunStatus.SUCCEEDED], pipeline=run.pipeline, before_ms=started, hidden=False)
    ids, _ = page_of_ids(reader, reader.judgement(), filter, "-started_at", "", 1)
    return ids[0] if ids else None


def put_together(
    a: Run, b: Run, rows: Sequence[Row], amounts: Mapping[str, Mapping[str, str | None]], currency: str | None
) -> Comparison:
    """Pure. `rows`: of `processes.sql`; `amounts`: run → process → cost."""
    of_a, of_b = (_sides(rows, run.id, amounts) for run in (a, b))
    labels = labels_of(dict.fromkeys([*of_a, *of_b]))
    processes = [
        ProcessComparison(
            process=p, label=label, a=of_a.get(p), b=of_b.get(p), **ratios(of_a.get(p), of_b.get(p))
        )
        for p, label in labels.items()
    ]
    processes.sort(key=lambda p: (-abs(_time(p.b) - _time(p.a)), p.process))
    containers = [
        Change(name=p.label, a=", ".join(p.a.containers) or None, b=", ".join(p.b.containers) or None)
        for p in processes
        if p.a and p.b and p.a.containers != p.b.containers
    ]
    return Comparison(
        a=_without_texts(a),
        b=_without_texts(b),
        workflow=changes(_facts(a), _facts(b)),
        params=changes(a.workflow.params or {}, b.workflow.params or {}),
        config=config_change(a.workflow.config_text or "", b.workflow.config_text or ""),
        containers=containers[:_CHANGES_MAX],
        processes=processes[:_PROCESSES_MAX],
        more_processes=max(0, len(processes) - _PROCESSES_MAX),
        currency=currency,
    )


def changes(a: Mapping[str, object], b: Mapping[str, object]) -> list[Change]:
    """Pure. The names whose values differ, in the order of `a`, then of `b`."""
    names = [n for n in dict.fromkeys([*a, *b]) if a.get(n) != b.get(n) or (n in a) != (n in b)]
    return [
        Change(name=n[:_VALUE_MAX], a=_text(a[n]) if n in a else None, b=_text(b[n]) if n in b else None)
        for n in names[:_CHANGES_MAX]
    ]


def config_change(a: str, b: str) -> ConfigChange:
    """Pure. Lines that only one has, each as often as it has it more often; a line that only moved is not told.

    Linear, as no alignment of lines is: texts of runners may be anything.
    """
    lines_a, lines_b = ([line.rstrip() for line in text.splitlines() if line.strip()] for text in (a, b))
    only_a, only_b = _beyond(lines_a, Counter(lines_b)), _beyond(lines_b, Counter(lines_a))
    return ConfigChange(
        only_a=[line[:_VALUE_MAX] for line in only_a[:_LINES_MAX]],
        only_b=[line[:_VALUE_MAX] for line in only_b[:_LINES_MAX]],
        more=max(len(only_a), len(only_b)) > _LINES_MAX,
    )


def _beyond(lines: Sequence[str], others: Counter[str]) -> list[str]:
    left = Counter(others)
    found = []
    for line in lines:
        if left[line] > 0:
            left[line] -= 1
        else:
            found.append(line)
    return found


def ratios(a: ProcessSide | None, b: ProcessSide | None) -> dict[str, float | None]:
    """Pure. a over b, by field of `ProcessComparison`."""
    if a is None or b is None:
        return dict.fromkeys(("ratio_time", "ratio_task_time", "ratio_memory", "ratio_cost"))
    return {
        # Where nothing ran, nothing became faster.
        "ratio_time": None if a.task_ms_p50 is None else _ratio(a.time_ms, b.time_ms),
        "ratio_task_time": _ratio(a.task_ms_p50, b.task_ms_p50),
        "ratio_memory": _ratio(a.peak_rss_max, b.peak_rss_max),
        "ratio_cost": _ratio(*(None if x.cost is None else float(Decimal(x.cost)) for x in (a, b))),
    }


def _ratio(a: float | None, b: float | None) -> float | None:
    return None if not b or a is None else round(a / b, 3)


def _time(side: ProcessSide | None) -> int:
    return side.time_ms if side else 0


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _VALUE_MAX else text[:_VALUE_MAX] + "…"


def _facts(run: Run) -> dict[str, object]:
    values = {name: getattr(run.workflow, name) for name in _FIELDS}
    values["runner"] = " ".join(filter(None, (run.runner.name, run.runner.version))) or None
    return {name: value for name, value in values.items() if value is not None}


def _without_texts(run: Run) -> Run:
    """As lists give a run."""
    none = dict.fromkeys(("params", "config_text", "manifest"))
    error = run.error.model_copy(update={"report": None}) if run.error else None
    return run.model_copy(update={"workflow": run.workflow.model_copy(update=none), "error": error})


def _sides(
    rows: Sequence[Row], run_id: str, amounts: Mapping[str, Mapping[str, str | None]]
) -> dict[str, ProcessSide]:
    return {
        r["process"]: ProcessSide(
            **{
                k: r[k]
                for k in ("tasks", "succeeded", "failed", "cached", "wallclock_ms", "time_ms", "peak_rss_max")
            },
            task_ms_p50=r["task_ms_p50"] if r["worked_tasks"] else None,
            cost=amounts[run_id].get(r["process"]),
            containers=r["containers"],
        )
        for r in rows
        if r["run_id"] == run_id
    }
