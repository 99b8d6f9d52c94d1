"""The page of a run: its head, and the tabs that the capabilities bring, of which only what is looked at is fetched."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from starlette.responses import HTMLResponse

from api.alerts.queries import alerts_of_runs
from api.core.db import Reader, ahead
from api.core.headers import POLICY
from api.core.request_context import REQUEST_CONTEXT
from api.html.render import fragment, render
from api.runs.facts import run_facts
from api.runs.models import RunFacts, Tab
from api.runs.queries import with_same_name
from schemas.access import Act, may
from schemas.statuses import ReportedState, RunStatus

#: How a run stands that an alert may tell of.
_WRONG = frozenset((RunStatus.FAILED, RunStatus.DISCONNECTED, RunStatus.STALLED))
#: The address that opens every tab, to print them.
ALL = "all"


def run_page(reader: Reader, tabs: Sequence[Tab], ref: str, query: Mapping[str, str]) -> HTMLResponse:
    """The page of the run, with the tab `query["tab"]` open, or the one it opens on. Raises Problem 404."""
    judgement = ahead(reader.judgement)
    run_id, same_name = with_same_name(reader, ref)
    facts = run_facts(reader, run_id, judgement.result(), tabs)
    wrong = [run_id] if facts.run.status in _WRONG else []
    alerts = ahead(lambda: alerts_of_runs(reader, wrong))
    caller = REQUEST_CONTEXT.get().caller
    own = [t for t in tabs if t.applies(facts)]
    requested = query.get("tab", "")
    opened = requested if requested in {t.address for t in own} else opens_on(facts)
    common: dict[str, Any] = {
        "run": facts.run,
        "facts": facts,
        "here": f"/runs/{quote(facts.run.id, safe='')}",
        "now_ms": reader.clock(),
        "addresses": {t.address for t in own},
        "may_delete_outputs": may(caller, Act.DELETE_OUTPUTS, facts.run.owner),
        "may_change": may(caller, Act.CHANGE_RUN, facts.run.owner),
    }
    everything = requested == ALL
    panels = {
        t.address: _panel(reader, facts, t, query, common)
        for t in own
        if everything or t.address == opened or not t.fetch
    }
    return render(
        "runs/run.html",
        # A report stands in a frame, whose content has a policy of its own.
        headers={"Content-Security-Policy": f"{POLICY}; frame-src 'self'"},
        **common,
        alert=alerts.result().get(run_id),
        may_operate=may(caller, Act.OPERATE),
        me=caller.name if caller else "",
        since=since(facts),
        asked_name=ref,
        same_name=same_name,
        tabs=[(t, t.count(facts)) for t in own],
        panels=panels,
        opened=opened,
        opens_on=opens_on(facts),
        everything=everything,
    )


def _panel(
    reader: Reader, facts: RunFacts, tab: Tab, query: Mapping[str, str], common: dict[str, Any]
) -> str:
    values = tab.fetch(reader, facts, query) if tab.fetch else {}
    return fragment(tab.template, **common, **values)


def opens_on(facts: RunFacts) -> str:
    """Pure. The tab that is open when the address names none."""
    return "error" if facts.run.reported_state == ReportedState.FAILED else "overview"


def since(facts: RunFacts) -> str | None:
    """Pure. When the run came to stand as it does, as well as it is known."""
    run = facts.run
    if run.status == RunStatus.DISCONNECTED:
        return run.last_seen_at
    if run.status == RunStatus.UNKNOWN:
        return run.as_of
    if run.completed_at and run.liveness is None:
        return run.completed_at
    if facts.last_change and facts.last_change[0] == run.status:
        return facts.last_change[1]
    return run.started_at or run.submitted_at
