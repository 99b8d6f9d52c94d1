"""Runners' logs under /api/v1."""

from fastapi import APIRouter

from api.core.db import Reader
from api.core.params import Ref
from api.core.problems import responses
from api.logs.queries import RunLog, run_log
from api.runs.queries import one_run
from stores.objects.open import ObjectStores


def router(reader: Reader, stores: ObjectStores) -> APIRouter:
    """The route."""
    r = APIRouter(prefix="/api/v1", tags=["runs"], responses=responses(400, 404))

    @r.get("/runs/{ref}/log")
    def get_log(ref: Ref) -> RunLog:
        """The end of the runner's log, if it lies in a folder that the settings allow."""
        return run_log(one_run(reader, ref), stores)

    return r
