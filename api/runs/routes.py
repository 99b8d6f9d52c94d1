"""JSON under /api/v1. Routes only ask and answer; what they do stands in the other files.

Plain `def` routes run in threads, since reading the tables blocks. Metrics of requests are to come: defined
in `schemas/metrics.py`, counted in `api/core/headers.py`, which sees every answer.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends

from api.auth.permissions import Authorized, allow_on_run
from api.core.db import Reader
from api.core.params import PAGE_SIZE, PageSize, PageToken, Ref, RunFilter, run_filter, run_sort
from api.core.problems import responses
from api.diagnosis.queries import diagnosis_of
from api.runs import commands
from api.runs import queries as runs
from api.runs.models import Hidden, HiddenAccepted, History, LabelChange, Labels, Run, RunList, TransitionList
from api.runs.progress import add_progress, progress
from schemas.access import Act
from schemas.statuses import ReportedState
from stores.log.port import EventLog
from stores.objects.open import ObjectStores

Changer = Annotated[Authorized, allow_on_run(Act.CHANGE_RUN)]


def router(reader: Reader, log: EventLog, stores: ObjectStores, clock: Callable[[], int]) -> APIRouter:
    """All routes. `stores`: where files of tasks are read from; `clock` gives the wall clock in ms."""
    r = APIRouter(prefix="/api/v1", responses=responses(400))
    _add_runs(r, reader, stores)
    _add_changes(r, reader, log, clock)
    return r


def _add_runs(r: APIRouter, reader: Reader, stores: ObjectStores) -> None:
    @r.get("/runs", tags=["runs"])
    def list_runs(
        wanted: Annotated[RunFilter, Depends(run_filter)],
        sort: Annotated[str, Depends(run_sort)],
        page_size: PageSize = PAGE_SIZE,
        page_token: PageToken = "",
    ) -> RunList:
        """Runs, latest first append first unless told. What is not known comes last in both directions."""
        page = runs.page_of_runs(reader, wanted, sort, page_token, page_size)
        add_progress(reader, page.runs)
        return page

    @r.get("/runs/{ref}", tags=["runs"], responses=responses(404))
    def get_run(ref: Ref) -> Run:
        """One run. A name means its newest run; an id goes before a name."""
        run = runs.one_run(reader, ref)
        run.progress = progress(reader, run)
        if run.reported_state == ReportedState.FAILED:
            run.diagnosis = diagnosis_of(reader, stores, run)
        return run

    @r.get("/runs/{ref}/history", tags=["runs"], responses=responses(404))
    def get_history(ref: Ref) -> History:
        """The newest 500 runs of the run's session, by owner and workspace; oldest first by their starts."""
        return History(cycles=runs.history(reader, ref))

    @r.get("/runs/{ref}/transitions", tags=["runs"], responses=responses(404))
    def list_transitions(ref: Ref) -> TransitionList:
        """Changes of the run's status, oldest first."""
        return TransitionList(transitions=runs.transitions(reader, runs.resolve(reader, ref)))


def _add_changes(r: APIRouter, reader: Reader, log: EventLog, clock: Callable[[], int]) -> None:
    @r.put("/runs/{ref}/labels", status_code=202, tags=["runs"], responses=responses(403, 404, 413))
    async def put_labels(labels: Labels, who: Changer) -> Labels:
        """Set the run's labels, all of them: an event on the log like any other. 202: it is durable there."""
        return Labels(labels=await commands.set_labels(log, who, labels.labels, clock()))

    @r.post("/runs/{ref}/labels", status_code=202, tags=["runs"], responses=responses(403, 404, 413))
    async def change_labels(change: LabelChange, who: Changer) -> LabelChange:
        """Add labels to the run and remove some; whoever does so at the same time loses nothing. The answer is what changes."""
        return await commands.change_labels(reader, log, who, change, clock())

    @r.put("/runs/{ref}/hidden", status_code=202, tags=["runs"], responses=responses(403, 404, 413))
    async def put_hidden(hidden: Hidden, who: Changer) -> HiddenAccepted:
        """Hide the run, or show it again: an event on the log. Alerts about a run that is hidden end."""
        await commands.set_hidden(log, who, hidden, clock())
        return HiddenAccepted(id=who.run_id, hidden=hidden.hidden)
