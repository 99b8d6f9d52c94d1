"""Hiding a run: it is left out of lists, and nobody is told of it any more; it is still there under its address."""

from collections.abc import Callable
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.auth.gate import allow
from api.core.db import Reader
from api.core.params import Ref
from api.core.problems import responses
from api.core.request_body import described, read_json
from api.runs import queries as runs
from schemas.access import Act, Caller
from schemas.events import Hiding, Person, RunHidden, RunShown
from schemas.topics import EVENTS
from schemas.wire import encode
from stores.log.port import EventLog


class Hidden(BaseModel):
    """Whether the run is to be left out of lists, and who says so."""

    model_config = ConfigDict(extra="forbid")

    hidden: bool = Field(description="true hides the run, false shows it again")
    by: Person = ""


class HiddenAccepted(BaseModel):
    """The word is durable on the log; lists follow it a moment later."""

    id: str = Field(description="The run's id")
    hidden: bool


def router(reader: Reader, log: EventLog, clock: Callable[[], int]) -> APIRouter:
    """The route. `clock` gives the wall clock in ms."""
    r = APIRouter(prefix="/api/v1", responses=responses(400, 404))

    @r.put(
        "/runs/{ref}/hidden",
        status_code=202,
        tags=["runs"],
        responses=responses(403, 413),
        openapi_extra=described(Hidden, required=True),
    )
    async def put_hidden(
        ref: Ref, request: Request, who: Annotated[Caller, allow(Act.CHANGE_RUN)]
    ) -> HiddenAccepted:
        """Hide the run, or show it again: an event on the log. Alerts about a run that is hidden end."""
        asked = await read_json(request, Hidden)
        if who.name:  # where we know who asks, nobody asks in another's name
            asked = asked.model_copy(update={"by": who.name})
        run_id = await run_in_threadpool(runs.resolve, reader, ref)
        event = hiding(run_id, asked, clock())
        await log.append(EVENTS, run_id, event.type, encode(event))
        return HiddenAccepted(id=run_id, hidden=asked.hidden)

    return r


def hiding(run_id: str, asked: Hidden, now_ms: int) -> RunHidden | RunShown:
    """Pure. The event. The time is a part of its id: to hide a run that was shown meanwhile is no repeat."""
    kind = RunHidden if asked.hidden else RunShown
    digest = sha256("\0".join([run_id, "hidden", str(now_ms), str(asked.hidden), asked.by]).encode())
    return kind(
        id=digest.hexdigest()[:32],
        source="api",
        run_id=run_id,
        received_at=now_ms,
        data=Hiding(by=asked.by),
    )
