"""Alerts, from the table that the notifier writes."""

from api.alerts.models import Alert, AlertList, Delivery
from api.core.cursor import AlertPlace, to_token
from api.core.db import Reader, Row
from api.core.figures import time_of
from schemas.values import iso


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


def is_alert(reader: Reader, alert_id: str) -> bool:
    """Whether there is an alert of this id."""
    return bool(reader.rows("alerts/alert_known", id=alert_id))


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
