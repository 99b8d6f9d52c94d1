"""The shapes of answers about dead letters."""

from pydantic import BaseModel, Field

from api.core.models import Time


class DeadLetter(BaseModel):
    """What was accepted and could not be used: a whole request (`part` null), or a part of one."""

    id: str
    partition: int
    offset: int
    at: Time
    run_id: str | None
    type: str | None
    part: str | None
    reason: str
    request: str | None
    raw: str = Field(description="Its first bytes: JSON of a part, base64 of a whole request")
    raw_bytes: int = Field(description="Length of all of it")
    replayed_at: Time | None = Field(description="When it was read again after a fix")
    replayed_by: str | None
    replayed_as: str | None = Field(description="The run that it turned out to be about")


class DeadLetterList(BaseModel):
    dead_letters: list[DeadLetter]
    next_page_token: str | None
