"""What people do about an alert. Each is one event on the log, by which the notifier acts."""

from starlette.concurrency import run_in_threadpool

from api.alerts.models import Acknowledgement, Assignment, Silence
from api.alerts.queries import is_alert
from api.core import commands
from api.core.commands import event_id
from api.core.db import Reader
from api.core.problems import not_found
from schemas.access import Caller
from schemas.events import (
    Acknowledged,
    AlertAcknowledged,
    AlertAssigned,
    AlertSilenced,
    Assigned,
    Silenced,
)
from stores.log.port import EventLog


async def acknowledge(
    reader: Reader, log: EventLog, caller: Caller, alert_id: str, by: Acknowledgement, now_ms: int
) -> None:
    """Say that somebody looks after it. Raises Problem 404 and LogUnavailable."""
    event = AlertAcknowledged(
        id=event_id(alert_id, "acknowledge", str(now_ms)),
        source="api",
        received_at=now_ms,
        data=Acknowledged(alert_id=alert_id, by=caller.name or by.by),
    )
    await _append(reader, log, alert_id, event)


async def silence(
    reader: Reader, log: EventLog, caller: Caller, alert_id: str, silence: Silence, now_ms: int
) -> None:
    """Nobody is told of it until then. Raises Problem 404 and LogUnavailable."""
    event = AlertSilenced(
        id=event_id(alert_id, "silence", str(now_ms)),
        source="api",
        received_at=now_ms,
        data=Silenced(alert_id=alert_id, by=caller.name or silence.by, until=silence.until),
    )
    await _append(reader, log, alert_id, event)


async def assign(
    reader: Reader, log: EventLog, caller: Caller, alert_id: str, assignment: Assignment, now_ms: int
) -> None:
    """Say who looks after it, '' for nobody. Raises Problem 404 and LogUnavailable."""
    event = AlertAssigned(
        id=event_id(alert_id, "assign", str(now_ms)),
        source="api",
        received_at=now_ms,
        data=Assigned(alert_id=alert_id, by=caller.name or assignment.by, to=assignment.to.strip()),
    )
    await _append(reader, log, alert_id, event)


async def _append(
    reader: Reader, log: EventLog, alert_id: str, event: AlertAcknowledged | AlertSilenced | AlertAssigned
) -> None:
    if not await run_in_threadpool(is_alert, reader, alert_id):
        raise not_found("alert", alert_id)
    await commands.append(log, alert_id, event)
