"""Dead letters under /api/v1."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool

from api.auth.gate import allow
from api.core.cursor import letter_place
from api.core.db import Reader
from api.core.params import PAGE_SIZE, PageSize, PageToken, Text
from api.core.problems import Problem, responses
from api.core.request_body import described, read_json
from api.dead_letters import queries as letters
from api.dead_letters.models import DeadLetterList
from api.dead_letters.queries import (
    DeadLetterDetail,
    ReadAgain,
    ReplayAsked,
    ReplayBy,
    Replayed,
    Replayer,
    Wanted,
)
from schemas.access import Act, Caller
from stores.log.port import EventLog

LetterId = Annotated[str, Path(max_length=1000, description="As lists give it")]
Operator = Annotated[Caller, allow(Act.OPERATE)]


def router(reader: Reader, log: EventLog, read_again: ReadAgain, clock: Callable[[], int]) -> APIRouter:
    """All routes. `clock` gives the wall clock in ms."""
    r = APIRouter(prefix="/api/v1", tags=["operations"], responses=responses(400))

    @r.get("/dead-letters")
    def list_dead_letters(
        run_id: Text = "",
        reason: Annotated[str, Query(max_length=1000, description="What the reason holds")] = "",
        replayed: Annotated[
            bool | None, Query(description="Whether they were read again; both unless told")
        ] = None,
        page_size: PageSize = PAGE_SIZE,
        page_token: PageToken = "",
    ) -> DeadLetterList:
        """What was accepted and could not be used, with the reason, newest first."""
        wanted = Wanted(run_id, reason, replayed)
        return letters.page_of_letters(reader, wanted, letter_place(page_token), page_size)

    @r.get("/dead-letters/{letter_id}", responses=responses(404))
    def get_dead_letter(letter_id: LetterId) -> DeadLetterDetail:
        """One letter with all of its bytes."""
        return letters.one_letter(reader, letter_id)

    @r.post(
        "/dead-letters/{letter_id}/replay",
        status_code=202,
        responses=responses(403, 404, 409, 413),
        openapi_extra=described(ReplayBy, required=False),
    )
    async def replay_dead_letter(letter_id: LetterId, request: Request, who: Operator) -> Replayed:
        """Read the letter again, after a fix. 409: it still cannot be understood. To do so twice adds nothing."""
        asked = await read_json(request, ReplayBy)
        replayer = Replayer(reader, log, read_again, clock)
        row = await run_in_threadpool(replayer.one, letter_id)
        found = await replayer.replay([row], who.name or asked.by)
        if found.failed:
            raise Problem(409, found.failed[0].reason)
        return found

    @r.post(
        "/dead-letters/replay",
        status_code=202,
        responses=responses(403, 413),
        openapi_extra=described(ReplayAsked, required=True),
    )
    async def replay_dead_letters(
        request: Request, who: Operator, page_size: PageSize = PAGE_SIZE, page_token: PageToken = ""
    ) -> Replayed:
        """Read all letters again whose reason holds a text, or of a run: a page of them at a time, newest first."""
        asked = await read_json(request, ReplayAsked)
        replayer = Replayer(reader, log, read_again, clock)
        rows, token = await run_in_threadpool(replayer.page, asked, letter_place(page_token), page_size)
        return await replayer.replay(rows, who.name or asked.by, token)

    return r
