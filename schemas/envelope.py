"""What all messages of the log have in common."""

from pydantic import BaseModel, ConfigDict, Field

from schemas.dead_letters import Reread
from schemas.values import Ms


class Model(BaseModel):
    """Base of all: unknown fields are ignored, since runners grow."""

    model_config = ConfigDict(extra="ignore")


class Envelope(Model):
    """CloudEvents' names. `id` is a hash of (run id, verb, body), so a request sent again is recognised."""

    id: str
    source: str = Field(description="The ingest process or person that wrote the message")
    run_id: str = ""
    received_at: Ms
    owner: str = Field("", description="Whose token it came with; '' while the tracker is open")
    on_any_run: bool = Field(
        False, description="Whoever sent it may change every run, as operators may; else only runs of `owner`"
    )
    reread: Reread | None = Field(None, description="The dead letter that it was, read again after a fix")
