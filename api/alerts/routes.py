"""Alerts under /api/v1: the list, and what people do about one. Both acts are events on the log; the notifier acts by them."""

from collections.abc import Callable
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.auth.gate import allow
from api.core.cursor import AlertPlace, alert_place, to_token
from api.core.db import Reader, Row
from api.core.figures import time_of
from api.core.models import Time
from api.core.params import PAGE_SIZE, PageSize, PageToken, Statuses, Text
from api.core.problems import bad_request, not_found, responses
from api.core.request_body import described, read_json
from schemas.access import Act, Caller
from schemas.events import Acknowledged, AlertAcknowledged, AlertSilenced, Ms, Person, Silenced, iso
from schemas.statuses import AlertKind, AlertState
from schemas.topics import EVENTS
from schemas.wire import encode
from stores.log.port import EventLog

AlertId = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$")]


class Delivery(BaseModel):
    """When a receiver took the messages; null: it has not, or there is none yet."""

    receiver: str
    firing_at: Time | None
    resolved_at: Time | None


class Alert(BaseModel):
    """One episode of something wrong. `run_id` is null where it is not about one run."""

    id: str
    kind: AlertKind
    run_id: str | None
    state: AlertState
    since: Time
    fired_at: Time | None
    resolved_at: Time | None
    summary: str
    group_id: str | None = Field(description="The alert about many runs that tells of this one")
    acknowledged_at: Time | None
    acknowledged_by: str | None
    silenced_until: Time | None
    deliveries: list[Delivery]


class AlertList(BaseModel):
    """Alerts, newest first."""

    alerts: list[Alert]
    next_page_token: str | None


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Acknowledgement(_Asked):
    """Who has seen it; may be left out, and means nothing where the caller is known."""

    by: Person = ""


class Silence(_Asked):
    """Nobody is told before `until` that it, or the next of the same, fires; a time that is past ends the silence."""

    until: Ms = Field(description="RFC 3339, or ms since 1970")
    by: Person = ""


class ActAccepted(BaseModel):
    """The act is durable on the log; the alert shows it within seconds."""

    id: str


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
        place = alert_place(page_token)
        return page_of_alerts(reader, _states(state), _kind(kind), run_id, place, page_size)

    @r.post(
        "/alerts/{alert_id}/acknowledge",
        status_code=202,
        responses=responses(403, 404, 413),
        openapi_extra=described(Acknowledgement, required=False),
    )
    async def acknowledge_alert(
        alert_id: AlertId, request: Request, who: Annotated[Caller, allow(Act.OPERATE)]
    ) -> ActAccepted:
        """Say that somebody looks after it. That also ends an alert about a failed run or dead letters."""
        asked = await read_json(request, Acknowledgement)
        await run_in_threadpool(_require, reader, alert_id)
        event = AlertAcknowledged(
            id=_event_id(alert_id, "acknowledge", clock()),
            source="api",
            received_at=clock(),
            data=Acknowledged(alert_id=alert_id, by=who.name or asked.by),
        )
        await log.append(EVENTS, alert_id, event.type, encode(event))
        return ActAccepted(id=alert_id)

    @r.post(
        "/alerts/{alert_id}/silence",
        status_code=202,
        responses=responses(403, 404, 413),
        openapi_extra=described(Silence, required=True),
    )
    async def silence_alert(
        alert_id: AlertId, request: Request, who: Annotated[Caller, allow(Act.OPERATE)]
    ) -> ActAccepted:
        """Hear no more of it until then. Who was told that it fires is told of its end all the same."""
        asked = await read_json(request, Silence)
        await run_in_threadpool(_require, reader, alert_id)
        event = AlertSilenced(
            id=_event_id(alert_id, "silence", clock()),
            source="api",
            received_at=clock(),
            data=Silenced(alert_id=alert_id, by=who.name or asked.by, until=asked.until),
        )
        await log.append(EVENTS, alert_id, event.type, encode(event))
        return ActAccepted(id=alert_id)

    return r


def page_of_alerts(
    reader: Reader, states: list[str], kind: str, run_id: str, place: AlertPlace, page_size: int
) -> AlertList:
    """One page, newest first; an empty kind or run id does not filter."""
    rows = reader.rows(
        "alerts/alerts",
        states=states,
        kind=kind,
        run_id=run_id,
        token_ms=place.since_ms,
        token_id=place.alert_id,
        limit=page_size + 1,
    )
    page = rows[:page_size]
    more = len(rows) > page_size
    token = to_token(AlertPlace(page[-1]["since_ms"], page[-1]["id"])) if more else None
    return AlertList(alerts=[_alert(r) for r in page], next_page_token=token)


def _alert(row: Row) -> Alert:
    return Alert(
        id=row["id"],
        kind=row["kind"],
        run_id=row["run_id"] or None,
        state=row["state"],
        since=iso(row["since_ms"]),
        fired_at=time_of(row["fired_ms"]),
        resolved_at=time_of(row["resolved_ms"]),
        summary=row["summary"],
        group_id=row["group_id"] or None,
        acknowledged_at=time_of(row["acknowledged_ms"]),
        acknowledged_by=row["acknowledged_by"] or None,
        silenced_until=time_of(row["silenced_ms"]),
        deliveries=[
            Delivery(receiver=receiver, firing_at=time_of(firing), resolved_at=time_of(resolved))
            for receiver, firing, resolved in row["told"]
        ],
    )


def _require(reader: Reader, alert_id: str) -> None:
    if not reader.rows("alerts/alert_known", id=alert_id):
        raise not_found("alert", alert_id)


def _states(text: str) -> list[str]:
    asked = [s.strip() for s in text.split(",") if s.strip()]
    if unknown := [s for s in asked if s not in set(AlertState)]:
        raise bad_request(f"state: {unknown[0][:100]!r} is unknown; give some of {', '.join(AlertState)}")
    return asked or [AlertState.FIRING, AlertState.RESOLVED]


def _kind(text: str) -> str:
    if text and text not in set(AlertKind):
        raise bad_request(f"kind: {text[:100]!r} is unknown; give one of {', '.join(AlertKind)}")
    return text


def _event_id(alert_id: str, verb: str, now_ms: int) -> str:
    """The time is a part of it: to do the same once more is no repeat."""
    return sha256("\0".join([alert_id, verb, str(now_ms)]).encode()).hexdigest()[:32]
