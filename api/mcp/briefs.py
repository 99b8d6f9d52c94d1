"""Answers of the API made brief. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from urllib.parse import quote

from api.core.models import Money
from api.costs.models import Costs, ProcessCost
from api.logs.queries import RunLog, Tail
from api.mcp.excerpts import excerpt
from api.mcp.excerpts import line as line
from api.mcp.models import (
    CostAnswer,
    LogAnswer,
    LogFile,
    ProcessBrief,
    RunAnswer,
    RunBrief,
    TaskAnswer,
    TaskBrief,
    TaskLogs,
)
from api.runs.models import Counts, Run
from api.tasks.models import Task, TaskDetail

_COUNTS = ("pending", "submitted", "running", "succeeded", "failed", "aborted", "cached", "retried", "total")
_PROCESSES_MAX = 10
_NO_FILES = "Nothing that it left can be read: its work directory is gone, or outside of the folders that the tracker may read."


def run_brief(run: Run, base_url: str) -> RunBrief:
    return RunBrief(
        id=run.id,
        name=run.name,
        pipeline=line(run.pipeline),
        runner=run.runner.name,
        status=run.status,
        started_at=run.started_at,
        duration_ms=run.duration_ms,
        tasks=_counts(run.tasks),
        cost=_cost(run),
        error=line(run.error.summary) if run.error else None,
        page=f"{base_url}/runs/{quote(run.id, safe='')}",
    )


def run_answer(run: Run, base_url: str) -> RunAnswer:
    workflow = run.workflow
    return RunAnswer(
        **run_brief(run, base_url).model_dump(),
        completed_at=run.completed_at,
        last_seen_at=run.last_seen_at,
        session_id=run.session_id,
        cycle=run.cycle,
        owner=run.owner,
        labels=run.labels[:20],
        revision=line(workflow.revision),
        command=line(workflow.command_line, 1000),
        launch_folder=line(workflow.launch_dir),
        output_folder=line(workflow.output_dir),
        exit_status=run.error.exit_status if run.error else None,
        report=excerpt(run.error.report or run.error.message) if run.error else None,
        go_on_with=line(run.resume_line, 1000) or run.resume_command,
    )


def task_brief(task: Task) -> TaskBrief:
    return TaskBrief(
        task_id=task.task_id,
        name=line(task.name),
        process=line(task.process),
        status=task.status,
        attempt=task.attempt,
        exit=task.exit,
        error_action=task.error_action,
        duration_ms=task.duration_ms,
        peak_rss_bytes=task.peak_rss_bytes,
        memory_bytes=task.memory_bytes,
    )


def task_answer(task: TaskDetail) -> TaskAnswer:
    brief = task_brief(task).model_dump()
    same = {k: getattr(task, k) for k in TaskAnswer.model_fields if k not in brief and k != "script"}
    texts = {k: line(v) if isinstance(v, str) else v for k, v in same.items()}
    return TaskAnswer(**brief, **texts, script=excerpt(task.script, 2000, 1000))


def task_logs(files: Sequence[tuple[str, Tail]]) -> TaskLogs:
    """The script is told with the task; what it printed stands here."""
    shown: list[LogFile] = []
    for name, tail in files:
        if name != ".command.sh" and (cut := excerpt(tail.text, 500, 1500)):
            shown.append(LogFile(name=name, bytes=tail.size, **cut.model_dump()))
    return TaskLogs(files=shown, message=None if shown else _NO_FILES)


def log_answer(log: RunLog) -> LogAnswer:
    return LogAnswer(path=log.path, log=excerpt(log.text), message=log.message)


def cost_answer(costs: Costs) -> CostAnswer:
    dearest = sorted(costs.processes, key=lambda p: Decimal(p.amount or 0), reverse=True)
    return CostAnswer(
        amount=costs.amount,
        currency=costs.currency,
        wasted=costs.wasted,
        covers=costs.covers,
        if_all_spot=costs.if_all_spot.amount if costs.if_all_spot else None,
        saved_by_cache=costs.saved_by_cache,
        processes=[_process(p) for p in dearest[:_PROCESSES_MAX]],
        other_processes=max(0, len(dearest) - _PROCESSES_MAX),
    )


def _process(cost: ProcessCost) -> ProcessBrief:
    use = cost.use
    return ProcessBrief(
        process=line(cost.process) or "",
        tasks=cost.tasks,
        amount=cost.amount,
        wasted=cost.wasted,
        cpu_used=use.cpu_used if use else None,
        memory_used=use.memory_used if use else None,
    )


def _counts(counts: Counts) -> dict[str, int]:
    return {name: n for name in _COUNTS if (n := getattr(counts, name))}


def _cost(run: Run) -> str | None:
    if run.cost is None:
        return None
    amount: Money = run.cost.amount
    return f"{'' if run.cost.complete else 'at least '}{amount} {run.cost.currency}"
