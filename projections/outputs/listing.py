"""One look at a run's output folder: each page of it becomes an event, and the end another one."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import structlog

from projections.outputs import messages, reports
from projections.outputs.reports import ReportPattern
from schemas.events import Event
from schemas.files.events import FILES_AT_ONCE, ClassTotal, Found, Listed, OutputsState, ReportFile, Totals
from schemas.metrics import OUTPUTS_FILES
from stores.objects.open import ObjectStores
from stores.objects.paths import folder_of, output_path, params_of
from stores.objects.port import Entry, Failure, Objects, StoreFailure

log = structlog.get_logger(__name__)

#: Appends an event of this run; returns when it is durable. Raises LogUnavailable.
Append = Callable[[Event], Awaitable[None]]

_STATES = {
    Failure.NOT_S3: OutputsState.NOT_S3,
    Failure.NOT_ALLOWED: OutputsState.NOT_ALLOWED,
    Failure.ACCESS_DENIED: OutputsState.ACCESS_DENIED,
    Failure.NO_BUCKET: OutputsState.NO_BUCKET,
}


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where the run's results go ('' if nobody told), and where a listing that was cut off goes on.

    `requested`: the offset of the request that it answers. `listing`: when it began (ms).
    """

    run_id: str
    path: str
    requested: int
    listing: int
    part: int = 0
    after: str = ""
    totals: Totals = field(default_factory=Totals)


def run_folder(run_id: str, row: dict[str, Any], now_ms: int) -> RunFolder:
    """Pure. `row`: of `run_folder.sql`. A listing that did not end, or ended while the store was away, goes on."""
    path = output_path(row["output_dir"], params_of(row["params"]), row["launch_dir"])
    unfinished = row["listing"] > row["attempted"] or (
        row["listing"] == row["attempted"] and row["state"] == OutputsState.AWAY
    )
    if not unfinished or not row["listing"]:
        listing = max(now_ms, row["listing"] + 1, row["attempted"] + 1)
        return RunFolder(run_id, path, row["requested"], listing)
    classes = [ClassTotal(storage_class=c[0], files=c[1], bytes=c[2]) for c in map(_values, row["classes"])]
    totals = Totals(files=row["files"], bytes=row["bytes"], classes=classes)
    return RunFolder(run_id, path, row["requested"], row["listing"], row["part"] + 1, row["last_key"], totals)


def _values(group: Any) -> tuple[Any, ...]:
    """A tuple of ClickHouse, which comes as one or as a dict."""
    return tuple(group.values()) if isinstance(group, dict) else tuple(group)


class Listing:
    """A look at the folder of one run. `most`: files that are listed at most; `clock`: wall clock in ms."""

    def __init__(
        self, stores: ObjectStores, append: Append, most: int, clock: Callable[[], int], folder: RunFolder
    ) -> None:
        self.stores, self.append, self.most, self.clock, self.folder = stores, append, most, clock, folder
        self.uri, self.totals = "", folder.totals
        self.patterns: Sequence[ReportPattern] = ()

    async def run(self) -> OutputsState:
        """List it and say how that ended. Raises LogUnavailable; then the next look goes on where this one was."""
        noncurrent: tuple[int, int] | None = None
        message = ""
        try:
            if not self.folder.path:
                state = OutputsState.NO_DIRECTORY
            else:
                folder = folder_of(self.folder.path)
                self.uri = messages.text(folder.uri)
                objects = await asyncio.to_thread(self.stores.open, folder)
                self.patterns = await asyncio.to_thread(_patterns, objects)
                state = await self._list(objects)
                noncurrent = await asyncio.to_thread(_noncurrent, objects, self.most)
        except StoreFailure as e:
            state, message = _STATES.get(e.failure, OutputsState.AWAY), str(e)
            log.info("outputs could not be listed", run_id=self.folder.run_id, why=message)
        data = Listed(
            listing=self.folder.listing,
            uri=self.uri,
            state=state,
            message=messages.text(message)[:2000],
            totals=self.totals,
            noncurrent_files=None if noncurrent is None else noncurrent[0],
            noncurrent_bytes=None if noncurrent is None else noncurrent[1],
            answers=self.folder.requested,
        )
        await self.append(messages.listed(self.folder.run_id, data, self.clock()))
        return state

    async def _list(self, objects: Objects) -> OutputsState:
        part = self.folder.part
        pages = objects.entries(self.folder.after)
        while page := await asyncio.to_thread(_next, pages):
            room = self.most - self.totals.files
            if room <= 0:
                return OutputsState.TOO_MANY
            files = [messages.found_file(e) for e in page[:room]]
            self.totals = messages.added(self.totals, files)
            data = Found(
                listing=self.folder.listing,
                part=part,
                uri=self.uri,
                files=files,
                last_key=messages.text(page[len(files) - 1].key),
                totals=self.totals,
                reports=_reports(self.patterns, [f.key for f in files]),
            )
            await self.append(messages.found(self.folder.run_id, data, self.clock()))
            OUTPUTS_FILES.inc(len(files))
            part += 1
            if len(files) < len(page):
                return OutputsState.TOO_MANY
        return OutputsState.COMPLETE


def _next(pages: Iterator[Sequence[Entry]]) -> Sequence[Entry]:
    return next(pages, ())


def _patterns(objects: Objects) -> Sequence[ReportPattern]:
    """What the folder's `tracker.yml` says; nothing where there is none, or none that can be used. Blocking."""
    try:
        part = objects.read(reports.NAME, 0, reports.YML_BYTES)
        if part.size > reports.YML_BYTES:
            raise ValueError(f"{reports.NAME} is larger than {reports.YML_BYTES} bytes")
        return reports.patterns_of(part.data)
    except StoreFailure as e:
        if e.failure is Failure.NOT_FOUND:
            return ()
        raise
    except ValueError as e:
        log.warning("no reports are shown", error=str(e))
        return ()


def _reports(patterns: Sequence[ReportPattern], keys: Sequence[str]) -> list[ReportFile]:
    """Pure. The files that are reports, FILES_AT_ONCE at most."""
    found = (
        ReportFile(place=place, display=p.display, key=key)
        for place, p in enumerate(patterns)
        for key in keys
        if reports.matches(p.pattern, key)
    )
    return list(islice(found, FILES_AT_ONCE))


def _noncurrent(objects: Objects, most: int) -> tuple[int, int] | None:
    """Files and bytes of older versions; None where the store does not tell, or there are more than `most`. Blocking."""
    if objects.keeps_versions() is False:
        return 0, 0
    files = size = seen = 0
    try:
        for page in objects.versions():
            older = [v for v in page if not v.latest]
            files, size, seen = files + len(older), size + sum(v.size for v in older), seen + len(page)
            if seen > most:
                return None
    except StoreFailure as e:
        if e.failure is Failure.ACCESS_DENIED:
            return None
        raise
    return files, size
