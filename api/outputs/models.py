"""The shapes of answers about outputs, and what keeping them costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.core.figures import money
from api.core.models import Money, Time
from schemas.files.events import JobState, OutputsState
from schemas.files.settings import FileSettings
from schemas.values import Person
from stores.objects.paths import OUTPUT_PARAMS

_GIB = 2**30


class FolderState(StrEnum):
    """What is known of a run's output folder, in the words of the API."""

    LISTING = "listing"  # a look is under way, or is tried again
    LISTED = "listed"
    NONE = "none"  # nobody told where it is
    UNSUPPORTED = "unsupported"  # neither on S3 nor on this machine
    DENIED = "denied"  # by the store, or by the tracker's own settings
    MISSING = "missing"  # there is no such bucket
    DELETED = "deleted"


#: Of each outcome of a look: what the folder's state is, and why there are no figures; '' where there are.
OUTCOMES: Mapping[OutputsState, tuple[FolderState, str]] = {
    OutputsState.COMPLETE: (FolderState.LISTED, ""),
    OutputsState.TOO_MANY: (
        FolderState.LISTED,
        "There are more files than TRACKER_OUTPUTS_MOST lets the tracker list: the figures are at least that.",
    ),
    OutputsState.NO_DIRECTORY: (
        FolderState.NONE,
        "No output directory configured: the runner reported none, and there is no parameter "
        + ", ".join(OUTPUT_PARAMS[:-1])
        + f" or {OUTPUT_PARAMS[-1]}.",
    ),
    OutputsState.NOT_S3: (
        FolderState.UNSUPPORTED,
        "The output directory is not an S3 path, nor an absolute path of this machine.",
    ),
    OutputsState.NOT_ALLOWED: (FolderState.DENIED, "The output directory may not be read."),
    OutputsState.ACCESS_DENIED: (FolderState.DENIED, "Access denied to S3 bucket."),
    OutputsState.NO_BUCKET: (FolderState.MISSING, "S3 bucket not found."),
    OutputsState.AWAY: (FolderState.LISTING, "The store does not answer; it is asked again for a day."),
}


class StorageTiers(BaseModel):
    """What a year costs if all of it lies in one tier of S3 Intelligent-Tiering, in US dollars."""

    frequent: Money = Field(description="Read within 30 days")
    infrequent: Money = Field(description="Not read for 30 days")
    archive_instant: Money = Field(description="Not read for 90 days")


class Outputs(BaseModel):
    """What the run left in its output folder, as the newest look found it; figures are null where none got so far."""

    uri: str | None = Field(None, description="The folder, with / at its end")
    state: FolderState
    look: OutputsState = Field(description="What came of the newest look, in more detail than `state`")
    reason: str | None = Field(
        None, description="Why there are no figures, or why they are not all; and what the store said"
    )
    listed_at: Time | None = Field(None, description="When the figures were known")
    bytes: int | None
    files: int | None
    noncurrent_bytes: int | None = Field(
        None, description="Of older versions that the bucket keeps; null where it does not tell"
    )
    noncurrent_files: int | None = None
    annual_cost_low: Money | None = Field(
        description="A year in the cheapest tier; null for what does not lie on S3"
    )
    annual_cost_high: Money | None
    tiers: StorageTiers | None = None
    deleted_at: Time | None
    deleted_by: str | None

    @property
    def at_least(self) -> bool:
        """Whether there may be more than the figures say."""
        return self.look == OutputsState.TOO_MANY


@dataclass(frozen=True, slots=True)
class StoragePrices:
    """What a GiB costs a month, in US dollars."""

    frequent: Decimal
    infrequent: Decimal
    archive: Decimal

    @classmethod
    def of(cls, settings: FileSettings) -> "StoragePrices":
        """Those of the settings."""
        return cls(settings.s3_price_frequent, settings.s3_price_infrequent, settings.s3_price_archive)


def annual_costs(size: int, prices: StoragePrices) -> StorageTiers:
    """Pure. What so many bytes cost a year in each tier."""
    gib = Decimal(size) / _GIB

    def year(price: Decimal) -> Money:
        return money((gib * price * 12).quantize(Decimal("0.000001")))

    return StorageTiers(
        frequent=year(prices.frequent),
        infrequent=year(prices.infrequent),
        archive_instant=year(prices.archive),
    )


def cost_range(tiers: StorageTiers | None) -> tuple[Money | None, Money | None]:
    """Pure. The least and the greatest of the tiers' costs."""
    if tiers is None:
        return None, None
    costs = sorted((tiers.frequent, tiers.infrequent, tiers.archive_instant), key=Decimal)
    return costs[0], costs[-1]


class OutputFile(BaseModel):
    """A file, by its path below the folder."""

    path: str
    name: str
    uri: str = Field(description="Its whole path")
    bytes: int
    modified_at: Time
    storage_class: str | None


class OutputFolder(BaseModel):
    """A folder in the folder, and what lies in it and below."""

    path: str
    name: str
    files: int
    bytes: int
    modified_at: Time


class OutputList(BaseModel):
    """One page. Of a folder: what lies directly in it, folders first. Else: files at any depth."""

    state: FolderState | None = Field(description="Null while nobody has looked")
    reason: str | None = Field(description="Why there is nothing to be seen, or not all")
    uri: str | None = Field(description="The run's output folder, with / at its end")
    folders: list[OutputFolder]
    outputs: list[OutputFile]
    next_page_token: str | None


class Refresh(BaseModel):
    """Who wants the folder to be looked at again."""

    model_config = ConfigDict(extra="forbid")

    by: Person = ""


class RefreshAccepted(BaseModel):
    """The wish is durable on the log; the collector follows it in a moment."""

    id: str = Field(description="The run's id")


class Confirmation(BaseModel):
    """That the caller means it: what is deleted is gone for good."""

    model_config = ConfigDict(extra="forbid")

    confirm: Literal["delete"]
    by: Person = Field("", description="Who asks, while the tracker is open")


JOB_KIND: Literal["delete_outputs"] = "delete_outputs"


class DeletionJob(BaseModel):
    """A deletion of a run's output folder."""

    id: str
    kind: Literal["delete_outputs"] = JOB_KIND
    run_id: str
    run_name: str
    uri: str
    state: JobState
    at: Time = Field(description="When it was asked for")
    by: str | None
    updated_at: Time | None = Field(None, description="When it last told how far it is")
    done: int = Field(description="Versions of files that are gone, at least")
    total: int = Field(description="Versions of files that the newest look knew of, or that were met since")
    bytes: int = Field(description="What the gone ones held")
    kept: int = Field(description="Those that the store did not delete, such as locked ones")
    error: str | None = Field(description="Why it failed, or what it waits for")

    @property
    def is_over(self) -> bool:
        return self.state in (JobState.SUCCEEDED, JobState.FAILED)


class JobList(BaseModel):
    """Jobs, newest first; 500 at most."""

    jobs: list[DeletionJob]


class DeletionAccepted(BaseModel):
    """The job: a new one, the one that is under way, or the one that has deleted it before."""

    job_id: str
    state: JobState


class FolderOfRun(BaseModel):
    id: str = Field(description="The run's id")
    name: str
    uri: str


class FolderList(BaseModel):
    """Runs whose output folders hold a text, newest first; 500 at most."""

    runs: list[FolderOfRun]


class OutputOfRun(OutputFile):
    """A file, and whose output it is."""

    run_id: str
    run_name: str


class AllOutputs(BaseModel):
    """Outputs of all runs, newest first."""

    folders: list[OutputFolder] = Field([], description="None: a search goes through files at any depth")
    outputs: list[OutputOfRun]
    next_page_token: str | None
