"""What many runs cost together, in groups."""

from dataclasses import asdict
from enum import StrEnum

from api.core.db import Reader, Row, ahead
from api.core.figures import money
from api.core.params import RunFilter
from api.costs.models import Spend, SpendList
from api.costs.queries import currency, known

#: Groups that one answer gives at most, the dearest first.
GROUPS_MAX = 500


class By(StrEnum):
    """What runs are grouped by."""

    PIPELINE = "pipeline"
    USER = "user"
    LABEL = "label"
    CAPACITY = "capacity"
    DAY = "day"


def spend(reader: Reader, filter: RunFilter, by: By) -> SpendList:
    """The groups, the dearest first, days the newest first; and the total, which is the sum of the runs' costs."""
    parameters = reader.judgement().parameters() | asdict(filter)
    whole = ahead(lambda: reader.rows("costs/spend", **parameters, by="whole", limit=1))
    book_currency = ahead(lambda: currency(reader))
    rows = reader.rows("costs/spend", **parameters, by=str(by), limit=GROUPS_MAX + 1)
    totals = whole.result()
    return SpendList(
        groups=[_spend(r, by) for r in rows[:GROUPS_MAX]],
        total=_spend(totals[0], None) if totals else _NOTHING,
        currency=book_currency.result(),
        more=len(rows) > GROUPS_MAX,
    )


_NOTHING = Spend(key="", amount="0", wasted="0", runs=0, complete=True, unpriced_tasks=0, missing_tasks=0)


def _spend(row: Row, by: By | None) -> Spend:
    return Spend(
        key=row["key"],
        amount=known(row["amount"], row["unpriced_tasks"]),
        wasted=None
        if by == By.CAPACITY or (not row["amount"] and row["unpriced_tasks"])
        else money(row["wasted"]),
        runs=row["runs"],
        complete=row["unpriced_tasks"] == 0 and row["missing_tasks"] == 0,
        unpriced_tasks=row["unpriced_tasks"],
        missing_tasks=row["missing_tasks"],
    )
