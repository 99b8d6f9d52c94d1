"""What people do to a run: change its labels, hide it, show it again. Each is one event on the log."""

from collections.abc import Iterable, Sequence

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from api.auth.permissions import Authorized
from api.core import commands
from api.core.commands import event_id
from api.core.db import Reader
from api.core.problems import Problem, bad_request
from api.runs import queries as runs
from api.runs.models import Hidden, LabelChange
from schemas.events import (
    MOST_LABELS,
    Hiding,
    Labelled,
    LabelsChanged,
    RunHidden,
    RunLabelled,
    RunLabelsChanged,
    RunShown,
)
from stores.log.port import EventLog


async def set_labels(log: EventLog, who: Authorized, labels: Iterable[str], now_ms: int) -> list[str]:
    """Set all labels of the run; gives them back, each once. Raises Problem 400 and LogUnavailable."""
    event = labels_event(who.run_id, labels, now_ms)
    await commands.append(log, who.run_id, event)
    return event.data.labels


async def change_labels(
    reader: Reader, log: EventLog, who: Authorized, change: LabelChange, now_ms: int
) -> LabelChange:
    """Add labels to the run and remove some: two who do so at once lose nothing. Gives back what really changes, which may be
    nothing; then nothing is appended. Raises Problem 400 and LogUnavailable."""
    run = await run_in_threadpool(runs.known_run, reader, who.run_id)
    needed = needed_change(run.labels, change)
    if needed.add or needed.remove:
        await commands.append(log, who.run_id, labels_changed_event(who.run_id, needed, now_ms))
    return needed


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
        raise _bad_labels() from e
    id = event_id(run_id, "labels", str(now_ms), *data.labels)
    return RunLabelled(id=id, source="api", run_id=run_id, received_at=now_ms, data=data)


def needed_change(labels: Sequence[str], change: LabelChange) -> LabelChange:
    """Pure. The change without what is so already. Raises Problem 400 if the run would have too many labels."""
    there = set(labels)
    add = [label for label in dict.fromkeys(change.add) if label not in there]
    remove = [label for label in dict.fromkeys(change.remove) if label in there and label not in change.add]
    if len(there) - len(remove) + len(add) > MOST_LABELS and add:
        raise _bad_labels()
    return LabelChange(add=add, remove=remove)


def labels_changed_event(run_id: str, change: LabelChange, now_ms: int) -> RunLabelsChanged:
    """Pure. Raises Problem 400."""
    try:
        data = LabelsChanged(add=change.add, remove=change.remove)
    except ValidationError as e:
        raise _bad_labels() from e
    id = event_id(run_id, "labels", str(now_ms), *data.add, "", *data.remove)
    return RunLabelsChanged(id=id, source="api", run_id=run_id, received_at=now_ms, data=data)


def _bad_labels() -> Problem:
    return bad_request(f"a label has 1 to 200 characters, and a run has at most {MOST_LABELS} labels")


def hidden_event(run_id: str, hidden: bool, by: str, now_ms: int) -> RunHidden | RunShown:
    """Pure."""
    id = event_id(run_id, "hidden", str(now_ms), str(hidden), by)
    kind = RunHidden if hidden else RunShown
    return kind(id=id, source="api", run_id=run_id, received_at=now_ms, data=Hiding(by=by))
