"""The shapes of answers about costs."""

from pydantic import BaseModel, Field

from api.carbon.models import Carbon
from api.core.models import Money, Time


class Spot(BaseModel):
    """What spot machines alone would have cost; not `complete` where a machine has no spot price: then it is at least this."""

    amount: Money
    complete: bool


class CapacityCost(BaseModel):
    """What ran on machines that were bought in one way: spot, on-demand, or nobody told."""

    capacity: str
    amount: Money | None
    unpriced_tasks: int
    cpu_ms: int


class Use(BaseModel):
    """What was used of what was asked for, by the attempts that were measured; `unused`: the money behind what neither CPUs nor
    memory were used to."""

    tasks: int
    cpu_used: float | None = Field(
        description="0 to 1 of the CPU time asked for; more where a task took more than it asked for"
    )
    memory_used: float | None = Field(description="Peak memory of that asked for, by time")
    unused: Money | None


class ProcessCost(BaseModel):
    """`simulated_wallclock_ms`: without failed and aborted attempts; an estimate. `capacity`: spot, on-demand, mixed, unknown."""

    process: str
    label: str
    tasks: int
    amount: Money | None
    wasted: Money | None
    unpriced_tasks: int
    unpriced_wasted_tasks: int
    if_all_spot: Spot | None
    cpu_ms: int
    wallclock_ms: int | None
    simulated_wallclock_ms: int | None
    capacity: str | None
    first_submitted_at: Time | None
    last_completed_at: Time | None
    use: Use | None
    carbon: Carbon | None = None


class Pricing(BaseModel):
    """How it was priced: the price book in force, its fields null where there is none, and the rule in words."""

    version: int | None
    source: str | None
    date: str | None
    region: str | None
    rates: int
    rule: str


class Costs(BaseModel):
    """An amount is null where none of its prices is known. While a price or a task is unknown, a total is the least that
    it can be."""

    amount: Money | None
    currency: str | None
    wasted: Money | None
    complete: bool
    unpriced_tasks: int
    unpriced_wasted_tasks: int = Field(description="Of the unpriced ones those that failed or were aborted")
    missing_tasks: int = Field(description="Tasks that the runner's totals count and that were never told")
    assumed_tasks: int = Field(description="Attempts that were priced at an assumed rate")
    method: str | None = Field(
        description="host-sliced, share-of-machine, flat, mixed, or null where nothing was priced"
    )
    if_all_spot: Spot | None
    cpu_ms: int
    first_submitted_at: Time | None
    last_completed_at: Time | None
    wallclock_ms: int | None
    simulated_wallclock_ms: int | None = Field(
        description="Less the greatest time that one process lost by retries; an estimate"
    )
    saved_by_cache: Money | None = Field(
        description="What the cached tasks cost when they ran, as far as it is known"
    )
    unpriced_cached_tasks: int = Field(description="Cached tasks of which nobody knows what they cost")
    by_capacity: list[CapacityCost]
    use: Use | None
    carbon: Carbon | None = Field(None, description="What its tasks emitted; null where no region is known")
    processes: list[ProcessCost]
    pricing: Pricing
    covers: str = Field(description="What the figure covers, in a sentence or two")


class WorkStretch(BaseModel):
    """A stretch of time without a pause in which a process was at work."""

    began_at: Time
    ended_at: Time
    critical: bool = Field(description="Whether it is on the critical path: what the run's end waited for")


class ProcessActivity(BaseModel):
    """When one process was at work, the first stretch first."""

    process: str
    stretches: list[WorkStretch]


class ProcessTimeline(BaseModel):
    """From the first submission to the last completion (null: nothing was at work), the process that began first first."""

    began_at: Time | None
    ended_at: Time | None
    resolution_ms: int | None = Field(description="Pauses and stretches that are shorter are not told apart")
    processes: list[ProcessActivity]
    sync_points: list[Time] = Field(description="When the critical path passes on to another process")


class Spend(BaseModel):
    """What some runs cost together, at least, where it is not `complete`; null where no price is known. By capacity it is not
    known what was wasted."""

    key: str = Field(description="'' where a run has none")
    amount: Money | None
    wasted: Money | None
    runs: int
    complete: bool
    unpriced_tasks: int
    missing_tasks: int = Field(description="Tasks that runners' totals count and that were never told")


class SpendList(BaseModel):
    """`total` is the sum over the runs, each once; labels may add up to more. `more`: there are groups that are not listed."""

    groups: list[Spend]
    total: Spend
    currency: str | None
    more: bool
