"""The tab with the reports of a run."""

from collections.abc import Mapping
from typing import Any

from api.core.db import Reader
from api.outputs.queries import is_framed, is_shown
from api.reports.queries import reports
from api.runs.models import RunFacts, Tab


def _fetch(reader: Reader, facts: RunFacts, query: Mapping[str, str]) -> dict[str, Any]:
    found = reports(reader, facts.run.id)
    wanted = query.get("report", "0")
    place = int(wanted) if wanted.isascii() and wanted.isdigit() and int(wanted[:9]) < len(found) else 0
    return {
        "reports": found,
        "chosen": place,
        "shows": [is_shown(r.path) for r in found],
        "frames": [is_framed(r.path) for r in found],
    }


REPORTS = Tab(
    "reports",
    "Reports",
    "reports/run_reports.html",
    _fetch,
    applies=lambda facts: bool(facts.of_tabs["reports"]),
    fact="reports/has_reports",
    count=lambda facts: facts.of_tabs["reports"],
)
