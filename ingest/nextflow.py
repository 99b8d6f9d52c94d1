"""What Nextflow's records say, whatever dialect carries them: tasks, totals, the workflow and its end."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from ingest import partial_parsing
from ingest.partial_parsing import SetAsideParts
from ingest.request import Unreadable
from schemas.envelope import Model
from schemas.events import Completed, ProcessTotals, Progress, Runner, Stored, TaskRecord, Workflow
from schemas.statuses import CANCEL_SIGNALS, ReportedState, TaskStatus
from schemas.values import INT32_MAX, INT64_MAX, MOST_NAME, Amount, Count, Moment, Object, Place, Text

STATUSES = {
    "NEW": TaskStatus.PENDING,
    "SUBMITTED": TaskStatus.SUBMITTED,
    "RUNNING": TaskStatus.RUNNING,
    "COMPLETED": TaskStatus.SUCCEEDED,
    "FAILED": TaskStatus.FAILED,
    "ABORTED": TaskStatus.ABORTED,
    "CACHED": TaskStatus.CACHED,
}

#: How Nextflow says that an exit code is not known.
EXIT_UNKNOWN = INT32_MAX


def _status(value: object) -> TaskStatus:
    if isinstance(value, str) and (status := STATUSES.get(value)):
        return status
    raise ValueError(f"not one of {', '.join(STATUSES)}")


def _exit(value: int | None) -> int | None:
    return None if value == EXIT_UNKNOWN else value


def _scratch(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


Exit = Annotated[int, Field(ge=-INT32_MAX, le=INT32_MAX)]


class NextflowTask(TaskRecord):
    """A task record under Nextflow's names; those that are the same in both are inherited."""

    task_id: Annotated[int, Field(ge=0, le=INT64_MAX)] = Field(validation_alias="taskId")
    status: Annotated[TaskStatus, BeforeValidator(_status)]
    exit: Annotated[Exit | None, AfterValidator(_exit)] = None
    error_action: Text | None = Field(None, validation_alias="errorAction")
    native_id: Text | None = Field(None, validation_alias="nativeId", coerce_numbers_to_str=True)
    submitted_at: Moment | None = Field(None, validation_alias="submit")
    started_at: Moment | None = Field(None, validation_alias="start")
    completed_at: Moment | None = Field(None, validation_alias="complete")
    duration_ms: Amount | None = Field(None, validation_alias="duration")
    realtime_ms: Amount | None = Field(None, validation_alias="realtime")
    memory_bytes: Count | None = Field(None, validation_alias="memory")
    disk_bytes: Count | None = Field(None, validation_alias="disk")
    time_limit_ms: Count | None = Field(None, validation_alias="time")
    machine_type: Text | None = Field(None, validation_alias="machineType")
    price_model: Text | None = Field(None, validation_alias="priceModel")
    cloud_zone: Text | None = Field(None, validation_alias="cloudZone")
    scratch: Annotated[Text | None, BeforeValidator(_scratch)] = None
    cpu_percent: Annotated[float, Field(allow_inf_nan=False)] | None = Field(None, validation_alias="pcpu")
    memory_percent: Annotated[float, Field(allow_inf_nan=False)] | None = Field(None, validation_alias="pmem")
    cpu_model: Text | None = Field(None, validation_alias="cpuModel")
    rss_bytes: Count | None = Field(None, validation_alias="rss")
    peak_rss_bytes: Count | None = Field(None, validation_alias="peakRss")
    vmem_bytes: Count | None = Field(None, validation_alias="vmem")
    peak_vmem_bytes: Count | None = Field(None, validation_alias="peakVmem")
    read_chars: Count | None = Field(None, validation_alias="rchar")
    write_chars: Count | None = Field(None, validation_alias="wchar")
    read_syscalls: Count | None = Field(None, validation_alias="syscr")
    write_syscalls: Count | None = Field(None, validation_alias="syscw")
    read_bytes: Count | None = Field(None, validation_alias="readBytes")
    write_bytes: Count | None = Field(None, validation_alias="writeBytes")
    voluntary_switches: Count | None = Field(None, validation_alias="volCtxt")
    involuntary_switches: Count | None = Field(None, validation_alias="invCtxt")
    accelerators: Count | None = Field(None, validation_alias="accelerator")
    accelerator_type: Text | None = Field(None, validation_alias="acceleratorType")
    spot_interruptions: Count | None = Field(None, validation_alias="numSpotInterruptions")
    log_stream_id: Text | None = Field(None, validation_alias="logStreamId")
    resource_allocation: Object | None = Field(None, validation_alias="resourceAllocation")
    gpu_metrics: Object | None = Field(None, validation_alias="gpuMetrics")


class NextflowProgress(Progress):
    peak_running: Count = Field(0, validation_alias="peakRunning")
    processes: Annotated[Any, Field(exclude=True)] = None


class NextflowProcess(ProcessTotals):
    process: Place = Field(validation_alias="name")


