"""The shapes of answers about costs."""

from pydantic import BaseModel

from api.core.models import Money


class Spot(BaseModel):
    """What spot machines alone would have cost."""

    amount: Money


class ProcessCost(BaseModel):
    process: str
    label: str
    tasks: int
    amount: Money | None
    wasted: Money | None
    unpriced_tasks: int
    if_all_spot: Spot | None
    cpu_ms: int


class Pricing(BaseModel):
    """How it was priced: the price book in force, null where there is none, and the rule in words."""

    version: int | None
    rates: int
    rule: str


class Costs(BaseModel):
    """`amount` and `wasted` are null when no price is known; `if_all_spot` when one spot price is not."""

    amount: Money | None
    currency: str | None
    wasted: Money | None
    complete: bool
    unpriced_tasks: int
    if_all_spot: Spot | None
    cpu_ms: int
    processes: list[ProcessCost]
    pricing: Pricing
