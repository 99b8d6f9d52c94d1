"""What the ingest processes say of time: that they are there, that they have stopped, and what they keep on disk."""

from typing import Annotated

from pydantic import Field

from schemas.envelope import Model
from schemas.values import Count


class Spooled(Model):
    """How many requests an ingest process keeps on disk, in the spool of this name, for a log that was away."""

    spool: str
    requests: Count


class Tick(Model):
    """Time as an event: `process` (of ingest) is there, and ticks every `interval_ms`."""

    process: str
    interval_ms: Annotated[int, Field(ge=1, le=3_600_000)]
    spooled: Spooled | None = None


class Left(Model):
    """The ingest process `process` has stopped; nobody waits for its ticks. What it could not drain is `spooled`."""

    process: str
    spooled: Spooled | None = None
