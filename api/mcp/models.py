"""The shapes of answers of tools: the same figures as in /api/v1, fewer of them."""

from pydantic import BaseModel, Field

from api.core.models import Money, Time
from api.mcp.excerpts import Excerpt
from api.tasks.models import ProcessTrend
from schemas.diagnosis.causes import Certainty
from schemas.statuses import RunStatus, TaskStatus


class RunBrief(BaseModel):
    """A run in a list. `tasks`: how many stand how, those that are more than none."""

    id: str
    name: str
    pipeline: str | None
    runner: str | None
    status: RunStatus
    started_at: Time | None
    duration_ms: int | None
    tasks: dict[str, int]
    cost: str | None = Field(description="With its currency; at least that much where it says so")
    error: str | None
    page: str = Field(description="Where people see it")


class RunBriefs(BaseModel):
    runs: list[RunBrief]
    more: bool = Field(description="Whether there are more than these")


class RunAnswer(RunBrief):
    """One run."""

    completed_at: Time | None
    last_seen_at: Time | None
    session_id: str | None
    cycle: int
    owner: str | None
    labels: list[str]
    revision: str | None
    command: str | None
    launch_folder: str | None
    output_folder: str | None
    exit_status: int | None
    report: Excerpt | None = Field(description="The runner's own report of the error")
    go_on_with: str | None = Field(description="The command that goes on with it, or what to append to it")


class CauseBrief(BaseModel):
    """Why something failed, how sure that is, what it goes by, and what to do."""

    cause: str
    certainty: Certainty
    evidence: list[str]
    advice: str
    config: str | None = Field(description="Nextflow configuration to paste, where some helps")


class FailureBrief(BaseModel):
    """Attempts of one process that failed in one way."""

    process: str | None
    exit: int | None
    attempts: int
    example_task_id: int
    cause: str


class DiagnosisAnswer(BaseModel):
    """Why a run failed, by fixed rules. `task_id` is the attempt that ended it; the others failed too."""

    run: str
    status: RunStatus
    verdict: str
    cause: CauseBrief | None
    task_id: int | None
    task: str | None
    stderr: Excerpt | None
    others_failed: list[FailureBrief]
    ignored: list[FailureBrief] = Field(description="Their results are missing")
    repaired_failures: int
    page: str


class ChangeBrief(BaseModel):
    """Something that differs; null where a run does not have it."""

    name: str
    a: str | None
    b: str | None


class ProcessChange(BaseModel):
    """A process in two runs: how long its attempts took together, and b over a where both are known."""

    process: str
    time_ms_a: int | None
    time_ms_b: int | None
    time_ratio: float | None
    memory_ratio: float | None
    failed_a: int
    failed_b: int


class SideBrief(BaseModel):
    """One of two runs."""

    id: str
    name: str
    status: RunStatus
    started_at: Time | None
    duration_ms: int | None
    tasks: dict[str, int]
    cost: str | None


class ComparisonAnswer(BaseModel):
    """What differs between two runs: the first changes of each kind, and the processes whose time changed most."""

    a: SideBrief
    b: SideBrief
    workflow: list[ChangeBrief]
    params: list[ChangeBrief]
    containers: list[ChangeBrief]
    config_only_a: list[str]
    config_only_b: list[str]
    processes: list[ProcessChange]
    more: bool = Field(description="Whether anything was left out")


class TaskBrief(BaseModel):
    """An attempt in a list."""

    task_id: int
    name: str | None
    process: str | None
    status: TaskStatus
    attempt: int
    exit: int | None
    error_action: str | None
    duration_ms: int | None
    peak_rss_bytes: int | None
    memory_bytes: int | None = Field(description="What it asked for")


class TaskBriefs(BaseModel):
    tasks: list[TaskBrief]
    more: bool


class TaskAnswer(TaskBrief):
    """One attempt with its script and where it ran."""

    tag: str | None
    submitted_at: Time | None
    started_at: Time | None
    completed_at: Time | None
    realtime_ms: int | None
    time_limit_ms: int | None
    cpus: float | None
    cpu_percent: float | None
    executor: str | None
    queue: str | None
    native_id: str | None
    hostname: str | None
    container: str | None
    machine_type: str | None
    price_model: str | None
    spot_interruptions: int | None
    workdir: str | None
    cost: str | None
    script: Excerpt | None


class LogFile(Excerpt):
    name: str
    bytes: int


class TaskLogs(BaseModel):
    """What a task left in its work directory: without files, `message` says why there are none."""

    files: list[LogFile]
    message: str | None = None


class LogAnswer(BaseModel):
    """The end of the runner's own log; without it, `message` says why there is none."""

    path: str | None
    log: Excerpt | None
    message: str | None


class TrendPoint(ProcessTrend):
    """How a process went in one run of a pipeline."""

    run: str
    started_at: Time | None


class TrendAnswer(BaseModel):
    """Of the newest runs of a pipeline, newest first; runs in which the process had no task are left out."""

    pipeline: str | None
    process: str
    runs: list[TrendPoint]


class ProcessBrief(BaseModel):
    """What a process cost. `cpu_used`, `memory_used`: 0 to 1 of what it asked for."""

    process: str
    tasks: int
    amount: Money | None
    wasted: Money | None
    cpu_used: float | None
    memory_used: float | None


class CostAnswer(BaseModel):
    """What a run cost: the processes that cost most."""

    amount: Money | None
    currency: str | None
    wasted: Money | None = Field(description="By failed and aborted attempts")
    covers: str
    if_all_spot: Money | None
    saved_by_cache: Money | None
    processes: list[ProcessBrief]
    other_processes: int


class DashboardAnswer(BaseModel):
    """Where a person goes on."""

    url: str
