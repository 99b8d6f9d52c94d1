"""The shapes of answers about tasks and processes."""

from typing import Any

from pydantic import BaseModel, Field

from api.core.models import Money, Time
from api.runs.models import Counts
from schemas.statuses import TaskStatus


class Process(Counts):
    process: str = Field(description="Full name")
    label: str = Field(description="Its last two colon-separated segments")
    told: bool = Field(
        True, description="Whether the runner told anything of it beside its name: a task, or its totals"
    )


class ProcessList(BaseModel):
    processes: list[Process]


class ProcessTrend(BaseModel):
    """How a process went in one run: its attempts, and times and peaks of those that worked; `retried` is a part of `failed`."""

    run_id: str
    attempts: int
    failed: int
    retried: int
    cached: int
    median_realtime_ms: int | None
    max_realtime_ms: int | None
    max_peak_rss_bytes: int | None
    max_memory_bytes: int | None = Field(description="What it asked for")


class Task(BaseModel):
    """One attempt. `inferred`: it was still open when the run ended, so its status follows from the run's."""

    task_id: int
    hash: str | None
    name: str | None
    process: str | None
    tag: str | None
    status: TaskStatus
    inferred: bool
    attempt: int
    error_action: str | None
    exit: int | None
    native_id: str | None
    submitted_at: Time | None
    started_at: Time | None
    completed_at: Time | None
    duration_ms: int | None
    realtime_ms: int | None
    cpus: float | None
    memory_bytes: int | None
    machine_type: str | None
    price_model: str | None
    cloud_zone: str | None
    hostname: str | None
    container: str | None
    executor: str | None
    queue: str | None
    cost: Money | None
    cost_method: str | None = Field(
        None, description="host-sliced, share-of-machine, flat, or null where nothing was priced"
    )
    cpu_percent: float | None
    peak_rss_bytes: int | None
    read_bytes: int | None
    write_bytes: int | None


class TaskDetail(Task):
    """A task with all that was told of it. `env` is redacted."""

    disk_bytes: int | None
    time_limit_ms: int | None
    module: list[str]
    workdir: str | None
    scratch: str | None
    script: str | None
    env: str | None
    memory_percent: float | None
    cpu_model: str | None
    rss_bytes: int | None
    vmem_bytes: int | None
    peak_vmem_bytes: int | None
    read_chars: int | None
    write_chars: int | None
    read_syscalls: int | None
    write_syscalls: int | None
    voluntary_switches: int | None
    involuntary_switches: int | None
    accelerators: int | None
    accelerator_type: str | None
    spot_interruptions: int | None
    log_stream_id: str | None = None
    resource_allocation: dict[str, Any] | None = Field(None, description="What the scheduler gave it")
    gpu_metrics: dict[str, Any] | None = Field(None, description="What its GPUs did")
    g_co2e: float | None = Field(
        None, description="Grams of CO₂ equivalents; null where its region is not known"
    )


class TaskList(BaseModel):
    tasks: list[Task]
    next_page_token: str | None


class Level(BaseModel):
    at: Time
    running: int


class Concurrency(BaseModel):
    """Tasks at once over time. Each number holds until the next point; the largest is `peak`."""

    peak: int
    points: list[Level]
