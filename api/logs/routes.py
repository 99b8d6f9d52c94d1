"""Runners' logs under /api/v1."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.core.db import Reader
from api.core.params import Ref
from api.core.problems import responses
from api.logs.models import RunLog, TaskLog
from api.logs.queries import LOG_BYTES, TASK_BYTES, run_log, task_log
from api.runs.queries import history, one_run, resolve
from api.tasks.queries import one_task
from stores.objects.open import ObjectStores

LogName = Annotated[str, Query(max_length=1024, description="Which one; without it the newest")]
TailBytes = Annotated[
    int, Query(ge=1, description=f"How much of its end, {LOG_BYTES:,} bytes at most, whatever is asked for")
]


def router(reader: Reader, stores: ObjectStores) -> APIRouter:
    """The route."""
    r = APIRouter(prefix="/api/v1", tags=["runs"], responses=responses(400, 404))

    @r.get("/runs/{ref}/log")
    def get_log(ref: Ref, name: LogName = "", tail_bytes: TailBytes = LOG_BYTES) -> RunLog:
        """The end of a log of the runner, and which ones there are, if they lie in a folder that the settings allow."""
        run = one_run(reader, ref)
        return run_log(run, stores, name, tail_bytes, lambda: history(reader, run.id))

    @r.get("/runs/{ref}/tasks/{task_id}/log")
    def get_task_log(
        ref: Ref, task_id: int, name: LogName = "", tail_bytes: TailBytes = TASK_BYTES
    ) -> TaskLog:
        """What the task printed, if its work directory lies in a folder that the settings allow; with `name` one file of it."""
        return task_log(one_task(reader, resolve(reader, ref), task_id).workdir, stores, name, tail_bytes)

    return r
