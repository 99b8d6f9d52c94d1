"""The tab with what a run cost, by process, and when each process was at work."""

from collections.abc import Mapping
from typing import Any

from api.core.db import Reader, ahead
from api.costs.queries import costs, process_spans
from api.runs.models import RunFacts, Tab


def _costs(reader: Reader, facts: RunFacts, _: Mapping[str, str]) -> dict[str, Any]:
    spans = ahead(lambda: process_spans(reader, facts.run.id))
    return {"costs": costs(reader, facts.run.id), "spans": spans.result()}


COST = Tab(
    "cost", "Cost and Performance", "costs/run_cost.html", _costs, applies=lambda facts: facts.did_all_work
)
