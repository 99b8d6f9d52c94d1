"""What people do to a run: set its labels, hide it, show it again. Each is one event on the log."""

from collections.abc import Iterable

from pydantic import ValidationError

from api.auth.permissions import Authorized
from api.core import commands
from api.core.commands import event_id
from api.core.problems import invalid
from api.runs.models import Hidden
from schemas.events import Hiding, Labelled, RunHidden, RunLabelled, RunShown
from stores.log.port import EventLog


async def set_labels(log: EventLog, who: Authorized, labels: Iterable[str], now_ms: int) -> list[str]:
    """Set all labels of the run; gives them back, each once. Raises Problem 400 and LogUnavailable."""
    event = labels_event(who.run_id, labels, now_ms)
    await commands.append(log, who.run_id, event)
    return event.data.labels


async def set_hidden(log: EventLog, who: Authorized, hidden: Hidden, now_ms: int) -> None:
    """Hide the run, or show it again. Raises LogUnavailable."""
    # Where we know who asks, nobody asks in another's name.
    event = hidden_event(who.run_id, hidden.hidden, who.caller.name or hidden.by, now_ms)
    await commands.append(log, who.run_id, event)


def labels_event(run_id: str, labels: Iterable[str], now_ms: int) -> RunLabelled:
    """Pure. Raises Problem 400."""
    try:
        data = Labelled(labels=list(dict.fromkeys(labels)))
    except ValidationError as e:
        raise invalid(e) from e
    id = event_id(run_id, "labels", str(now_ms), *data.labels)
    return RunLabelled(id=id, source="api", run_id=run_id, received_at=now_ms, data=data)


def hidden_event(run_id: str, hidden: bool, by: str, now_ms: int) -> RunHidden | RunShown:
    """Pure."""
    id = event_id(run_id, "hidden", str(now_ms), str(hidden), by)
    kind = RunHidden if hidden else RunShown
    return kind(id=id, source="api", run_id=run_id, received_at=now_ms, data=Hiding(by=by))
