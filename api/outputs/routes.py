"""JSON of outputs under /api/v1."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth.permissions import Authorized, allow_on_run
from api.core.db import Reader
from api.core.params import PAGE_SIZE, PageSize, PageToken, Ref, Search
from api.core.problems import responses
from api.outputs import commands
from api.outputs.models import (
    AllOutputs,
    DeletionAccepted,
    DeletionJob,
    FolderList,
    OutputList,
    Refresh,
    RefreshAccepted,
)
from api.outputs.queries import FileFilter, deletion, file_page, folder_page, folders_with, search_all
from api.runs import queries as runs
from schemas.access import Act
from stores.log.port import EventLog
from stores.objects.open import ObjectStores

FolderPath = Annotated[
    str, Query(max_length=4096, description="A folder below the output folder, with / at its end")
]
Sort = Annotated[
    str,
    Query(max_length=100, description="One of path, bytes, modified_at, with `-` before it for descending"),
]


def router(reader: Reader, log: EventLog, stores: ObjectStores, clock: Callable[[], int]) -> APIRouter:
    """All routes. `clock` gives the wall clock in ms."""
    r = APIRouter(prefix="/api/v1", tags=["outputs"], responses=responses(400, 404))

    @r.get("/runs/{ref}/outputs")
    def list_outputs(
        ref: Ref,
        path: FolderPath = "",
        search: Search = "",
        recursive: Annotated[bool, Query(description="Files at any depth, in place of one folder")] = False,
        sort: Sort = "",
        page_size: PageSize = PAGE_SIZE,
        page_token: PageToken = "",
    ) -> OutputList:
        """What the run left, as the newest look found it. A search (of all its words) goes through files at any depth."""
        run_id = runs.resolve(reader, ref)
        if search.strip() or recursive or sort:
            return file_page(reader, run_id, FileFilter(path, search, sort), page_token, page_size)
        return folder_page(reader, run_id, path, page_token, page_size)

    @r.post("/runs/{ref}/outputs/refresh", status_code=202, responses=responses(403, 409, 413))
    async def refresh_outputs(
        refresh: Refresh, who: Annotated[Authorized, allow_on_run(Act.CHANGE_RUN)]
    ) -> RefreshAccepted:
        """Have the output folder of a run that is over looked at again: an event on the log. 409 while the run is live."""
        await commands.request_look(log, reader, who, refresh.by, clock())
        return RefreshAccepted(id=who.run_id)

    @r.delete("/runs/{ref}/outputs", status_code=202, responses=responses(403, 409))
    async def delete_outputs(
        who: Annotated[Authorized, allow_on_run(Act.DELETE_OUTPUTS)],
        by: Annotated[str, Query(max_length=200, description="Who asks, while the tracker is open")] = "",
    ) -> DeletionAccepted:
        """Delete all that lies in the output folder, older versions too, for good: a job. To ask again gives the same job.

        What is known of the files is kept. 409 says why a folder is not deleted.
        """
        return await commands.request_deletion(log, reader, stores, who, by, clock())

    @r.get("/outputs")
    def search_outputs(
        search: Search = "", page_size: PageSize = PAGE_SIZE, page_token: PageToken = ""
    ) -> AllOutputs:
        """Outputs of all runs that are not hidden whose paths hold all words of the search, newest first."""
        return search_all(reader, search, page_token, page_size)

    @r.get("/output-deletions/{job_id}")
    def get_deletion(job_id: Annotated[str, Path(max_length=64)]) -> DeletionJob:
        """How far a deletion is."""
        return deletion(reader, job_id)

    @r.get("/output-folders")
    def list_folders(
        uri: Annotated[str, Query(min_length=1, max_length=4096, description="Case does not matter")],
    ) -> FolderList:
        """Runs whose output folder holds this text in its path."""
        return folders_with(reader, uri)

    return r
