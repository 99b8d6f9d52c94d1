"""The answers' shapes. Outside programs rely on names and meanings: fields may be added, never changed.

Times are RFC 3339 in UTC with ms; money is a decimal text; durations are ms, sizes bytes.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from schemas.statuses import Liveness, ReportedState, RunStatus, TaskStatus

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Money = Annotated[str, WithJsonSchema({"type": "string", "format": "decimal"})]


class Runner(BaseModel):
    """The program that runs the workflow."""

    name: str | None
    version: str | None


class Workflow(BaseModel):
    """What is run, where and by whom, as the runner told it."""

    repository: str | None
    revision: str | None
    commit_id: str | None
    project_name: str | None
    script_name: str | None
    work_dir: str | None
    launch_dir: str | None
    output_dir: str | None
    profile: str | None
    user_name: str | None
    command_line: str | None
    params: dict[str, Any] | None
    config_text: str | None
    manifest: dict[str, Any] | None


class Counts(BaseModel):
    """Tasks by how they stand. `failed` leaves out attempts that were retried; `ignored` is a part of it.

    `total` = pending + submitted + running + succeeded + failed + aborted + cached.
    """

    pending: int
    submitted: int
    running: int
    succeeded: int
    failed: int
    ignored: int
    aborted: int
    cached: int
    retried: int
    total: int


class Cost(BaseModel):
    """What the attempts cost; `wasted`: the failed and aborted ones; not `complete` if a price is unknown."""

    amount: Money
    currency: str
    wasted: Money
    complete: bool


class Outputs(BaseModel):
    """What the run left in its output folder."""

    bytes: int
    files: int
    annual_cost_low: Money | None
    annual_cost_high: Money | None
    deleted_at: Time | None
    deleted_by: str | None


class RunError(BaseModel):
    """Why the run failed or was cancelled; of a cancelled run the message is the signal."""

    message: str | None
    report: str | None
    exit_status: int | None


class RunThresholds(BaseModel):
    """After how long a silence the run is called disconnected or stalled: its labels' word, else the settings'."""

    disconnected_after_ms: int
    stalled_after_ms: int
    ignored_labels: list[str] = Field(description="Labels that mean to set a threshold and cannot be used")


class Run(BaseModel):
    """One execution by a runner."""

    id: str
    name: str = Field(description="The id where the runner gave no name")
    session_id: str | None
    cycle: int = Field(description="Position among the runs of its session, the oldest being 1")
    runner: Runner
    status: RunStatus = Field(description="What people see")
    reported_state: ReportedState = Field(description="What the runner said")
    liveness: Liveness | None = Field(description="What its silence says; null once the run is over")
    last_seen_at: Time | None
    as_of: Time = Field(description="Up to when the tracker knows of this run")
    workflow: Workflow
    pipeline: str | None = Field(
        description="What is run, in a few words: the project or repository, or the manifest's name where that is only a script"
    )
    submitted_at: Time | None
    started_at: Time | None
    completed_at: Time | None
    duration_ms: int | None
    tasks: Counts
    peak_concurrency: int
    cost: Cost | None
    outputs: Outputs | None
    error: RunError | None
    resume_command: str | None
    owner: str | None = Field(description="Who the token belongs to")
    workspace: str | None
    labels: list[str]
    thresholds: RunThresholds
    hidden: bool = Field(description="Left out of lists, unless they are asked for hidden runs too")
    hidden_by: str | None = Field(description="Who hid it")


class RunList(BaseModel):
    runs: list[Run]
    next_page_token: str | None
    as_of: Time


class History(BaseModel):
    """The runs of a session, oldest first."""

    cycles: list[Run]


class Process(Counts):
    process: str = Field(description="Full name")
    label: str = Field(description="Its last two colon-separated segments")


class ProcessList(BaseModel):
    processes: list[Process]


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


class Transition(BaseModel):
    """One change of the run's status; `from` is null for the first."""

    model_config = ConfigDict(populate_by_name=True)

    at: Time
    from_: RunStatus | None = Field(alias="from")
    to: RunStatus
    reason: str


class TransitionList(BaseModel):
    transitions: list[Transition]


class Spot(BaseModel):
    """What spot machines alone would have cost."""

    amount: Money


class ProcessCost(BaseModel):
    process: str
    label: str
    tasks: int
    amount: Money | None
    wasted: Money | None
    unpriced_tasks: int
    if_all_spot: Spot | None
    cpu_ms: int


class Pricing(BaseModel):
    """How it was priced: the price book in force, null where there is none, and the rule in words."""

    version: int | None
    rates: int
    rule: str


class Costs(BaseModel):
    """`amount` and `wasted` are null when no price is known; `if_all_spot` when one spot price is not."""

    amount: Money | None
    currency: str | None
    wasted: Money | None
    complete: bool
    unpriced_tasks: int
    if_all_spot: Spot | None
    cpu_ms: int
    processes: list[ProcessCost]
    pricing: Pricing


class DeadLetter(BaseModel):
    """What was accepted and could not be used: a whole request (`part` null), or a part of one."""

    id: str
    partition: int
    offset: int
    at: Time
    run_id: str | None
    type: str | None
    part: str | None
    reason: str
    request: str | None
    raw: str = Field(description="Its first bytes: JSON of a part, base64 of a whole request")
    raw_bytes: int = Field(description="Length of all of it")
    replayed_at: Time | None = Field(description="When it was read again after a fix")
    replayed_by: str | None
    replayed_as: str | None = Field(description="The run that it turned out to be about")


class DeadLetterList(BaseModel):
    dead_letters: list[DeadLetter]
    next_page_token: str | None


class Watermark(BaseModel):
    """How far a partition of the log is projected, and its part of the books."""

    partition: int
    next_offset: int
    log_end: int
    appended_at: Time | None
    on_log: int
    projected: int
    dead_lettered: int
    lag: int

    @property
    def balanced(self) -> bool:
        return self.on_log == self.projected + self.dead_lettered + self.lag


class SpoolTold(BaseModel):
    """What an ingest process keeps on disk, as its newest tick said."""

    spool: str
    requests: int
    told_at: Time


class Books(BaseModel):
    """Requests. accepted = on_log + spooled; on_log = projected + dead_lettered + lag, if `balanced`."""

    accepted: int
    on_log: int
    spooled: int = Field(description="Kept by ingest for a log that was away, as the newest ticks said")
    projected: int
    dead_lettered: int
    lag: int
    lag_exact: bool = Field(
        description="False: too many messages wait to be looked at, so ticks count among them"
    )
    repeats: int = Field(description="Requests among these whose like had come before")
    balanced: bool = Field(description="Of every partition")
    watermark: list[Watermark]
    spools: list[SpoolTold] = Field(description="Those that are not empty")


class Labels(BaseModel):
    """All labels of a run."""

    labels: list[str]
