"""Events about the files that a run left behind: what the collector found, and what people want done with it."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from schemas.envelope import Envelope, Model
from schemas.values import INT32_MAX, Count, Ms, Person, Place

#: Files of one event at most.
FILES_AT_ONCE = 1000


class OutputsState(StrEnum):
    """What came of a look at a run's output folder."""

    COMPLETE = "complete"
    TOO_MANY = "too_many"  # as many as are listed at most were found, and there are more
    NO_DIRECTORY = "no_directory"  # nobody told where it is
    NOT_S3 = "not_s3"  # neither s3://BUCKET/… nor an absolute path
    NOT_ALLOWED = "not_allowed"  # outside of what the settings allow
    ACCESS_DENIED = "access_denied"
    NO_BUCKET = "no_bucket"
    AWAY = "away"  # the store does not answer: it is tried again


class JobState(StrEnum):
    """How a deletion stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class FoundFile(Model):
    """One file, by its path below the folder."""

    key: Place
    size: Count
    modified: Ms
    etag: Place = ""
    storage_class: Place = ""


class ClassTotal(Model):
    """What is there of one storage class; '' on the machine of the tracker."""

    storage_class: Place
    files: Count
    bytes: Count


class Totals(Model):
    files: Count = 0
    bytes: Count = 0
    classes: Annotated[list[ClassTotal], Field(max_length=100)] = Field([])


class ReportFile(Model):
    """A file that a pattern of `tracker.yml` names. `place`: of the pattern in that file."""

    place: Annotated[int, Field(ge=0, le=INT32_MAX)]
    display: Place
    key: Place


class Found(Model):
    """A part of a listing. A listing is named by when it began; `totals` and `last_key` are up to the end of this part."""

    listing: Ms
    part: Annotated[int, Field(ge=0, le=INT32_MAX)]
    uri: Place
    files: Annotated[list[FoundFile], Field(max_length=FILES_AT_ONCE)]
    last_key: Place
    totals: Totals
    reports: Annotated[list[ReportFile], Field(max_length=FILES_AT_ONCE)] = Field([])


class Listed(Model):
    """The end of a listing. `answers`: the offset of the request that it answers, 0 for none, since a run's end asks too.

    `noncurrent_files` and `noncurrent_bytes`: older versions that the bucket keeps; None where it does not tell us.
    """

    listing: Ms
    uri: Place = ""
    state: OutputsState
    message: Annotated[str, Field(max_length=2000)] = ""
    totals: Totals = Totals()
    noncurrent_files: Count | None = None
    noncurrent_bytes: Count | None = None
    answers: Count = 0


class Requested(Model):
    """A person wants the folder to be looked at again."""

    by: Person = ""


class DeletionRequested(Model):
    """A person wants all that lies in the folder to be deleted, for good."""

    job_id: Annotated[str, Field(min_length=1, max_length=64)]
    by: Person = ""
    uri: Place


class DeletionProgressed(Model):
    """How far a deletion is: versions of files that are gone, their bytes, and those that the store kept."""

    job_id: Annotated[str, Field(min_length=1, max_length=64)]
    state: Literal[JobState.RUNNING, JobState.SUCCEEDED, JobState.FAILED]
    deleted: Count = 0
    bytes: Count = 0
    kept: Count = 0
    message: Annotated[str, Field(max_length=2000)] = ""


class OutputsFound(Envelope):
    type: Literal["outputs.found"] = "outputs.found"
    data: Found


class OutputsListed(Envelope):
    type: Literal["outputs.listed"] = "outputs.listed"
    data: Listed


class OutputsRequested(Envelope):
    type: Literal["outputs.requested"] = "outputs.requested"
    data: Requested


class OutputsDeletionRequested(Envelope):
    type: Literal["outputs.deletion-requested"] = "outputs.deletion-requested"
    data: DeletionRequested


class OutputsDeletionProgressed(Envelope):
    type: Literal["outputs.deletion-progressed"] = "outputs.deletion-progressed"
    data: DeletionProgressed


OutputsEvent = (
    OutputsFound | OutputsListed | OutputsRequested | OutputsDeletionRequested | OutputsDeletionProgressed
)
