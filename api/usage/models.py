"""The shapes of answers about what was requested and what was used."""

from pydantic import BaseModel, Field

from api.core.models import Money


class Resource(BaseModel):
    """What was requested (the greatest, where tasks differ; null: nobody told) and what was used, over tasks that succeeded."""

    requested: float | None
    p50: float | None
    p95: float | None
    max: float | None


class Suggestion(BaseModel):
    """What would have sufficed, with some to spare; a part is null where what was requested fits."""

    cpus: int | None
    memory_bytes: int | None
    time_limit_ms: int | None
    config: str | None = Field(description="Nextflow configuration to paste; null for other runners")


class ProcessUsage(BaseModel):
    """A process. CPU hours are of all attempts that were measured, whether they succeeded or not."""

    process: str
    label: str
    tasks: int = Field(description="Attempts that were measured")
    sample: int = Field(
        description="Of those the ones that succeeded, which the figures of resources are over"
    )
    cpus: Resource
    memory_bytes: Resource
    time_ms: Resource = Field(description="`requested` is the time limit, the others what tasks ran")
    cpu_hours_requested: float
    cpu_hours_used: float
    wasted_cpu_hours: float
    memory_gib_hours_unused: float
    wasted_amount: Money | None = Field(
        description="The money behind what neither CPUs nor memory were used to"
    )
    suggestion: str | None = Field(description="The configuration of `suggested`")
    suggested: Suggestion | None


class RunUsage(BaseModel):
    """The whole run; the process that left most CPU hours unused comes first."""

    cpu_hours_requested: float
    cpu_hours_used: float
    wasted_cpu_hours: float
    memory_gib_hours_unused: float
    wasted_amount: Money | None
    currency: str | None
    config: str | None = Field(description="All suggestions as one block")
    processes: list[ProcessUsage]
