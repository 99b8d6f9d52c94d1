"""What the runs of a person cost and keep: the list, its totals, and what its filter offers."""

from urllib.parse import quote

from api.core.cursor import OFFSET_MAX, OffsetCursor, offset_cursor, to_token
from api.core.db import Reader
from api.costs import queries as costs
from api.dashboard.models import NAMES_MAX, Choices, DashboardFilter, Order, Totals
from api.outputs.models import StoragePrices, annual_costs
from api.runs import queries as runs
from api.runs.models import Run

_CHOICES_MAX = 500


def page_of_runs(
    reader: Reader, filter: DashboardFilter, order: Order, token: str, page_size: int
) -> tuple[list[Run], str | None]:
    """One page, and the token of the next one. Raises Problem 400 for a wrong token."""
    offset = offset_cursor(token, order).offset
    rows = reader.rows(
        "dashboard/runs_page",
        **filter.parameters(reader.clock()),
        sort=str(order),
        limit=page_size + 1,
        offset=offset,
    )
    more = len(rows) > page_size and offset + page_size <= OFFSET_MAX
    found = runs.runs_of(reader, [r["run_id"] for r in rows[:page_size]], reader.judgement(), runs.UNSEEN)
    return found, to_token(OffsetCursor(order, offset + page_size)) if more else None


def totals(reader: Reader, filter: DashboardFilter) -> Totals:
    """Of all runs of the filter, not of one page alone."""
    [row] = reader.rows("dashboard/totals", **filter.parameters(reader.clock()))
    on_s3 = row["s3_bytes"]
    return Totals(
        runs=row["runs"],
        cost=costs.known(row["cost"], row["unpriced_tasks"]),
        cost_complete=row["unpriced_tasks"] == 0,
        currency=costs.currency(reader),
        bytes=row["bytes"],
        files=row["files"],
        tiers=annual_costs(on_s3, StoragePrices.of(reader.settings)) if on_s3 else None,
        deleted=row["deleted"],
        unknown=row["unknown"],
    )


def choices(reader: Reader, person: str) -> Choices:
    """Labels of the runs of a person ('': of everybody's), and all people."""
    [row] = reader.rows("dashboard/choices", person=person, most=_CHOICES_MAX)
    return Choices(row["labels"], row["people"])


def names_of(text: str) -> list[str]:
    """Pure. The runs that an address names, divided by spaces; NAMES_MAX at most."""
    return list(dict.fromkeys(text.split()))[:NAMES_MAX]


def dashboard_url(reader: Reader, refs: list[str]) -> str:
    """The address at which a person confirms that the outputs of these runs may go. Raises Problem 404 for one that is not known.

    A run is named by its name, since people read addresses, or by its id where the name has a space in it or others have it too.
    """
    found = [_name_or_id(reader, ref) for ref in dict.fromkeys(refs)]
    return f"{reader.settings.base_url}/dashboard?names={quote(' '.join(dict.fromkeys(found)), safe='')}"


def _name_or_id(reader: Reader, ref: str) -> str:
    run_id = runs.resolve(reader, ref)
    name = runs.known_run(reader, run_id, runs.UNSEEN).name
    newest, others = runs.with_same_name(reader, name)
    return name if newest == run_id and not others and name.split() == [name] else run_id
