"""The shapes of answers about why a run failed."""

from pydantic import BaseModel, Field

from api.core.models import Time
from schemas.diagnosis.causes import Cause, Certainty, Evidence
from schemas.statuses import RunStatus


class FailedTask(BaseModel):
    """An attempt that failed."""

    task_id: int
    name: str | None
    process: str | None
    attempt: int
    exit: int | None
    error_action: str | None
    native_id: str | None
    workdir: str | None
    completed_at: Time | None
    duration_ms: int | None


class FailureGroup(BaseModel):
    """Failed attempts of one process with one exit status. The cause is that of the `example`, by its figures alone."""

    process: str | None
    exit: int | None
    attempts: int
    example: FailedTask
    cause: Cause


class Stderr(BaseModel):
    """The end of what the command wrote to its standard error."""

    text: str
    path: str | None = Field(description="The file that it was read from; null: the runner's error report")


class Diagnosis(BaseModel):
    """Why a run failed, by the first rule that fits: `certainty`, `cause` and `advice` are null where it did not fail.

    `task` is the one that ended it; the groups hold all others that failed.
    """

    certainty: Certainty | None
    rule: str | None = Field(description="Name of the rule; null where none fits")
    cause: str | None = Field(description="A sentence")
    evidence: list[Evidence]
    advice: str | None = Field(description="What to do")
    config: str | None = Field(description="Nextflow configuration to paste, where some helps")
    task_id: int | None = Field(description="Of `task`")
    run_id: str
    run_name: str
    status: RunStatus
    verdict: str = Field(description="The whole in a sentence or two")
    task: FailedTask | None
    stderr: Stderr | None
    failed_tasks: list[FailedTask] = Field(
        description="The first ten that failed for good, with `task`; what ended the run comes first"
    )
    failed: list[FailureGroup] = Field(description="All that failed for good but `task`, in groups")
    ignored: list[FailureGroup] = Field(description="By their error strategy: their results are missing")
    retried: list[FailureGroup] = Field(description="Attempts that were followed by another")
    ignored_failures: int
    repaired_failures: int = Field(description="Attempts that failed and were retried")
