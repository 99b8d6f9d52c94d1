"""From a request to a message of the log: read, redact, encode. What cannot be read is a dead letter."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from ingest import ids
from ingest.redaction import payloads, text
from ingest.request import Read, Request, RunnerEvent, Unreadable
from schemas import wire
from schemas.events import RequestUnreadable, RunLabelled, RunLabelsChanged, TaskRecord
from schemas.events import Unreadable as UnreadableData
from schemas.hosts.events import HostSeen
from schemas.metrics import INGEST_ERRORS
from schemas.run_ids import log_key
from schemas.statuses import Dialect

_log = structlog.get_logger(__name__)

#: Key of dead letters that belong to no run.
NO_RUN = "dead-letters"

#: Levels of free JSON that are taken. The parser refuses more than 200 in all, and a message has some of its own.
MOST_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be appended. `tasks` and `set_aside` are how many there are, for the metrics."""

    key: str
    type: str
    value: bytes
    run_id: str
    tasks: int = 0
    set_aside: int = 0

    @property
    def outcome(self) -> str:
        return "unreadable" if self.type == "request.unreadable" else "accepted"


def message_of(
    request: Request, read: Callable[[Request], Read], where: str, dialect: Dialect, most: int
) -> Message:
    """The message for a request of a foreign runner; it never fails.

    `where` is the request's method and path, `most` the bytes that a message may have.
    """
    try:
        event, tasks = read(request)
        message = encode(event, tasks)
        if len(message.value) <= most:
            return message
        reason = "as a message of the log it would be too large"
    except Unreadable as error:
        reason = str(error)
    except Exception as error:
        # A defect of ours must not lose what a runner sent: it is kept, to be read once that is mended.
        INGEST_ERRORS.inc()
        _log.exception("mapping a request failed", request=where, run_id=request.run_id)
        reason = f"our own failure: {type(error).__name__}"
    return dead_letter(request, reason, where, dialect, most)


def encode(event: RunnerEvent | RunLabelled | RunLabelsChanged, tasks: Sequence[TaskRecord]) -> Message:
    """The message, without its secrets; the event and the records are changed in place.

    Raises Unreadable where params or manifest are nested so deeply that whoever reads the log could not parse them.
    """
    workflow = getattr(event.data, "workflow", None)
    if workflow is not None and (_is_deeper(workflow.params) or _is_deeper(workflow.manifest)):
        raise Unreadable(f"params or manifest are nested more than {MOST_DEPTH} levels deep")
    payloads.tasks(tasks)
    payloads.payload(event.data)
    value = wire.encode(event, tasks)
    return Message(
        log_key(event.run_id), event.type, value, event.run_id, len(tasks), len(event.data.set_aside)
    )


def encode_host(event: HostSeen) -> Message:
    """The message about a host. What is said of one host lies in one partition of the log, so it has an order."""
    return Message(f"host {event.data.hostname}", event.type, wire.encode(event), "")


def _is_deeper(value: object, most: int = MOST_DEPTH) -> bool:
    if not isinstance(value, dict | list):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return most == 0 or any(_is_deeper(part, most - 1) for part in inside)


def dead_letter(request: Request, reason: str, where: str, dialect: Dialect, most: int) -> Message:
    """The request as bytes, redacted, with the reason. If that is larger than `most`, its end is cut off."""
    run_id = request.run_id if ids.is_run_id(request.run_id) else ""
    if not run_id and request.verb == "create":
        run_id = ids.run_id_of_bytes(
            request.body
        )  # the runner goes on under this id, so its letter is found by it
    raw = payloads.body(request.body)
    event = _unreadable(request, run_id, reason, where, dialect, raw)
    if len(event) > most:
        reason += _CUT
        frame = len(_unreadable(request, run_id, reason, where, dialect, b""))
        if frame > most:  # which only a limit near its least does
            where, request = "", replace(request, workspace="")
            frame = len(_unreadable(request, run_id, reason, where, dialect, b""))
        event = _unreadable(request, run_id, reason, where, dialect, raw[: max(0, most - frame - 4) * 3 // 4])
    return Message(log_key(run_id) or NO_RUN, "request.unreadable", event, run_id)


_CUT = " (too large to be kept whole; its end is cut off)"

#: Characters of a path, a workspace and a reason that a dead letter keeps.
_MOST_CHARACTERS = 1000


def _unreadable(
    request: Request, run_id: str, reason: str, where: str, dialect: Dialect, raw: bytes
) -> bytes:
    data = UnreadableData(
        dialect=dialect,
        workspace=request.workspace[:_MOST_CHARACTERS],
        reason=text.text(reason[:_MOST_CHARACTERS]),
        request=text.text(where[:_MOST_CHARACTERS]),
        raw=b64encode(raw).decode(),
    )
    envelope = {**request.envelope(), "run_id": run_id}
    return wire.encode(RequestUnreadable(**envelope, data=data))
