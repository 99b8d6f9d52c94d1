"""What people do with a run's outputs: have them looked at again. One event on the log."""

from api.auth.permissions import Authorized
from api.core import commands
from api.core.commands import event_id
from schemas.files.events import OutputsRequested, Requested
from stores.log.port import EventLog


async def request_look(log: EventLog, who: Authorized, by: str, now_ms: int) -> None:
    """Have the run's output folder looked at again. Raises LogUnavailable."""
    event = requested_event(who.run_id, who.caller.name or by, now_ms)
    await commands.append(log, who.run_id, event)


def requested_event(run_id: str, by: str, now_ms: int) -> OutputsRequested:
    """Pure."""
    id = event_id(run_id, "outputs.requested", str(now_ms), by)
    return OutputsRequested(id=id, source="api", run_id=run_id, received_at=now_ms, data=Requested(by=by))
