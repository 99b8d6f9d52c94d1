"""The shapes of answers about reports."""

from pydantic import BaseModel, Field


class Report(BaseModel):
    """A file among the outputs that the pipeline calls a report."""

    index: int = Field(description="The N of `#reports:N`")
    name: str = Field(description="The name of tracker.yml, and what tells files of one name apart")
    path: str = Field(description="Below the output folder")
    bytes: int


class ReportList(BaseModel):
    """In the order of tracker.yml; their places are the N of `#reports:N`. 500 at most."""

    reports: list[Report]
