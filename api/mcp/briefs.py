"""Answers of the API made brief. Pure."""

from decimal import Decimal
from urllib.parse import quote

from api.compare.models import Change, Comparison, ProcessComparison
from api.costs.models import Costs, ProcessCost
from api.diagnosis.models import Diagnosis, FailureGroup
from api.logs.models import RunLog, TaskLog
from api.mcp.excerpts import excerpt
from api.mcp.excerpts import line as line
from api.mcp.models import (
    CauseBrief,
    ChangeBrief,
    ComparisonAnswer,
    CostAnswer,
    DiagnosisAnswer,
    FailureBrief,
    LogAnswer,
    LogFile,
    ProcessBrief,
    ProcessChange,
    RunAnswer,
    RunBrief,
    SideBrief,
    TaskAnswer,
    TaskBrief,
    TaskLogs,
)
from api.runs.models import Cost, Counts, Run
from api.tasks.models import Task, TaskDetail
from schemas.diagnosis.causes import Certainty

_COUNTS = ("pending", "submitted", "running", "succeeded", "failed", "aborted", "cached", "retried", "total")
_PROCESSES_MAX = 10
_GROUPS_MAX = 5
_CHANGES_MAX = 5


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
        cost=_cost(run.cost),
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


def diagnosis_answer(found: Diagnosis, base_url: str) -> DiagnosisAnswer:
    task = found.task
    return DiagnosisAnswer(
        run=line(found.run_name) or "",
        status=found.status,
        verdict=line(found.verdict, 1000) or "",
        cause=_cause(found) if found.cause else None,
        task_id=task.task_id if task else None,
        task=line(task.name) if task else None,
        stderr=excerpt(found.stderr.text, 500, 2000) if found.stderr else None,
        others_failed=[_failure(g) for g in found.failed[:_GROUPS_MAX]],
        ignored=[_failure(g) for g in found.ignored[:_GROUPS_MAX]],
        repaired_failures=found.repaired_failures,
        page=f"{base_url}/runs/{quote(found.run_id, safe='')}?tab=error",
    )


def _cause(found: Diagnosis) -> CauseBrief:
    return CauseBrief(
        cause=line(found.cause, 500) or "",
        certainty=found.certainty or Certainty.UNKNOWN,
        evidence=[line(str(e)) or "" for e in found.evidence[:5]],
        advice=line(found.advice, 500) or "",
        config=found.config[:1000] if found.config else None,
    )


def _failure(group: FailureGroup) -> FailureBrief:
    return FailureBrief(
        process=line(group.process),
        exit=group.exit,
        attempts=group.attempts,
        example_task_id=group.example.task_id,
        cause=line(group.cause.cause) or "",
    )


def comparison_answer(found: Comparison) -> ComparisonAnswer:
    changes = (found.workflow, found.params, found.containers)
    config = (found.config.only_a, found.config.only_b)
    long = any(len(c) > _CHANGES_MAX for c in (*changes, *config)) or len(found.processes) > _PROCESSES_MAX
    workflow, params, containers = ([_change(c) for c in kind[:_CHANGES_MAX]] for kind in changes)
    only_a, only_b = ([line(text, 100) or "" for text in side[:_CHANGES_MAX]] for side in config)
    return ComparisonAnswer(
        a=_side(found.a),
        b=_side(found.b),
        workflow=workflow,
        params=params,
        containers=containers,
        config_only_a=only_a,
        config_only_b=only_b,
        processes=[_process_change(p) for p in found.processes[:_PROCESSES_MAX]],
        more=long or found.config.more or bool(found.more_processes),
    )


def _side(side: Run) -> SideBrief:
    return SideBrief(
        id=side.id,
        name=line(side.name) or "",
        status=side.status,
        started_at=side.started_at,
        duration_ms=side.duration_ms,
        tasks=_counts(side.tasks),
        cost=_cost(side.cost),
    )


def _change(change: Change) -> ChangeBrief:
    return ChangeBrief(name=line(change.name, 60) or "", a=line(change.a, 100), b=line(change.b, 100))


def _process_change(of: ProcessComparison) -> ProcessChange:
    return ProcessChange(
        process=line(of.process, 100) or "",
        time_ms_a=of.a.time_ms if of.a else None,
        time_ms_b=of.b.time_ms if of.b else None,
        time_ratio=of.ratio_time,
        memory_ratio=of.ratio_memory,
        failed_a=of.a.failed if of.a else 0,
        failed_b=of.b.failed if of.b else 0,
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


def task_logs(log: TaskLog) -> TaskLogs:
    cut = [(file, excerpt(file.text, 500, 1500)) for file in log.files]
    files = [LogFile(name=f.name, bytes=f.bytes, **shown.model_dump()) for f, shown in cut if shown]
    return TaskLogs(files=files, message=log.message)


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


def _cost(cost: Cost | None) -> str | None:
    if cost is None:
        return None
    return f"{'' if cost.complete else 'at least '}{cost.amount} {cost.currency}"
