"""What travels on the log: one message is one accepted request of a runner, one tick, or one act of a person.

A message is UTF-8 lines of JSON: the envelope, and for `tasks.changed` a second line, the array of its task records in the
column names of the table `tasks`, which the projector hands to ClickHouse as bytes (`schemas/wire.py`). Ingest validates both;
the projector decodes the envelope with the same models (docs/adr/0011-the-projector-decodes-with-the-models.md says why).
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, FiniteFloat, TypeAdapter, field_validator

from schemas.alert_events import Acknowledged as Acknowledged
from schemas.alert_events import Assigned as Assigned
from schemas.alert_events import Silenced as Silenced
from schemas.clock_events import Left as Left
from schemas.clock_events import Spooled as Spooled
from schemas.clock_events import Tick as Tick
from schemas.envelope import Envelope, Model
from schemas.files.events import (
    OutputsDeletionProgressed,
    OutputsDeletionRequested,
    OutputsFound,
    OutputsListed,
    OutputsRequested,
)
from schemas.hosts.events import HostSeen
from schemas.statuses import Dialect, ReportedState, TaskStatus
from schemas.values import (
    INT32_MAX,
    INT64_MAX,
    NEVER,
    Amount,
    Count,
    Instant,
    Moment,
    Ms,
    Name,
    Object,
    Person,
    Place,
    Text,
)


class TaskRecord(Model):
    """One record of one task: a whole snapshot, in the column names and units of the table `tasks`.

    Bytes for sizes, ms for durations, per cent of one core for `cpu_percent`. `task_id` and `status` are what a record
    cannot do without; of the rest, a field that is wrong is left out and reported as a dead letter.
    """

    run_id: str = ""
    task_id: Annotated[int, Field(ge=0, le=INT64_MAX)]
    status: TaskStatus
    hash: Text = ""
    name: Text = ""
    process: Text = ""
    tag: Text | None = None
    attempt: Annotated[int, Field(ge=1, le=INT32_MAX)] = 1
    error_action: Text | None = None
    exit: Annotated[int, Field(ge=-INT32_MAX, le=INT32_MAX)] | None = None
    native_id: Text | None = None
    submitted_at: Moment | None = None
    started_at: Moment | None = None
    completed_at: Moment | None = None
    duration_ms: Amount | None = None
    realtime_ms: Amount | None = None
    cpus: Annotated[FiniteFloat, Field(ge=0, le=1e6)] | None = None
    memory_bytes: Count | None = None
    disk_bytes: Count | None = None
    time_limit_ms: Count | None = None
    executor: Text | None = None
    queue: Text | None = None
    container: Text | None = None
    module: Annotated[list[Text], Field(fail_fast=True)] | None = None
    machine_type: Text | None = None
    price_model: Text | None = None
    cloud_zone: Text | None = None
    hostname: Text | None = None
    workdir: Text | None = None
    scratch: Text | None = None
    script: str | None = None
    env: str | None = None
    cpu_percent: FiniteFloat | None = None
    memory_percent: FiniteFloat | None = None
    cpu_model: Text | None = None
    rss_bytes: Count | None = None
    peak_rss_bytes: Count | None = None
    vmem_bytes: Count | None = None
    peak_vmem_bytes: Count | None = None
    read_chars: Count | None = None
    write_chars: Count | None = None
    read_syscalls: Count | None = None
    write_syscalls: Count | None = None
    read_bytes: Count | None = None
    write_bytes: Count | None = None
    voluntary_switches: Count | None = None
    involuntary_switches: Count | None = None
    accelerators: Count | None = None
    accelerator_type: Text | None = None
    spot_interruptions: Count | None = None
    log_stream_id: Text | None = None
    resource_allocation: Object | None = Field(None, description="What the scheduler gave it: an object")
    gpu_metrics: Object | None = Field(None, description="What its GPUs did: an object")

    @field_validator("submitted_at", "started_at", "completed_at")
    @classmethod
    def _zero_is_never(cls, value: datetime | None) -> datetime | None:
        return None if value == NEVER else value


class Progress(Model):
    """The runner's own running totals at an instant; only the greatest instant counts. `failed` includes attempts retried."""

    pending: Count = 0
    submitted: Count = 0
    running: Count = 0
    succeeded: Count = 0
    failed: Count = 0
    ignored: Count = 0
    cached: Count = 0
    aborted: Count = 0
    retries: Count = 0
    peak_running: Count = 0


