"""What people do with a run's outputs: have them looked at again, or deleted. Each is one event on the log."""

import asyncio
from collections.abc import Mapping, Sequence

from starlette.concurrency import run_in_threadpool

from api.auth.permissions import Authorized, forbidden
from api.core import commands
from api.core.commands import event_id
from api.core.db import Reader
from api.core.problems import Problem
from api.outputs.models import DeletionAccepted
from api.outputs.queries import deletions, known_folder
from api.runs import queries as runs
from api.runs.models import Run
from schemas.access import Act, Caller, may
from schemas.files.events import (
    DeletionRequested,
    JobState,
    OutputsDeletionRequested,
    OutputsRequested,
    Requested,
)
from stores.log.port import EventLog
from stores.objects.open import ObjectStores
from stores.objects.paths import InUse, folder_of, needed_folders, refusal
from stores.objects.port import StoreFailure

#: A run that was not heard for longer is not taken for live any more (ms).
_LIVE_MS = 7 * 86_400_000
_JOB_ID_LENGTH = 16
#: Deletions of many runs that are looked at at the same time.
_AT_ONCE = 4


async def request_look(log: EventLog, reader: Reader, who: Authorized, by: str, now_ms: int) -> None:
    """Have the run's output folder looked at again. Raises LogUnavailable, and Problem 409 for a live run or deleted outputs."""
    run = await run_in_threadpool(_over, reader, who.run_id)
    if run.outputs and run.outputs.deleted_at:
        raise Problem(409, "the outputs were deleted; what is known of them is kept as it was")
    await commands.append(log, who.run_id, requested_event(who.run_id, who.caller.name or by, now_ms))


def requested_event(run_id: str, by: str, now_ms: int) -> OutputsRequested:
    """Pure."""
    id = event_id(run_id, "outputs.requested", str(now_ms), by)
    return OutputsRequested(id=id, source="api", run_id=run_id, received_at=now_ms, data=Requested(by=by))


async def request_deletion(
    log: EventLog, reader: Reader, stores: ObjectStores, who: Authorized, by: str, now_ms: int
) -> DeletionAccepted:
    """Have the run's output folder deleted for good. Where that is under way, or done, it is that job.

    Raises LogUnavailable, and Problem 409 for a live run and for a folder that may not be deleted.
    """
    known, uri, number = await run_in_threadpool(_deletable, reader, stores, who, now_ms)
    if known:
        return known
    event = deletion_event(who.run_id, number, uri, who.caller.name or by, now_ms)
    await commands.append(log, who.run_id, event)
    return DeletionAccepted(job_id=event.data.job_id, state=JobState.QUEUED)


async def request_deletions(
    log: EventLog, reader: Reader, stores: ObjectStores, caller: Caller, run_ids: Sequence[str], now_ms: int
) -> Mapping[str, DeletionAccepted | Problem]:
    """Have the output folders of these runs deleted, each as by `request_deletion` and if the caller may; the outcome of each."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(run_id: str) -> DeletionAccepted | Problem:
        async with slots:
            try:
                known = await run_in_threadpool(runs.resolve, reader, run_id)
                owner = await run_in_threadpool(runs.owner, reader, known)
                if not may(caller, Act.DELETE_OUTPUTS, owner):
                    return forbidden(caller, Act.DELETE_OUTPUTS)
                return await request_deletion(log, reader, stores, Authorized(caller, known), "", now_ms)
            except Problem as e:
                return e

    return dict(zip(run_ids, await asyncio.gather(*map(one, run_ids)), strict=True))


def deletion_event(run_id: str, number: int, uri: str, by: str, now_ms: int) -> OutputsDeletionRequested:
    """Pure. `number`: of earlier jobs of the run; two requests at the same time are one job."""
    job_id = event_id(run_id, "outputs.deletion", str(number))[:_JOB_ID_LENGTH]
    id = event_id(run_id, "outputs.deletion-requested", job_id, str(now_ms), by)
    data = DeletionRequested(job_id=job_id, by=by, uri=uri)
    return OutputsDeletionRequested(id=id, source="api", run_id=run_id, received_at=now_ms, data=data)


def _over(reader: Reader, run_id: str) -> Run:
    run = runs.known_run(reader, run_id, runs.UNSEEN)
    if run.liveness is not None:
        raise Problem(409, "the run is not over")
    return run


def _deletable(
    reader: Reader, stores: ObjectStores, who: Authorized, now_ms: int
) -> tuple[DeletionAccepted | None, str, int]:
    """The job that is there already, else the folder, and how many jobs there were. Blocking. Raises Problem 409."""
    jobs = deletions(reader, who.run_id)
    if jobs and jobs[0].state != JobState.FAILED:
        return DeletionAccepted(job_id=jobs[0].id, state=jobs[0].state), "", 0
    _over(reader, who.run_id)
    known = known_folder(reader, who.run_id)
    if known is None or not known.uri:
        raise Problem(
            409, "it is not known where the run's outputs lie: nobody has looked, or there is no such folder"
        )
    if why := _refusal(reader, stores, who, known.uri, now_ms):
        raise Problem(409, f"{known.uri} is not deleted: {why}")
    return None, known.uri, len(jobs)


def _refusal(reader: Reader, stores: ObjectStores, who: Authorized, uri: str, now_ms: int) -> str | None:
    """Why the folder may not be deleted. An owner may not take others' results by saying that a run wrote there."""
    try:
        folder = stores.resolved(folder_of(uri))
    except StoreFailure as e:
        return str(e)
    rows = reader.rows("outputs/in_use", run_id=who.run_id, live_since=now_ms - _LIVE_MS)
    needed = needed_folders(rows, who.run_id, stores.resolved)
    if reader.settings.archive:
        needed.append(InUse(folder_of(reader.settings.archive), "the archive of the log lies there"))
    if not may(who.caller, Act.DELETE_OUTPUTS):
        others = reader.rows("outputs/foreign", owner=who.caller.name, uri=uri)
        needed += [
            InUse(folder, f"outputs of the run {r['name'][:100]!r} of another owner lie there")
            for r in others
        ]
    return refusal(folder, stores.roots, needed)
