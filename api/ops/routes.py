"""How the tracker itself stands, under /api/v1."""

from fastapi import APIRouter

from api.core.db import Reader
from api.core.problems import responses
from api.ops.count_cache import CountCache
from api.ops.log_view import LogView
from api.ops.models import DeliveryCheck
from api.ops.queries import delivery_check


def router(reader: Reader, log: LogView, count_cache: CountCache) -> APIRouter:
    """The routes. `log` and `count_cache` are shared with the page, so that nothing is counted twice."""
    r = APIRouter(prefix="/api/v1", tags=["operations"], responses=responses(400))

    @r.get("/delivery-check")
    async def get_delivery_check() -> DeliveryCheck:
        """What the log holds against what became of it."""
        return await delivery_check(reader, log, count_cache)

    @r.get("/books")
    async def get_books() -> DeliveryCheck:
        """What the log holds against what became of it: the former name of `/delivery-check`."""
        return await delivery_check(reader, log, count_cache)

    return r
