"""Alerts under /api/v1: the list, and what people do about one."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Body, Query

from api.alerts import commands
from api.alerts.models import Acknowledgement, ActAccepted, AlertList, Assignment, Silence
from api.alerts.params import AlertId, Operator
from api.alerts.queries import page_of_alerts
from api.core.cursor import alert_cursor
from api.core.db import Reader
from api.core.params import PAGE_SIZE, PageSize, PageToken, Statuses, Text
from api.core.problems import bad_request, responses
from schemas.statuses import AlertKind, AlertState
from stores.log.port import EventLog


def router(reader: Reader, log: EventLog, clock: Callable[[], int]) -> APIRouter:
    """All routes. `clock` gives the wall clock in ms."""
    r = APIRouter(prefix="/api/v1", tags=["alerts"], responses=responses(400))

    @r.get("/alerts")
    def list_alerts(
        state: Statuses = "firing,resolved",
        kind: Annotated[str, Query(max_length=100)] = "",
        run_id: Text = "",
        page_size: PageSize = PAGE_SIZE,
        page_token: PageToken = "",
    ) -> AlertList:
        """Alerts, newest first; without `state` those that are or were told."""
        place = alert_cursor(page_token)
        run_ids = [run_id] if run_id else []
        return page_of_alerts(reader, _states(state), _kind(kind), run_ids, place, page_size)

    @r.post("/alerts/{alert_id}/acknowledge", status_code=202, responses=responses(403, 404, 413))
    async def acknowledge_alert(
        alert_id: AlertId, caller: Operator, by: Annotated[Acknowledgement | None, Body()] = None
    ) -> ActAccepted:
        """Say that somebody looks after it. That also ends an alert about a failed run or dead letters."""
        await commands.acknowledge(reader, log, caller, alert_id, by or Acknowledgement(), clock())
        return ActAccepted(id=alert_id)

    @r.post("/alerts/{alert_id}/silence", status_code=202, responses=responses(403, 404, 413))
    async def silence_alert(alert_id: AlertId, silence: Silence, caller: Operator) -> ActAccepted:
        """Hear no more of it until then. Who was told that it fires is told of its end all the same."""
        await commands.silence(reader, log, caller, alert_id, silence, clock())
        return ActAccepted(id=alert_id)

    @r.post("/alerts/{alert_id}/assign", status_code=202, responses=responses(403, 404, 413))
    async def assign_alert(alert_id: AlertId, assignment: Assignment, caller: Operator) -> ActAccepted:
        """Say who looks after it. The alert goes on as before."""
        await commands.assign(reader, log, caller, alert_id, assignment, clock())
        return ActAccepted(id=alert_id)

    return r


def _states(text: str) -> list[str]:
    states = [s.strip() for s in text.split(",") if s.strip()]
    if unknown := [s for s in states if s not in set(AlertState)]:
        raise bad_request(f"state: {unknown[0][:100]!r} is unknown; give some of {', '.join(AlertState)}")
    return states or [AlertState.FIRING, AlertState.RESOLVED]


def _kind(text: str) -> str:
    if text and text not in set(AlertKind):
        raise bad_request(f"kind: {text[:100]!r} is unknown; give one of {', '.join(AlertKind)}")
    return text
