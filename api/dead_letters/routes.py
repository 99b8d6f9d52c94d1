"""Dead letters under /api/v1."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query

from api.auth.permissions import allow
from api.core.cursor import dead_letter_cursor
from api.core.db import Reader
from api.core.params import PAGE_SIZE, PageSize, PageToken, Text
from api.core.problems import Problem, responses
from api.dead_letters import commands
from api.dead_letters import queries as letters
from api.dead_letters.commands import ReadAgain
from api.dead_letters.models import DeadLetterList
from api.dead_letters.queries import (
    DeadLetterDetail,
    LetterFilter,
    ReplayAsked,
    ReplayBy,
    Replayed,
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
        filter = LetterFilter(run_id, reason, replayed)
        return letters.page_of_letters(reader, filter, dead_letter_cursor(page_token), page_size)

    @r.get("/dead-letters/{letter_id}", responses=responses(404))
    def get_dead_letter(letter_id: LetterId) -> DeadLetterDetail:
        """One letter with all of its bytes."""
        return letters.one_letter(reader, letter_id)

    @r.post("/dead-letters/{letter_id}/replay", status_code=202, responses=responses(403, 404, 409, 413))
    async def replay_dead_letter(
        letter_id: LetterId, caller: Operator, who: Annotated[ReplayBy | None, Body()] = None
    ) -> Replayed:
        """Read the letter again, after a fix. 409: it still cannot be understood. To do so twice adds nothing."""
        by = caller.name or (who.by if who else "")
        replayed = await commands.replay_one(reader, log, read_again, letter_id, by, clock())
        if replayed.failed:
            raise Problem(409, replayed.failed[0].reason)
        return replayed

    @r.post("/dead-letters/replay", status_code=202, responses=responses(403, 413))
    async def replay_dead_letters(
        which: ReplayAsked, caller: Operator, page_size: PageSize = PAGE_SIZE, page_token: PageToken = ""
    ) -> Replayed:
        """Read all letters again whose reason holds a text, or of a run: a page of them at a time, newest first."""
        by, place = caller.name or which.by, dead_letter_cursor(page_token)
        return await commands.replay_page(reader, log, read_again, which, by, place, page_size, clock())

    return r
