"""The shapes of answers about outputs, and what keeping them costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.core.figures import money
from api.core.models import Money, Time
from schemas.files.events import JobState, OutputsState
from schemas.files.settings import FileSettings
from schemas.values import Person

_GIB = 2**30


class StorageTier(BaseModel):
    """What a year costs if all of it lies in this tier of S3 Intelligent-Tiering, in US dollars."""

    name: Literal["frequent", "infrequent", "archive"]
    annual_cost: Money


class Outputs(BaseModel):
    """What the run left in its output folder, as the newest look found it; figures are null where none got so far."""

    uri: str | None = Field(None, description="The folder, with / at its end")
    state: OutputsState = Field(description="What came of the newest look")
    message: str | None = Field(None, description="What the store said, where it failed")
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
    tiers: list[StorageTier] = []
    deleted_at: Time | None
    deleted_by: str | None

    @property
    def at_least(self) -> bool:
        """Whether there may be more than the figures say."""
        return self.state == OutputsState.TOO_MANY


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


def annual_costs(size: int, prices: StoragePrices) -> list[StorageTier]:
    """Pure. What so many bytes cost a year in each tier, the dearest first as a rule."""
    gib = Decimal(size) / _GIB
    return [
        StorageTier(name=name, annual_cost=money((gib * price * 12).quantize(Decimal("0.000001"))))
        for name, price in (
            ("frequent", prices.frequent), ("infrequent", prices.infrequent), ("archive", prices.archive),
        )
    ]  # fmt: skip


def cost_range(tiers: Sequence[StorageTier]) -> tuple[Money | None, Money | None]:
    """Pure. The least and the greatest of the tiers' costs."""
    costs = sorted((t.annual_cost for t in tiers), key=Decimal)
    return (costs[0], costs[-1]) if costs else (None, None)


class OutputFile(BaseModel):
    """A file, by its path below the folder."""

    path: str
    name: str
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

    uri: str | None = Field(description="The run's output folder, with / at its end")
    folders: list[OutputFolder]
    files: list[OutputFile]
    next_page_token: str | None


class Refresh(BaseModel):
    """Who wants the folder to be looked at again."""

    model_config = ConfigDict(extra="forbid")

    by: Person = ""


class RefreshAccepted(BaseModel):
    """The wish is durable on the log; the collector follows it in a moment."""

    id: str = Field(description="The run's id")


class DeletionJob(BaseModel):
    """A deletion of a run's output folder."""

    id: str
    run_id: str
    uri: str
    state: JobState
    requested_at: Time
    requested_by: str | None
    updated_at: Time | None = Field(None, description="When it last told how far it is")
    deleted: int = Field(description="Versions of files that are gone, at least")
    bytes: int
    kept: int = Field(description="Those that the store did not delete, such as locked ones")
    message: str | None


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
    uri: str = Field(description="Its whole path")


class AllOutputs(BaseModel):
    """Outputs of all runs, newest first."""

    files: list[OutputOfRun]
    next_page_token: str | None
