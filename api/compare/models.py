"""The shapes of answers about two runs beside each other."""

from pydantic import BaseModel, Field

from api.core.models import Money
from api.runs.models import Run


class Change(BaseModel):
    """Something that differs; null where a run does not have it. Long values are cut."""

    name: str
    a: str | None
    b: str | None


class ConfigChange(BaseModel):
    """Lines of the configuration that only one of the runs has, in their order, each list cut at 200."""

    only_a: list[str]
    only_b: list[str]
    more: bool = Field(description="Whether lines were left out")


class ProcessSide(BaseModel):
    """What a process did in one run. Times are of attempts that ran; cached ones did no work."""

    tasks: int
    succeeded: int
    failed: int
    cached: int
    wallclock_ms: int | None = Field(description="From its first submission to its last completion")
    time_ms: int = Field(description="Of all its attempts together")
    task_ms_p50: int | None
    peak_rss_max: int | None
    cost: Money | None
    containers: list[str]


class ProcessComparison(BaseModel):
    """A process; null where a run did not have it. Ratios are a over b; null where either is missing or b is 0."""

    process: str
    label: str
    a: ProcessSide | None
    b: ProcessSide | None
    ratio_time: float | None
    ratio_task_time: float | None = Field(description="Of the medians")
    ratio_memory: float | None
    ratio_cost: float | None


class Comparison(BaseModel):
    """`b` is the run to compare with, such as the last good one before `a`; both without their long texts. Processes that gained
    or lost most time come first."""

    a: Run
    b: Run
    workflow: list[Change] = Field(
        description="Revision, command, profile, runner and the like, as far as they differ"
    )
    params: list[Change]
    config: ConfigChange
    containers: list[Change] = Field(description="By process")
    processes: list[ProcessComparison]
    more_processes: int
    currency: str | None


class Difference(BaseModel):
    """What may be the cause: executor, queue, container, machine_type, price_model, read_bytes or attempts_per_task."""

    what: str
    now: str
    usual: str | None = Field(description="Null where no run before told it")


class Regression(BaseModel):
    """A process that is slower or dearer. Times are medians of the attempts that succeeded; the cost of a task is that of all its
    attempts. `usual` is the median over the runs before."""

    process: str
    label: str
    slower: bool
    dearer: bool
    task_ms: int | None
    usual_task_ms: int | None
    ratio_time: float | None
    cost_per_task: Money | None
    usual_cost_per_task: Money | None
    ratio_cost: float | None
    differs: list[Difference]


class Regressions(BaseModel):
    """The worst first. `baseline`: the runs that it is held against, the newest first; empty where there is none."""

    baseline: list[str]
    factor: float = Field(description="By how much slower or dearer a process is at least")
    currency: str | None
    regressions: list[Regression]
    more: int = Field(description="How many were left out")
