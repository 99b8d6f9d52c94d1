"""Runners' logs under /api/v1."""

from fastapi import APIRouter

from api.core.db import Reader
from api.core.params import Ref
from api.core.problems import responses
from api.logs.queries import RunLog, TaskLog, run_log, task_log
from api.runs.queries import one_run, resolve
from api.tasks.queries import one_task
from stores.objects.open import ObjectStores


def router(reader: Reader, stores: ObjectStores) -> APIRouter:
    """The route."""
    r = APIRouter(prefix="/api/v1", tags=["runs"], responses=responses(400, 404))

    @r.get("/runs/{ref}/log")
    def get_log(ref: Ref) -> RunLog:
        """The end of the runner's log, if it lies in a folder that the settings allow."""
        return run_log(one_run(reader, ref), stores)

    @r.get("/runs/{ref}/tasks/{task_id}/log")
    def get_task_log(ref: Ref, task_id: int) -> TaskLog:
        """What the task printed, if its work directory lies in a folder that the settings allow."""
        return task_log(one_task(reader, resolve(reader, ref), task_id).workdir, stores)

    return r
