"""JSON under /api/v1. Routes only ask and answer; what they do stands in the other files.

Plain `def` routes run in threads, since reading the tables blocks. Metrics of requests are to come: defined
in `schemas/metrics.py`, counted in `api/core/headers.py`, which sees every answer.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from api.auth.gate import allow
from api.core.db import Reader
from api.core.params import PAGE_SIZE, PageSize, PageToken, Ref, RunFilter, run_filter, run_sort
from api.core.problems import bad_request, responses
from api.core.request_body import read_body
from api.runs import queries as runs
from api.runs.models import History, Labels, Run, RunList, TransitionList
from schemas.access import Act
from schemas.events import Labelled, RunLabelled
from schemas.topics import EVENTS
from schemas.wire import encode
from stores.log.port import EventLog

#: A list of labels is no longer than this.
_LABELS_BYTES_MAX = 65_536


def router(reader: Reader, log: EventLog, clock: Callable[[], int]) -> APIRouter:
    """All routes. `clock` gives the wall clock in ms."""
    r = APIRouter(prefix="/api/v1", responses=responses(400))
    _add_runs(r, reader)
    _add_labels(r, reader, log, clock)
    return r


def _add_runs(r: APIRouter, reader: Reader) -> None:
    @r.get("/runs", tags=["runs"])
    def list_runs(
        wanted: Annotated[RunFilter, Depends(run_filter)],
        sort: Annotated[str, Depends(run_sort)],
        page_size: PageSize = PAGE_SIZE,
        page_token: PageToken = "",
    ) -> RunList:
        """Runs, latest first append first unless told. What is not known comes last in both directions."""
        return runs.page_of_runs(reader, wanted, sort, page_token, page_size)

    @r.get("/runs/{ref}", tags=["runs"], responses=responses(404))
    def get_run(ref: Ref) -> Run:
        """One run. A name means its newest run; an id goes before a name."""
        return runs.one_run(reader, ref)

    @r.get("/runs/{ref}/history", tags=["runs"], responses=responses(404))
    def get_history(ref: Ref) -> History:
        """The runs of the run's session, oldest first."""
        return History(cycles=runs.history(reader, ref))

    @r.get("/runs/{ref}/transitions", tags=["runs"], responses=responses(404))
    def list_transitions(ref: Ref) -> TransitionList:
        """Changes of the run's status, oldest first."""
        return TransitionList(transitions=runs.transitions(reader, runs.resolve(reader, ref)))


def _add_labels(r: APIRouter, reader: Reader, log: EventLog, clock: Callable[[], int]) -> None:
    body: dict[str, Any] = {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Labels"}}},
    }

    @r.put(
        "/runs/{ref}/labels",
        status_code=202,
        tags=["runs"],
        responses=responses(403, 404, 413),
        openapi_extra={"requestBody": body},
        dependencies=[allow(Act.CHANGE_RUN)],
    )
    async def put_labels(ref: Ref, request: Request) -> Labels:
        """Set the run's labels, all of them: an event on the log like any other. 202: it is durable there."""
        told = read_labels(await read_body(request, _LABELS_BYTES_MAX, "a list of labels"))
        run_id = await run_in_threadpool(runs.resolve, reader, ref)
        event = labelled(run_id, told, clock())
        await log.append(EVENTS, run_id, event.type, encode(event))
        return Labels(labels=told.labels)


def read_labels(body: bytes) -> Labelled:
    """Pure. The labels of `{"labels": […]}`, each once, in order. Raises Problem 400."""
    try:
        asked = Labels.model_validate_json(body, strict=True)
        return Labelled(labels=list(dict.fromkeys(asked.labels)))
    except ValidationError as e:
        wrong = e.errors(include_url=False)[0]
        where = ".".join(str(x) for x in wrong["loc"]) or "body"
        raise bad_request(f'{where}: {wrong["msg"]}; give {{"labels": [texts]}}') from e


def labelled(run_id: str, told: Labelled, now_ms: int) -> RunLabelled:
    """Pure. The event. The time is a part of its id: to set the same labels once more is no repeat."""
    digest = sha256("\0".join([run_id, "labels", str(now_ms), *told.labels]).encode()).hexdigest()
    return RunLabelled(id=digest[:32], source="api", run_id=run_id, received_at=now_ms, data=told)
