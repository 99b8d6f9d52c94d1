"""One deletion of an output folder: page by page, and how far it is as events.

What was deleted before is not there any more, so to do it again, or to go on after a crash, deletes what is left.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog

from projections.outputs import messages
from projections.outputs.listing import Append
from schemas.files.events import DeletionProgressed, JobState
from schemas.settings import Settings
from stores.objects.open import ObjectStores
from stores.objects.paths import Folder, InUse, folder_of, needed_folders, refusal
from stores.objects.port import Failure, NotDeleted, Objects, StoreFailure, Version

log = structlog.get_logger(__name__)

#: Of so many pages of a thousand one progress is told.
_PAGES_TOLD = 5
#: A run that was not heard for longer is not taken for live any more (ms).
LIVE_MS = 7 * 86_400_000


class Deletion:
    """A job (a row of `jobs.sql`). `in_use`: rows of `in_use.sql`; `clock`: wall clock in ms."""

    def __init__(
        self,
        stores: ObjectStores,
        append: Append,
        clock: Callable[[], int],
        settings: Settings,
        job: Mapping[str, Any],
        in_use: Sequence[Mapping[str, Any]],
    ) -> None:
        self.stores, self.append, self.clock, self.settings = stores, append, clock, settings
        self.run_id, self.job_id, self.uri, self.in_use = job["run_id"], job["job_id"], job["uri"], in_use
        self.deleted, self.bytes = job["deleted"], job["bytes"]
        self.kept: Counter[str] = Counter()

    async def run(self) -> JobState:
        """Delete, and say how that ended; RUNNING: the store is away, and the job is to be done again. Raises LogUnavailable."""
        try:
            await self._delete()
        except StoreFailure as e:
            if e.failure is Failure.AWAY:
                return await self._tell(JobState.RUNNING, f"it goes on when the store answers: {e}")
            return await self._tell(JobState.FAILED, str(e))
        if self.kept:
            reasons = ", ".join(f"{n} {reason}" for reason, n in self.kept.most_common(5))
            return await self._tell(
                JobState.FAILED, f"the store kept some (locked, or not ours to delete): {reasons}"
            )
        return await self._tell(JobState.SUCCEEDED, "")

    async def _delete(self) -> None:
        folder = await asyncio.to_thread(lambda: self.stores.resolved(folder_of(self.uri)))
        if why := await asyncio.to_thread(
            refused, self.stores, self.settings, folder, self.run_id, self.in_use
        ):
            raise StoreFailure(Failure.NOT_ALLOWED, f"nothing was deleted: {why}")
        objects = await asyncio.to_thread(self.stores.open, folder)
        pages, number = await asyncio.to_thread(_versions, objects), 0
        while page := await asyncio.to_thread(_next, pages):
            for n in range(0, len(page), 1000):
                self._count(page[n : n + 1000], await asyncio.to_thread(objects.delete, page[n : n + 1000]))
            number += 1
            if number % _PAGES_TOLD == 0:
                await self._tell(JobState.RUNNING, "")

    def _count(self, page: Sequence[Version], kept: Sequence[NotDeleted]) -> None:
        held = {(k.version.key, k.version.version_id) for k in kept}
        gone = [v for v in page if (v.key, v.version_id) not in held]
        self.deleted += len(gone)
        self.bytes += sum(v.size for v in gone)
        self.kept.update(k.reason for k in kept)

    async def _tell(self, state: JobState, message: str) -> JobState:
        data = DeletionProgressed(
            job_id=self.job_id,
            state=state,
            deleted=self.deleted,
            bytes=self.bytes,
            kept=self.kept.total(),
            message=messages.text(message)[:2000],
        )
        await self.append(messages.progressed(self.run_id, data, self.clock()))
        log.info(
            "outputs are deleted", run_id=self.run_id, state=state, deleted=self.deleted, message=message
        )
        return state


def refused(
    stores: ObjectStores, settings: Settings, folder: Folder, run_id: str, in_use: Sequence[Mapping[str, Any]]
) -> str | None:
    """Why the folder may not be deleted; None if it may. Blocking: it resolves links."""
    needed = needed_folders(in_use, run_id, stores.resolved)
    if settings.archive:
        needed.append(InUse(folder_of(settings.archive), "the archive of the log lies there"))
    return refusal(folder, stores.roots, needed)


def _next(pages: Iterator[Sequence[Version]]) -> Sequence[Version]:
    return next(pages, ())


def _versions(objects: Objects) -> Iterator[Sequence[Version]]:
    """Pages of all versions; where the store does not let us see them, of what is there now. Blocking."""
    if objects.keeps_versions() is False:
        return ([Version(e.key, "", e.size) for e in page] for page in objects.entries())
    pages = objects.versions()
    try:
        first = next(pages, ())
    except StoreFailure as e:
        if e.failure is not Failure.ACCESS_DENIED:
            raise
        return ([Version(e.key, "", e.size) for e in page] for page in objects.entries())

    def every() -> Iterator[Sequence[Version]]:
        if first:
            yield first
        yield from pages

    return every()