class Stored(Model):
    """How many results a process took from a store, by the runner's totals so far; no task tells of these."""

    process: Place
    stored: Count


class ProcessTotals(Stored):
    """The runner's own totals of one process. `failed` includes attempts retried."""

    stored: Count = 0
    succeeded: Count = 0
    failed: Count = 0
    ignored: Count = 0
    cached: Count = 0
    aborted: Count = 0
    retries: Count = 0


class SetAside(Model):
    """A part of a request that could not be used: it becomes a dead letter, while the rest of the request is projected."""

    part: str = Field(description="Where in the request, such as tasks[3].exit")
    reason: str
    raw: str = Field(description="The part as JSON text, redacted")


class Runner(Model):
    """The program that runs the workflow."""

    name: Name = ""
    version: Name = ""


class Workflow(Model):
    """What is run, where and by whom; the runner tells it at begin and once more at the end."""

    name: Name = ""
    session_id: Name = ""
    project_name: Place = ""
    script_name: Place = ""
    repository: Place = ""
    revision: Name = ""
    commit_id: Name = ""
    work_dir: Place = ""
    launch_dir: Place = ""
    output_dir: Place = ""
    profile: Name = ""
    user_name: Name = ""
    command_line: str = ""
    config_text: str = ""
    container_engine: Name = ""
    resume: bool = False
    stub: bool = Field(False, description="The tasks' stubs ran, not their scripts")
    preview: bool = Field(False, description="Nothing ran: the workflow was only put together")
    started_at: Ms | None = None
    runner: Runner = Runner()
    params: dict[str, Any] = Field({})
    manifest: dict[str, Any] = Field({})

    @field_validator("started_at")
    @classmethod
    def _zero_is_never(cls, value: int | None) -> int | None:
        return value or None


class Payload(Model):
    """What every request of a runner brings."""

    dialect: Dialect = Dialect.NATIVE
    workspace: Name = ""
    instant: Instant | None = Field(None, description="When the runner made the request, by its own clock")
    set_aside: list[SetAside] = Field([])


class Launched(Payload):
    """`launched_as` is the name that `tracker run` was asked for; '' where something else started the run."""

    launched_as: Name = ""


class Created(Launched):
    name: Name = ""
    session_id: Name = ""
    project_name: Place = ""
    repository: Place = ""


class Begun(Launched):
    workflow: Workflow = Workflow()
    process_names: Annotated[list[Place], Field(fail_fast=True)] | None = None


class Heartbeat(Payload):
    progress: Progress | None = None
    stored: Annotated[list[Stored], Field(fail_fast=True)] | None = None
    processes: Annotated[list[ProcessTotals], Field(fail_fast=True)] | None = None  # all told of before


class TasksChanged(Heartbeat):
    """The task records stand in the second line of the message."""


class Completed(Payload):
    """The run's end. `state` is terminal; of several ends the one with the greatest (instant, hash) counts, whole."""

    state: Literal[ReportedState.SUCCEEDED, ReportedState.FAILED, ReportedState.CANCELLED]
    completed_at: Ms | None = None
    duration_ms: Count | None = None
    exit_status: Annotated[int, Field(ge=-INT32_MAX, le=INT32_MAX)] | None = None
    error_message: str = ""
    error_report: str = ""
    workflow: Workflow | None = None
    progress: Progress | None = None
    processes: Annotated[list[ProcessTotals], Field(fail_fast=True)] | None = Field(
        None, description="The runner's last totals by process, which say what tasks were never told"
    )

    @field_validator("completed_at")
    @classmethod
    def _zero_is_never(cls, value: int | None) -> int | None:
        return value or None


