"""The tab with what each process requested and used."""

from collections.abc import Mapping
from typing import Any

from api.core.db import Reader
from api.runs.models import RunFacts, Tab
from api.usage.queries import usage_of

#: Processes that the tab lists; the JSON has all.
_ROWS_MAX = 200


def _usage(reader: Reader, facts: RunFacts, _: Mapping[str, str]) -> dict[str, Any]:
    usage = usage_of(reader, facts.run)
    return {"usage": usage, "processes": usage.processes[:_ROWS_MAX]}


USAGE = Tab(
    "usage",
    "Requested vs Used",
    "usage/run_usage.html",
    _usage,
    applies=lambda facts: facts.run.tasks.total > 0,
)
