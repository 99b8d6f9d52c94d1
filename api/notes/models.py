"""What is asked and answered about notes and analyses of runs."""

from typing import Literal

from pydantic import BaseModel, Field

from api.core.models import Time

Kind = Literal["note", "analysis"]


class Version(BaseModel):
    """One version of a note."""

    at: Time
    author: str
    text: str


class NoteAnswer(BaseModel):
    """A note as it stands, with its newest 20 versions, oldest first. `text` is Markdown."""

    id: str
    author: str
    text: str
    written_at: Time
    edited_at: Time | None
    versions: list[Version]


class NoteList(BaseModel):
    """The newest 500 notes, newest first."""

    notes: list[NoteAnswer]
    more: bool = Field(False, description="There are older ones")


class NoteText(BaseModel):
    """What to write. An empty text takes the note away; its history stays."""

    text: str = Field("", max_length=100_000, description="Markdown")
    author: str = Field("", max_length=200, description="Who writes")


class NoteAccepted(BaseModel):
    """The note's id. It is durable on the log, and shown a moment later."""

    id: str
