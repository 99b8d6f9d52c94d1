"""How the tracker itself stands, under /api/v1."""

from fastapi import APIRouter

from api.core.db import Reader
from api.core.problems import responses
from api.ops.count_cache import Counted
from api.ops.delivery_check import books
from api.ops.models import Books
from stores.log.port import EventLog


def router(reader: Reader, log: EventLog, counted: Counted) -> APIRouter:
    """The route. `counted` is shared with the page, so that nothing is counted twice."""
    r = APIRouter(prefix="/api/v1", tags=["operations"], responses=responses(400))

    @r.get("/books")
    async def get_books() -> Books:
        """What the log holds against what became of it."""
        return await books(reader, log, counted)

    return r