#: Labels that a run has at most.
MOST_LABELS = 100
Label = Annotated[str, Field(min_length=1, max_length=200)]


class Labelled(Payload):
    """The run's labels, all of them; what came before on the log no longer counts."""

    labels: Annotated[list[Label], Field(max_length=MOST_LABELS)]


class LabelsChanged(Payload):
    """Labels that the run gets, and labels that it loses; its others stay. One in both is added."""

    add: Annotated[list[Label], Field(max_length=MOST_LABELS)] = Field([])
    remove: Annotated[list[Label], Field(max_length=MOST_LABELS)] = Field([])


class Note(Model):
    """What somebody wrote about a run, as Markdown. The newest version of a `note_id` counts; an empty text takes it away."""

    kind: Literal["note", "analysis"] = "note"
    note_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
    author: Annotated[str, Field(max_length=200)] = ""
    text: Annotated[str, Field(max_length=100_000)] = ""


class Unreadable(Payload):
    """A request that was accepted and could not be understood: a dead letter as a whole."""

    reason: str
    request: str = Field(description="Method and path")
    raw: str = Field(description="The body, base64, redacted where it is text")


class Hiding(Payload):
    """Somebody takes a run out of the lists, or puts it back; the newest word on the log counts. Nothing of it is lost."""

    by: Person = ""


class RunCreated(Envelope):
    type: Literal["run.created"] = "run.created"
    data: Created


class RunBegun(Envelope):
    type: Literal["run.begun"] = "run.begun"
    data: Begun


class TasksChangedEvent(Envelope):
    type: Literal["tasks.changed"] = "tasks.changed"
    data: TasksChanged


class RunHeartbeat(Envelope):
    type: Literal["run.heartbeat"] = "run.heartbeat"
    data: Heartbeat


class RunCompleted(Envelope):
    type: Literal["run.completed"] = "run.completed"
    data: Completed


class RunLabelled(Envelope):
    type: Literal["run.labelled"] = "run.labelled"
    data: Labelled


class RunLabelsChanged(Envelope):
    type: Literal["labels.changed"] = "labels.changed"
    data: LabelsChanged


class RunHidden(Envelope):
    type: Literal["run.hidden"] = "run.hidden"
    data: Hiding


class RunShown(Envelope):
    type: Literal["run.shown"] = "run.shown"
    data: Hiding


class NoteWritten(Envelope):
    type: Literal["note.written"] = "note.written"
    data: Note


class RequestUnreadable(Envelope):
    type: Literal["request.unreadable"] = "request.unreadable"
    data: Unreadable


class AlertAcknowledged(Envelope):
    type: Literal["alert.acknowledged"] = "alert.acknowledged"
    data: Acknowledged


class AlertSilenced(Envelope):
    type: Literal["alert.silenced"] = "alert.silenced"
    data: Silenced


class AlertAssigned(Envelope):
    type: Literal["alert.assigned"] = "alert.assigned"
    data: Assigned


class ClockTick(Envelope):
    type: Literal["clock.tick"] = "clock.tick"
    data: Tick


class ClockLeft(Envelope):
    type: Literal["clock.left"] = "clock.left"
    data: Left


Event = Annotated[
    RunCreated
    | RunBegun
    | TasksChangedEvent
    | RunHeartbeat
    | RunCompleted
    | RunLabelled
    | RunLabelsChanged
    | RunHidden
    | RunShown
    | NoteWritten
    | RequestUnreadable
    | AlertAcknowledged
    | AlertSilenced
    | AlertAssigned
    | OutputsRequested
    | OutputsFound
    | OutputsListed
    | OutputsDeletionRequested
    | OutputsDeletionProgressed
    | HostSeen
    | ClockTick
    | ClockLeft,
    Discriminator("type"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)
TASK_RECORDS: TypeAdapter[list[TaskRecord]] = TypeAdapter(list[TaskRecord])
