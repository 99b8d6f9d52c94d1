"""A dead letter, read again by today's code: what a fix makes of it. Pure but for the log's warnings."""

import re
from base64 import b64decode
from dataclasses import dataclass

from ingest import tower, weblog
from ingest.message import Message, encode
from ingest.request import Request, Unreadable
from schemas import wire
from schemas.dead_letters import FOREIGN, LetterName, Reread
from schemas.events import EVENT, TASK_RECORDS
from schemas.run_names import LAUNCHED_AS
from schemas.statuses import Dialect
from schemas.values import FROM_LOG

_PREFIX = rf"(?:/api|{LAUNCHED_AS}(?P<launched_as>[^/]+))?"
_TRACE = re.compile(rf"{_PREFIX}/trace/(?:(?P<run_id>[^/]+)/)?(?P<verb>[^/]+)")
_WEBLOG = re.compile(rf"{_PREFIX}/weblog")
_RECORD = re.compile(r"tasks\[\d+\]")


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as it is stored: `raw` is base64 of a whole request, or the JSON text of a part."""

    name: LetterName
    run_id: str
    type: str
    request: str
    raw: str
    dialect: str
    workspace: str
    owner: str
    reason: str = ""


def message(letter: Letter, by: str, now: int, process: str, most: int) -> Message:
    """The message that the letter is today, with its secrets taken out; it says which letter it was.

    The same letter gives the same event, so to read it twice adds nothing. `most`: the bytes that a message may have.
    Raises Unreadable, with the reason, if it still cannot be understood, or is no request of its own.
    """
    if not letter.name.part and letter.reason == FOREIGN and letter.type != "request.unreadable":
        return _whole_message(letter, by, now, most)
    request = request_of(letter, now, process)
    read = weblog.read if letter.dialect == Dialect.WEBLOG else tower.read
    event, tasks = read(request)
    if letter.name.part and not tasks:
        raise Unreadable("; ".join(s.reason for s in event.data.set_aside) or "no task record")
    if request.verb == "create" and letter.run_id:
        event.run_id = letter.run_id  # the runner was given this one, and went on under it
    event.owner = letter.owner
    event.on_any_run = True  # whoever has letters read again may
    event.reread = Reread(**letter.name.model_dump(), by=by)
    made = encode(event, tasks)
    if len(made.value) > most:
        raise Unreadable("as a message of the log it would be too large")
    return made


def _whole_message(letter: Letter, by: str, now: int, most: int) -> Message:
    """The message that the projector set aside for its sender, for a person who lets it count. Raises Unreadable."""
    try:
        head, _, records = b64decode(letter.raw, validate=True).partition(b"\n")
        event = EVENT.validate_json(head, context=FROM_LOG)
        tasks = TASK_RECORDS.validate_json(records or b"[]")
    except ValueError as error:
        raise Unreadable("its bytes were not kept whole; the log has them") from error
    event.reread = Reread(**letter.name.model_dump(), by=by)
    event.on_any_run, event.received_at = True, now
    value = wire.encode(event, tasks)
    if len(value) > most:
        raise Unreadable("as a message of the log it would be too large")
    return Message(event.run_id, event.type, value, event.run_id, len(tasks))


def request_of(letter: Letter, now: int, process: str) -> Request:
    """The request that the letter was, or that it can be made into. Raises Unreadable."""
    if letter.name.part:
        if _RECORD.fullmatch(letter.name.part) and letter.dialect == Dialect.TOWER:
            body = b'{"tasks":[' + letter.raw.encode("utf-8", "replace") + b"]}"
            return Request(letter.run_id, "progress", body, letter.workspace, now, process)
        raise Unreadable(
            "it is a part of a request, the rest of which counts; `tracker replay` projects the log again"
        )
    if letter.type != "request.unreadable":
        raise Unreadable("it is no request of a runner; `tracker replay` projects the log again")
    try:
        body = b64decode(letter.raw, validate=True)
    except ValueError as error:
        raise Unreadable("its bytes were not kept whole") from error
    path = letter.request.partition(" ")[2]
    if parts := _WEBLOG.fullmatch(path):
        run_id, verb = "", "weblog"
    elif parts := _TRACE.fullmatch(path):
        run_id, verb = parts["run_id"] or "", parts["verb"]
    else:
        raise Unreadable("an unknown path")
    launched_as = parts["launched_as"] or ""
    return Request(run_id, verb, body, letter.workspace, now, process, launched_as=launched_as)