#: Our field of `Workflow`: Nextflow's.
WORKFLOW = {
    "name": "runName",
    "session_id": "sessionId",
    "project_name": "projectName",
    "script_name": "scriptName",
    "repository": "repository",
    "revision": "revision",
    "commit_id": "commitId",
    "work_dir": "workDir",
    "launch_dir": "launchDir",
    "output_dir": "outputDir",
    "profile": "profile",
    "user_name": "userName",
    "command_line": "commandLine",
    "config_text": "configText",
    "container_engine": "containerEngine",
    "resume": "resume",
    "stub": "stubRun",
    "preview": "preview",
    "started_at": "start",
    "params": "params",
    "manifest": "manifest",
}
END = {
    "completed_at": "complete",
    "duration_ms": "duration",
    "exit_status": "exitStatus",
    "error_message": "errorMessage",
    "error_report": "errorReport",
}


class End(Model):
    """The end of a run as `workflow` tells it, before it is judged."""

    success: bool | None = None
    completed_at: Any = None
    duration_ms: Count | None = None
    exit_status: Annotated[Exit | None, AfterValidator(_exit)] = None
    error_message: str = ""
    error_report: str = ""


def task_of(
    record: object, part: str, aside: SetAsideParts, names: Mapping[str, str] | None = None
) -> TaskRecord | None:
    """One record with the fields that are right; None, and all set aside, without a usable id and status."""
    if not isinstance(record, dict):
        aside.add(part, "not an object", record)
        return None
    try:
        return partial_parsing.read(NextflowTask, record, part, aside, names)
    except Unreadable as error:
        aside.add(part, str(error), record)
        return None


def progress_of(body: Mapping[str, Any], aside: SetAsideParts) -> Progress | None:
    """The runner's totals. A wrong one sets all aside: with a figure missing they would not add up."""
    totals = partial_parsing.mapping(body, "progress", aside)
    if totals is None:
        return None
    wrong = SetAsideParts()
    progress = partial_parsing.read(NextflowProgress, totals, "progress", wrong)
    if wrong.all():
        reason = "; ".join(f"{w.part}: {w.reason}" for w in wrong.all())
        aside.add("progress", reason, totals)
        return None
    return progress


def stored_of(progress: Progress | None) -> list[Stored] | None:
    """What the totals of a live run say of results taken from a store; None where nothing. Its end says all totals by process."""
    rows = getattr(progress, "processes", None)
    told = [r for r in rows if isinstance(r, dict) and r.get("stored")] if isinstance(rows, list) else []
    return list(_stored(told)) or None


def _stored(rows: list[dict[str, Any]]) -> Iterator[Stored]:
    for row in rows:
        with suppress(ValidationError):  # the end tells what is wrong with them
            yield Stored.model_validate({"process": row.get("name"), "stored": row.get("stored")})


def processes_of(body: Mapping[str, Any], aside: SetAsideParts) -> list[ProcessTotals] | None:
    """The runner's totals by process; those that cannot be used are set aside."""
    progress = body.get("progress")
    if not isinstance(progress, dict):
        return None
    rows = partial_parsing.items(progress, "processes", aside)
    return None if rows is None else list(_processes(rows, aside))


def _processes(rows: list[Any], aside: SetAsideParts) -> Iterator[ProcessTotals]:
    for i, row in enumerate(rows):
        try:
            yield NextflowProcess.model_validate(row)
        except ValidationError as error:
            aside.add(f"progress.processes[{i}]", partial_parsing.reason(error), row)


def workflow_of(facts: Mapping[str, Any], aside: SetAsideParts) -> Workflow:
    """The facts of `workflow`, under our names."""
    fields = {ours: facts.get(theirs) for ours, theirs in WORKFLOW.items()}
    for name in ("params", "manifest"):
        fields[name] = partial_parsing.finite(fields[name], f"workflow.{name}", aside)
    workflow = partial_parsing.read(Workflow, fields, "workflow", aside, WORKFLOW)
    nextflow = facts.get("nextflow")
    version = nextflow.get("version") if isinstance(nextflow, dict) else None
    workflow.runner = Runner(name="nextflow", version=version[:MOST_NAME] if isinstance(version, str) else "")
    return workflow


def completed_of(facts: Mapping[str, Any], aside: SetAsideParts, common: Mapping[str, Any]) -> Completed:
    """The end of the run; `common` are the fields of every Payload, and its totals.

    Raises Unreadable if it does not say how the run ended.
    """
    end = partial_parsing.read(
        End,
        {
            "success": facts.get("success"),
            **{o: facts.get(t) for o, t in END.items()},
        },
        "workflow",
        aside,
        END,
    )
    fields = end.model_dump(exclude={"success"}) | {"state": _state(end)}
    completed = partial_parsing.read(Completed, fields, "workflow", aside, END)
    if end.success is None:
        reason = f"not there; the rest of the request says that the run {completed.state}"
        aside.add("workflow.success", reason, facts.get("success"))
    workflow = workflow_of(facts, aside)
    return completed.model_copy(update={**common, "workflow": workflow, "set_aside": aside.all()})


def _state(end: End) -> ReportedState:
    """What the runner said of the end. Without `success` only an exit of 0 and no error mean success."""
    if end.success:
        return ReportedState.SUCCEEDED
    if end.error_message in CANCEL_SIGNALS:
        return ReportedState.CANCELLED
    if end.success is False or end.error_message or end.error_report or end.exit_status:
        return ReportedState.FAILED
    if end.exit_status == 0:
        return ReportedState.SUCCEEDED
    raise Unreadable("without `success`, an exit status or an error it does not say how the run ended")
