"""What receivers are sent: Alertmanager's webhook message (version 4), and Slack's. Pure. Texts of runners come from outside:
JSON escapes them, and in Slack's markup they cannot mention or link.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from projections.alerts.episodes import Alert, identity
from schemas.statuses import AlertKind, AlertState
from schemas.values import iso

_NOT_YET = "0001-01-01T00:00:00Z"  # Alertmanager's word for an end that is not known
SIGNATURE = "X-Tracker-Signature"
KEY = "Idempotency-Key"


def link(alert: Alert, base_url: str) -> str:
    """Where to look: the run's page, or the list of runs."""
    return f"{base_url}/runs/{alert.run_id}" if alert.run_id else f"{base_url}/"


def fingerprint(alert: Alert) -> str:
    """16 hex digits: the same for every episode of this kind about this run."""
    return identity(alert.labels.get("alertname", alert.kind), alert.run_id)[:16]


def webhook(alert: Alert, state: AlertState, receiver: str, key: str, base_url: str) -> dict[str, Any]:
    """Alertmanager's message with this one alert. `state`: firing or resolved."""
    over = state is AlertState.RESOLVED and alert.resolved_at is not None
    annotations = {"summary": alert.summary, "idempotency_key": key}
    subject = {"alertname": alert.labels.get("alertname", alert.kind), "run_id": alert.run_id}
    group_labels = {name: value for name, value in subject.items() if value}
    labels = dict(alert.labels)
    details = {
        "status": str(state),
        "labels": labels,
        "annotations": annotations,
        "startsAt": iso(alert.since),
        "endsAt": iso(alert.resolved_at or 0) if over else _NOT_YET,
        "generatorURL": link(alert, base_url),
        "fingerprint": fingerprint(alert),
    }
    matchers = ", ".join(f"{name}={json.dumps(value)}" for name, value in group_labels.items())
    return {
        "version": "4",
        "groupKey": f"{{}}:{{{matchers}}}",
        "truncatedAlerts": 0,
        "status": str(state),
        "receiver": receiver,
        "groupLabels": group_labels,
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": base_url,
        "alerts": [details],
    }


def slack(alert: Alert, state: AlertState, base_url: str) -> dict[str, Any]:
    """The message of an incoming webhook."""
    mark = ":white_check_mark: Resolved" if state is AlertState.RESOLVED else ":rotating_light: Firing"
    return {
        "text": f"{mark}: {_plain(alert.summary)} <{link(alert, base_url)}|Look at it>",
        "unfurl_links": False,
    }


def watchdog(now: int) -> Alert:
    """The alert that fires always."""
    return Alert(
        "watchdog",
        AlertKind.WATCHDOG,
        "",
        since=now,
        fires_at=now,
        state=AlertState.FIRING,
        fired_at=now,
        summary="alerts work: when this message stays away, nobody is told of anything",
        labels={"alertname": "Watchdog", "severity": "none"},
    )


def sample(now: int) -> Alert:
    """What `tracker alerts test` sends."""
    return Alert(
        identity("test", now),
        AlertKind.WATCHDOG,
        "",
        since=now,
        fires_at=now,
        state=AlertState.FIRING,
        fired_at=now,
        summary="a test of this receiver: nothing is wrong",
        labels={"alertname": "TrackerTest", "severity": "none"},
    )


def headers(body: bytes, key: str, secret: bytes) -> Mapping[str, str]:
    """Headers of a message. The signature is sha256=HEX, an HMAC over the body's bytes."""
    found = {"Content-Type": "application/json", "User-Agent": "run-tracker", KEY: key}
    if secret:
        found[SIGNATURE] = f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"
    return found


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
