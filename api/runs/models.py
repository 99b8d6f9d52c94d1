"""The shapes of answers about runs, and what a tab of the page of a run is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.core.db import Judgement, Reader
from api.core.models import Money, Time
from api.diagnosis.models import Diagnosis
from api.outputs.models import Outputs
from api.runs.runner_kinds import RunnerKind, runner_kind
from schemas.statuses import Liveness, ReportedState, RunStatus
from schemas.values import Person

#: So that a list of runs costs the same whatever their runners sent.
_IN_LISTS = "In lists null where it is longer than 4 KiB; the run itself has it"


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
    command_line: str | None = Field(description=_IN_LISTS)
    params: dict[str, Any] | None = Field(description=_IN_LISTS)
    config_text: str | None = Field(description=_IN_LISTS)
    manifest: dict[str, Any] | None = Field(description=_IN_LISTS)


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
    stored: int = Field(0, description="Results taken from a store: no task ran for them; not in the total")
    never_run: int = Field(
        0, description="Still pending when the run ended without success: listed as pending; not in the total"
    )


class Reported(BaseModel):
    """Whether a run that is over told all of its tasks one by one. Where not, its counts are the runner's totals, and what needs
    the tasks (peak, cost, timeline) is the least that it can have been."""

    complete: bool
    missing: int = Field(description="Tasks that the runner's totals count and that were never told")


class Cost(BaseModel):
    """What the attempts cost; `wasted`: the failed and aborted ones. Where a price is unknown it is the least, not `complete`."""

    amount: Money
    currency: str
    wasted: Money
    complete: bool
    method: str | None = Field(
        None, description="host-sliced, share-of-machine, flat, mixed, or null where nothing was priced"
    )
    unpriced_tasks: int = 0


class RunError(BaseModel):
    """Why the run failed or was cancelled; of a cancelled run the message is the signal."""

    message: str | None
    report: str | None = Field(description=_IN_LISTS)
    exit_status: int | None
    summary: str | None = Field(
        None, description="The line that says most: of the message, else of the report"
    )


class Progress(BaseModel):
    """How far a live run is and when it may be done, from earlier runs of its pipeline: an estimate."""

    fraction: float = Field(description="0 to 0.99: the part of the work that is over")
    eta_at: Time
    eta_low_at: Time = Field(description="If the rest goes as in the quickest of the earlier runs")
    eta_high_at: Time = Field(description="If the rest goes as in the slowest of them")
    basis_runs: int = Field(description="Earlier runs that succeeded, from which this follows")


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
    runner_kind: str = Field(
        "other", description="nextflow, snakemake, miniwdl or other: whose words and advice fit"
    )
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
    reported: Reported = Field(
        Reported(complete=True, missing=0), description="Whether all of its tasks were told one by one"
    )
    progress: Progress | None = Field(
        None,
        description="Of a live run, where earlier runs of its pipeline tell; a list asks for three more pipelines each time",
    )
    peak_concurrency: int
    cost: Cost | None
    outputs: Outputs | None
    error: RunError | None
    diagnosis: Diagnosis | None = Field(
        None, description="Of a run that failed: why, as `/diagnosis` says; in lists null"
    )
    launched_as: str | None = Field(
        None, description="The name that `tracker run` was asked for; null if something else started the run"
    )
    resume_command: str | None = Field(description="What to append to go on; null where nothing works")
    resume_line: str | None = Field(
        None, description="The whole command with it, ready to paste, where it is known"
    )
    owner: str | None = Field(description="Who the token belongs to")
    workspace: str | None
    labels: list[str]
    thresholds: RunThresholds
    stub: bool = Field(False, description="The tasks' stubs ran, not their scripts")
    preview: bool = Field(False, description="Nothing ran: the workflow was only put together")
    hidden: bool = Field(description="Left out of lists, unless they are asked for hidden runs too")
    hidden_by: str | None = Field(description="Who hid it")

    @property
    def words(self) -> RunnerKind:
        """What its runner calls things."""
        return runner_kind("", self.runner.name or "")


class RunList(BaseModel):
    runs: list[Run]
    next_page_token: str | None
    as_of: Time


class History(BaseModel):
    """The newest runs of a session, oldest first."""

    cycles: list[Run]


class Transition(BaseModel):
    """One change of the run's status; `from` is null for the first."""

    model_config = ConfigDict(populate_by_name=True)

    at: Time
    from_: RunStatus | None = Field(alias="from")
    to: RunStatus
    reason: str


class TransitionList(BaseModel):
    transitions: list[Transition]


class Labels(BaseModel):
    """All labels of a run."""

    labels: list[str]


class LabelChange(BaseModel):
    """Labels that a run gets, and labels that it loses; its others stay. One in both is added."""

    model_config = ConfigDict(extra="forbid")

    add: list[str] = Field([], max_length=100)
    remove: list[str] = Field([], max_length=100)


@dataclass(frozen=True, slots=True)
class SameName:
    """A run that is found by the same name as another; `at` is when it was first heard of."""

    id: str
    name: str
    at: Time


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the page of a run knows before any tab is opened; it decides which tabs there are.

    `cycles`: of its session; `newest_cycles`: ids of at most 20 of them, newest first. `of_tabs`: address → value of `Tab.fact`.
    """

    run: Run
    judgement: Judgement
    resumed: bool
    cycles: int
    newest_cycles: Sequence[str]
    announced_processes: Sequence[str]
    tasks_seen_at: Time | None
    last_word_ms: int | None
    last_change: tuple[str, Time] | None
    of_tabs: Mapping[str, Any]
    words: RunnerKind

    @property
    def did_all_work(self) -> bool:
        """Whether the run succeeded without an earlier cycle's work, so that its cost is that of all the work."""
        return self.run.status == RunStatus.SUCCEEDED and not self.resumed


#: (reader, facts, query parameters of the address) → values for the tab's template.
Fetch = Callable[[Reader, RunFacts, Mapping[str, str]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Tab:
    """A part of the page of a run, which a capability brings.

    `address` names it in `?tab=` and `#`. `template` gets `run`, `facts` and what `fetch` returns, which is called only when
    somebody looks at the tab; a tab without `fetch` is in every page. `fact` names a SQL file of one value, which is read
    together with the other facts. `count` is a number beside the title.
    """

    address: str
    title: str
    template: str
    fetch: Fetch | None = None
    applies: Callable[[RunFacts], bool] = lambda _: True
    fact: str = ""
    count: Callable[[RunFacts], int | None] = lambda _: None


class Hidden(BaseModel):
    """Whether the run is to be left out of lists, and who says so."""

    model_config = ConfigDict(extra="forbid")

    hidden: bool = Field(description="true hides the run, false shows it again")
    by: Person = ""


class HiddenAccepted(BaseModel):
    """The word is durable on the log; lists follow it a moment later."""

    id: str = Field(description="The run's id")
    hidden: bool
