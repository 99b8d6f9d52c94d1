"""The shapes of answers about logs."""

from pydantic import BaseModel, Field

from api.core.models import Time


class LogFile(BaseModel):
    """One log of a runner."""

    name: str
    bytes: int
    modified_at: Time
    cycle: int | None = Field(description="Of the session, whose run wrote it as far as name and time tell")


class RunLog(BaseModel):
    """The end of a runner's log, and which logs there are, newest first. Without `text`, `message` says why there is none."""

    logs: list[LogFile] = []
    name: str | None = Field(None, description="Of the log that is shown")
    path: str | None = None
    bytes: int | None = Field(None, description="Of the whole log")
    text: str | None = None
    truncated: bool = False
    message: str | None = None


class TaskFile(BaseModel):
    """The end of a file in a task's work directory."""

    name: str
    path: str
    bytes: int
    text: str
    truncated: bool


class TaskLog(BaseModel):
    """What a task printed. Without files, `message` says why there are none."""

    files: list[TaskFile]
    message: str | None = None
