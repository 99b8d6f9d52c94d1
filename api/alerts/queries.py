"""Alerts, from the table that the notifier writes."""

from collections.abc import Sequence

from api.alerts.models import Alert, AlertList, Delivery
from api.core.cursor import AlertCursor, alert_cursor, to_token
from api.core.db import Reader, Row
from api.core.figures import time_of
from schemas.statuses import AlertKind, AlertState
from schemas.values import iso

#: Alerts that are told of, or were and somebody has seen them: what a page shows beside a run.
_TOLD = (AlertState.FIRING, AlertState.GROUPED, AlertState.RESOLVED)
#: Alerts that are looked through for those of some runs.
_OF_RUNS_MAX = 1000


def page_of_alerts(
    reader: Reader,
    states: Sequence[str],
    kind: str,
    run_ids: Sequence[str],
    place: AlertCursor,
    page_size: int,
) -> AlertList:
    """One page, newest first; an empty kind and no run ids do not filter."""
    rows = _rows(reader, states, kind, run_ids, "", place, page_size + 1)
    page = rows[:page_size]
    more = len(rows) > page_size
    token = to_token(AlertCursor(page[-1]["since_ms"], page[-1]["id"])) if more else None
    return AlertList(alerts=[_alert(r) for r in page], next_page_token=token)


def alert_of(reader: Reader, alert_id: str) -> Alert | None:
    """The alert of this id, if there is one."""
    rows = _rows(reader, list(AlertState), "", [], alert_id, alert_cursor(""), 1)
    return _alert(rows[0]) if rows else None


def _rows(
    reader: Reader,
    states: Sequence[str],
    kind: str,
    run_ids: Sequence[str],
    alert_id: str,
    place: AlertCursor,
    limit: int,
) -> list[Row]:
    return reader.rows(
        "alerts/alerts",
        states=list(states),
        kind=kind,
        run_ids=list(run_ids),
        id=alert_id,
        token_ms=place.since_ms,
        token_id=place.alert_id,
        limit=limit,
    )


def alerts_of_runs(reader: Reader, run_ids: Sequence[str]) -> dict[str, Alert]:
    """Of each of these runs the newest alert that somebody may act on, or that somebody acknowledged, by the run's id."""
    if not run_ids:
        return {}
    found = page_of_alerts(reader, _TOLD, "", run_ids, alert_cursor(""), _OF_RUNS_MAX).alerts
    newest: dict[str, Alert] = {}
    for alert in found:
        if alert.run_id and (alert.state != AlertState.RESOLVED or _failure_seen(alert)):
            newest.setdefault(alert.run_id, alert)
    return newest


def _failure_seen(alert: Alert) -> bool:
    """An alert about a failure ends when it is acknowledged; the run is still one that failed."""
    return alert.kind == AlertKind.FAILED and alert.acknowledged_at is not None


def is_alert(reader: Reader, alert_id: str) -> bool:
    """Whether there is an alert of this id."""
    return bool(reader.rows("alerts/alert_known", id=alert_id))


def _alert(row: Row) -> Alert:
    return Alert(
        id=row["id"],
        kind=row["kind"],
        run_id=row["run_id"] or None,
        run_name=row["name"] or None,
        state=row["state"],
        since=iso(row["since_ms"]),
        fired_at=time_of(row["fired_ms"]),
        resolved_at=time_of(row["resolved_ms"]),
        summary=row["summary"],
        group_id=row["group_id"] or None,
        acknowledged_at=time_of(row["acknowledged_ms"]),
        acknowledged_by=row["acknowledged_by"] or None,
        assigned_to=row["assignee"] or None,
        silenced_until=time_of(row["silenced_ms"]),
        deliveries=[
            Delivery(receiver=receiver, firing_at=time_of(firing), resolved_at=time_of(resolved))
            for receiver, firing, resolved in row["told"]
        ],
    )
