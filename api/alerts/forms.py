"""What people do about an alert from a page: forms that work without script, and lead back to where they stood."""

from collections.abc import Callable
from urllib.parse import urlsplit

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from api.alerts import commands
from api.alerts.models import Acknowledgement, Alert, Assignment, Silence
from api.alerts.params import AlertId, Operator
from api.alerts.queries import alert_of
from api.core.commands import until_visible
from api.core.db import Reader
from api.core.problems import bad_request
from api.core.request_body import Form
from api.html.page import Page
from stores.log.port import EventLog

#: For how many hours a form silences an alert.
HOURS = ("1", "8", "24", "168")


def router(reader: Reader, log: EventLog, clock: Callable[[], int]) -> APIRouter:
    """The forms; each has a field `back`, the page to show next. `clock` gives the wall clock in ms."""
    r = APIRouter(route_class=Page, include_in_schema=False)

    async def shown(alert_id: str, is_shown: Callable[[Alert], bool], form: dict[str, str]) -> Response:
        def look() -> bool:
            alert = alert_of(reader, alert_id)
            return alert is not None and is_shown(alert)

        await until_visible(look)
        return RedirectResponse(_local(form.get("back", "")), status_code=303)

    @r.post("/alerts/{alert_id}/acknowledge")
    async def acknowledge(alert_id: AlertId, caller: Operator, form: Form) -> Response:
        """Somebody has seen it."""
        await commands.acknowledge(reader, log, caller, alert_id, Acknowledgement(), clock())
        return await shown(alert_id, lambda a: a.acknowledged_at is not None, form)

    @r.post("/alerts/{alert_id}/silence")
    async def silence(alert_id: AlertId, caller: Operator, form: Form) -> Response:
        """Field `hours`: one of HOURS."""
        if form.get("hours") not in HOURS:
            raise bad_request(f"hours: one of {', '.join(HOURS)}")
        until = clock() + int(form["hours"]) * 3_600_000
        await commands.silence(reader, log, caller, alert_id, Silence(until=until), clock())
        return await shown(alert_id, lambda a: a.silenced_until is not None, form)

    @r.post("/alerts/{alert_id}/assign")
    async def assign(alert_id: AlertId, caller: Operator, form: Form) -> Response:
        """Field `to`: who looks after it; empty: nobody."""
        try:
            assignment = Assignment(to=form.get("to", "").strip())
        except ValidationError as e:
            raise bad_request("to: a name has at most 200 characters") from e
        await commands.assign(reader, log, caller, alert_id, assignment, clock())
        return await shown(alert_id, lambda a: (a.assigned_to or "") == assignment.to, form)

    return r


def _local(address: str) -> str:
    """Pure. The address, if it is a path of ours; else that of the operations."""
    parts = urlsplit(address)
    ours = (
        not parts.scheme and not parts.netloc and address.startswith("/") and address[1:2] not in ("/", "\\")
    )
    return address if ours and address.isprintable() else "/ops"
