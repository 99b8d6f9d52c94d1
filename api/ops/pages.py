"""The page of operations."""

from asyncio import gather
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from api.alerts.models import Alert
from api.alerts.queries import page_of_alerts
from api.core.cursor import alert_cursor, dead_letter_cursor
from api.core.db import Reader, ahead
from api.core.request_context import REQUEST_CONTEXT
from api.dead_letters.queries import LetterFilter, page_of_letters
from api.html.page import Page
from api.html.render import render
from api.ops.count_cache import CountCache
from api.ops.log_view import LogView
from api.ops.queries import delivery_check
from api.runs import queries as runs
from schemas.access import Act, may
from schemas.statuses import AlertState
from schemas.values import iso

#: Alerts, dead letters and runs that the page lists.
_LISTED_MAX = 20


def router(reader: Reader, log: LogView, count_cache: CountCache) -> APIRouter:
    """The route. `log` and `count_cache` are shared with the JSON, so that nothing is counted twice."""
    r = APIRouter(route_class=Page, include_in_schema=False, default_response_class=HTMLResponse)

    @r.get("/ops")
    async def ops_page() -> Response:
        check, others = await gather(
            delivery_check(reader, log, count_cache), run_in_threadpool(_others, reader)
        )
        return await run_in_threadpool(render, "ops/ops.html", check=check, **others)

    return r


def _others(reader: Reader) -> dict[str, Any]:
    """What the page shows beside the delivery check."""
    judgement = reader.judgement()
    counts = ahead(lambda: runs.status_counts(reader, judgement))
    alerts = ahead(lambda: page_of_alerts(reader, [AlertState.FIRING], "", [], alert_cursor(""), _LISTED_MAX))
    letters = ahead(
        lambda: page_of_letters(reader, LetterFilter(replayed=False), dead_letter_cursor(""), _LISTED_MAX)
    )
    caller = REQUEST_CONTEXT.get().caller
    attention = runs.needing_attention(reader, judgement)[:_LISTED_MAX]
    return {
        "behind": judgement.behind,
        "as_of": iso(judgement.as_of_ms),
        "attention": runs.runs_of(reader, attention, judgement, runs.UNSEEN),
        "counts": counts.result(),
        "alerts": by_run(alerts.result().alerts),
        "may_operate": may(caller, Act.OPERATE),
        "me": caller.name if caller else "",
        "letters": letters.result().dead_letters,
        "now_ms": reader.clock(),
    }


def by_run(alerts: Sequence[Alert]) -> list[tuple[str, list[Alert]]]:
    """Pure. The alerts of a run together, with its id; '' for those that are about none. In the order of the newest of each."""
    groups: dict[str, list[Alert]] = {}
    for alert in alerts:
        groups.setdefault(alert.run_id or "", []).append(alert)
    return list(groups.items())
