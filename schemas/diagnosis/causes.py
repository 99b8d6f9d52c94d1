"""What a diagnosis answers: a cause, how sure it is, and what it goes by."""

from enum import StrEnum

from pydantic import BaseModel, Field


class Certainty(StrEnum):
    """How sure a cause is: `unknown` where no rule fits."""

    CERTAIN = "certain"
    LIKELY = "likely"
    UNKNOWN = "unknown"


class Evidence(BaseModel):
    """What a rule went by."""

    what: str = Field(description="`exit status`, `figures`, `line` or `last line`")
    value: str
    source: str = Field(description="`task`, `error report` or `command output`")

    def __str__(self) -> str:
        if self.what == "exit status":
            return f"exit status {self.value}" if self.value else "no exit status"
        return f"last line: {self.value}" if self.what == "last line" else self.value


class Cause(BaseModel):
    """Why something failed, by the first rule that fits."""

    rule: str | None = Field(description="Name of the rule; null where none fits")
    certainty: Certainty
    cause: str = Field(description="A sentence")
    evidence: list[Evidence]
    advice: str = Field(description="What to do")
    config: str | None = Field(description="Nextflow configuration to paste, where some helps")
