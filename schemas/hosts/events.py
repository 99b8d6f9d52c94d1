"""What is said of a machine that tasks run on."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, FiniteFloat, model_validator

from schemas.envelope import Envelope, Model
from schemas.values import MS_MAX, Ms

_Word = Annotated[str, Field(max_length=200)]


class Host(Model):
    """A host was a machine of a type for a time. Of two statements that begin at the same time the later on the log counts."""

    model_config = ConfigDict(extra="ignore", validate_by_name=True, serialize_by_alias=True)

    hostname: Annotated[str, Field(min_length=1, max_length=255, description="As the runner's tasks name it")]
    machine_type: _Word = Field("", description="As the price book names it; '' for a machine without a type")
    price_model: _Word = Field("", description="spot, on-demand, or what else its rates are under")
    zone: _Word = ""
    cpus: Annotated[FiniteFloat, Field(gt=0, le=1e6)] | None = None
    memory_bytes: Annotated[int, Field(ge=0, le=2**50)] | None = None
    since: Ms = Field(0, alias="from", description="Left out: it has always been that")
    until: Ms | None = Field(None, description="Left out: until another statement about the host begins")

    @model_validator(mode="after")
    def _is_of_something(self) -> Self:
        if not self.machine_type and self.cpus is None:
            raise ValueError("a host needs its machine_type, or its cpus where flat rates hold")
        if self.until is not None and self.until <= self.since:
            raise ValueError("until must be after from")
        return self

    @property
    def until_ms(self) -> int:
        """The greatest time for one without an end."""
        return MS_MAX if self.until is None else self.until


class HostSeen(Envelope):
    type: Literal["host.seen"] = "host.seen"
    data: Host
