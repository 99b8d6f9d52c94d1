"""The shapes of answers about pipelines."""

from pydantic import BaseModel, Field

from api.core.models import Money, Time
from api.runs.models import Run


class Pipeline(BaseModel):
    """The runs of one pipeline that a filter finds. Medians are of those that succeeded."""

    name: str = Field(description="As lists of runs show it")
    runs: int
    succeeded: int
    failed: int
    cancelled: int
    live: int = Field(description="Runs that are not over, silent ones too")
    last_run: str = Field(description="The id of the newest run, by its start")
    last_run_at: Time | None
    last_good_run: str | None = Field(description="The id of the newest run that succeeded")
    last_good_run_at: Time | None
    duration_p50_ms: int | None
    cost_p50: Money | None = Field(description="Of those whose cost is known whole")


class PipelineList(BaseModel):
    """`more`: there are pipelines that are not listed; those with the newest runs are."""

    pipelines: list[Pipeline]
    currency: str | None
    more: bool


class ProcessHistory(BaseModel):
    """A process over the newest runs of its pipeline. `failed` and `retried` count tasks."""

    process: str
    label: str
    runs: int
    tasks: int
    failed: int
    retried: int
    wallclock_p50_ms: int | None = Field(
        description="Of a run, from its first submission to its last completion"
    )
    cost_p50: Money | None


class PipelineDetail(Pipeline):
    """A pipeline, its newest runs, the latest start first, and its processes over these, the slowest first."""

    newest: list[Run]
    processes: list[ProcessHistory]
    currency: str | None
