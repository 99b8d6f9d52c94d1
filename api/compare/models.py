"""The shapes of answers about two runs beside each other."""

from pydantic import BaseModel, Field

from api.core.models import Money, Time
from api.runs.models import Cost, Counts
from schemas.statuses import RunStatus


class Side(BaseModel):
    """One of the two runs."""

    id: str
    name: str
    pipeline: str | None
    status: RunStatus
    started_at: Time | None
    duration_ms: int | None
    tasks: Counts
    peak_concurrency: int
    cost: Cost | None


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
    failed: int
    cached: int
    time_ms: int
    median_ms: int | None
    peak_memory_bytes: int | None
    cost: Money | None
    containers: list[str]


class Ratio(BaseModel):
    """b over a; null where either is missing or a is 0."""

    time: float | None
    median: float | None
    memory: float | None
    cost: float | None


class ProcessComparison(BaseModel):
    """A process; null where a run did not have it."""

    process: str
    label: str
    a: ProcessSide | None
    b: ProcessSide | None
    ratio: Ratio


class Comparison(BaseModel):
    """`a` is the earlier, or the one to compare with. Processes that gained or lost most time come first."""

    a: Side
    b: Side
    facts: list[Change] = Field(
        description="Revision, command, profile, runner and the like, as far as they differ"
    )
    params: list[Change]
    config: ConfigChange
    containers: list[Change] = Field(description="By process")
    processes: list[ProcessComparison]
    more_processes: int
    currency: str | None
