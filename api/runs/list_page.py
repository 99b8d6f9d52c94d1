"""The list of runs as a page: its rows, the links that filter it, and above it what needs attention."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.responses import Response

from api.alerts.models import Alert
from api.alerts.queries import alerts_of_runs
from api.core.db import Judgement, Reader, ahead
from api.core.params import PAGE_SIZE, RunFilter
from api.core.request_context import REQUEST_CONTEXT
from api.diagnosis.queries import cause_in_list
from api.html.page import form_values, next_page, query_without
from api.html.render import render
from api.runs import queries as runs
from api.runs.models import RunList
from api.runs.progress import add_progress
from schemas.access import Act, may
from schemas.statuses import RunStatus
from schemas.values import iso

#: Runs that need attention: shown at first, and where all are asked for.
_URGENT, _URGENT_ALL = 5, 100
#: What stands in the address and is no filter.
_NO_FILTER = frozenset(("page_token", "sort", "attention"))
#: Periods that one click chooses, as `started_after` has them.
_PERIODS = (("24 h", "-24h"), ("7 d", "-7d"), ("30 d", "-30d"), ("all", ""))


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that filters: `on`, if it is in force; `runs`: how many it would list, None where that is not counted."""

    name: str
    href: str
    on: bool
    runs: int | None = None


def list_page(reader: Reader, request: Request, filter: RunFilter, sort: str, page_token: str) -> Response:
    """One page of the list. Raises Problem 400 for a wrong token."""
    filtered = any(v for k, v in request.query_params.items() if k not in _NO_FILTER)
    judgement = reader.judgement()
    every = query_without(request, "status", "sort", "page_token", "attention")
    counts = ahead(lambda: runs.filtered_counts(reader, judgement, filter, every))
    # Who filters or pages looks for something else; the block would stand in the way.
    attention = None if filtered or page_token else ahead(lambda: runs.needing_attention(reader, judgement))
    ids, token = runs.page_of_ids(reader, judgement, filter, sort, page_token, PAGE_SIZE)
    needing = attention.result() if attention else []
    alerts = alerts_of_runs(reader, needing)
    needing = unseen_first(needing, alerts)
    urgent = needing[: _URGENT_ALL if request.query_params.get("attention") == "all" else _URGENT]
    caller = REQUEST_CONTEXT.get().caller
    by_id = _by_id(reader, judgement, [*ids, *urgent])
    page = RunList(
        runs=[by_id[i] for i in ids if i in by_id], next_page_token=token, as_of=iso(judgement.as_of_ms)
    )
    add_progress(reader, page.runs)
    return render(
        "runs/runs.html",
        page=page,
        attention=[(by_id[i], cause_in_list(by_id[i]), alerts.get(i)) for i in urgent if i in by_id],
        may_operate=may(caller, Act.OPERATE),
        me=caller.name if caller else "",
        more_attention=len(needing) - len(urgent),
        params=form_values(request),
        chips=status_choices(request, filter.statuses, counts.result()),
        periods=period_choices(request),
        filtered=filtered,
        sort=sort,
        query=query_without(request, "sort", "page_token"),
        paged=bool(page_token),
        next_page=next_page(request, page.next_page_token),
        base_url=reader.settings.base_url,
        now_ms=reader.clock(),
    )


def _by_id(reader: Reader, judgement: Judgement, ids: list[str]) -> dict[str, Any]:
    found = runs.runs_of(reader, list(dict.fromkeys(ids)), judgement, runs.UNSEEN)
    return {r.id: r for r in found}


def unseen_first(run_ids: list[str], alerts: Mapping[str, Alert]) -> list[str]:
    """Pure. The same runs; those whose alert somebody has acknowledged come last."""

    def seen(run_id: str) -> bool:
        alert = alerts.get(run_id)
        return alert is not None and alert.acknowledged_at is not None

    return sorted(run_ids, key=seen)


def status_choices(request: Request, chosen: list[str], counts: Mapping[str, int]) -> list[Choice]:
    """Pure. A link for each status, which adds it to those that are listed or takes it away; before them one for all."""
    rest = query_without(request, "status", "page_token", "attention")
    choices = [Choice("all", _address(rest), not chosen, sum(counts.values()))]
    for status in RunStatus:
        on = status in chosen
        statuses = [s for s in chosen if s != status] if on else [*chosen, status.value]
        href = _address(rest + (f"status={','.join(statuses)}" if statuses else ""))
        choices.append(Choice(status.value, href, on, counts.get(status, 0)))
    return choices


def period_choices(request: Request) -> list[Choice]:
    """Pure. A link for each period up to now."""
    query = request.query_params
    rest = query_without(request, "started_after", "started_before", "page_token", "attention")
    now = query.get("started_after", "").strip()
    return [
        Choice(
            name,
            _address(rest + (f"started_after={after}" if after else "")),
            now == after and not query.get("started_before"),
        )
        for name, after in _PERIODS
    ]


def _address(query: str) -> str:
    return f"/?{query.rstrip('&')}" if query else "/"
