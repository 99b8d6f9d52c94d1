"""The shapes of answers about carbon."""

from pydantic import BaseModel, Field


class Assumptions(BaseModel):
    """What the estimate was made with."""

    source: str
    date: str
    watts_idle: float
    watts_full: float
    utilisation: float
    kwh_per_gb_hour: float
    pue: float
    grams_per_kwh: dict[str, float] = Field(
        description="Of the regions that tasks ran in; '' is anywhere else"
    )


class Carbon(BaseModel):
    """Of the attempts whose region is known, at least: `complete` says whether these are all. Cached tasks emit nothing anew."""

    g_co2e: float = Field(description="Grams of CO₂ equivalents")
    kwh: float
    complete: bool
    unknown_tasks: int = Field(description="Attempts in a region of which the grid is not known")
    unmeasured_tasks: int = Field(description="Attempts whose use of CPUs is assumed, not measured")
    assumptions: Assumptions
