"""The carbon book: watts of a vCPU and of memory, the data centre's overhead, and the grid's grams of CO₂e by region."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_Region = Annotated[str, Field(max_length=100)]
_Grams = Annotated[float, Field(ge=0, le=10_000)]


class BadCarbonBook(ValueError):
    """A file that cannot be used as carbon book; the message says why."""


class CarbonBook(BaseModel):
    """`grams_per_kwh`: by region, which covers the zones that begin with it (`us-east-1` → `us-east-1a`); '' is anywhere else."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(max_length=1000)
    date: str = Field("", max_length=100)
    attribution: str = Field("", max_length=1000)
    watts_idle: float = Field(ge=0, le=1000, description="Watts of a vCPU that does nothing")
    watts_full: float = Field(ge=0, le=1000, description="Watts of a vCPU in full use")
    utilisation: float = Field(
        ge=0, le=1, description="Share of its CPUs that an attempt used which was not measured"
    )
    kwh_per_gb_hour: float = Field(ge=0, le=1)
    pue: float = Field(ge=1, le=10, description="Power of the data centre for each watt of its machines")
    grams_per_kwh: dict[_Region, _Grams] = Field(max_length=1000)


@cache
def carbon_book(path: Path | None) -> CarbonBook:
    """The book in the file, or the bundled one. Raises BadCarbonBook."""
    file = path or files("api.carbon") / "data" / "aws.json"
    try:
        return CarbonBook.model_validate_json(file.read_bytes())
    except OSError as e:
        raise BadCarbonBook(f"{file} cannot be read: {e.strerror}") from e
    except ValidationError as e:
        first = e.errors()[0]
        raise BadCarbonBook(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from e
