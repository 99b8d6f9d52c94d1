"""JSON of outputs under /api/v1."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.auth.permissions import Authorized, allow_on_run
from api.core.db import Reader
from api.core.params import PAGE_SIZE, PageSize, PageToken, Ref, Search, statuses_of
from api.core.problems import bad_parameter, not_found, responses
from api.outputs import commands
from api.outputs.content import given, open_folder
from api.outputs.models import (
    JOB_KIND,
    AllOutputs,
    Confirmation,
    DeletionAccepted,
    DeletionJob,
    FolderList,
    JobList,
    OutputList,
    Refresh,
    RefreshAccepted,
)
from api.outputs.queries import (
    FileFilter,
    file_page,
    folder_page,
    folder_path,
    folders_with,
    job,
    jobs,
    known_folder,
    search_all,
)
from api.runs import queries as runs
from schemas.access import Act
from schemas.files.events import JobState
from stores.log.port import EventLog
from stores.objects.open import ObjectStores
from stores.objects.paths import is_key

FolderPath = Annotated[str, Query(max_length=4096, description="A folder below the output folder")]
FilePath = Annotated[
    str, Query(min_length=1, max_length=4096, description="A file's path below the output folder")
]
_BYTES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The bytes", "content": {"application/octet-stream": {}}},
    307: {"description": "An address of the store that gives them"},
}
_DELETED: dict[int | str, dict[str, Any]] = {
    200: {"description": "It was deleted before", "model": DeletionAccepted}
}
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
        prefix: FolderPath = "",
        search: Search = "",
        flat: Annotated[bool, Query(description="Files at any depth, in place of one folder")] = False,
        sort: Sort = "",
        page_size: PageSize = PAGE_SIZE,
        page_token: PageToken = "",
    ) -> OutputList:
        """What the run left, as the newest look found it. A search (of all its words) goes through files at any depth."""
        run_id, path = runs.resolve(reader, ref), folder_path(prefix)
        if search.strip() or flat or sort:
            return file_page(reader, run_id, FileFilter(path, search, sort), page_token, page_size)
        return folder_page(reader, run_id, path, page_token, page_size)

    @r.get("/runs/{ref}/outputs/file", response_class=Response, responses=_BYTES)
    def get_file(
        ref: Ref,
        path: FilePath,
        download: Annotated[
            bool, Query(description="As an attachment, from the store itself if it can")
        ] = False,
    ) -> Response:
        """The bytes of one file, or 307 to an address of the store that gives them for some minutes without credentials."""
        known = known_folder(reader, runs.resolve(reader, ref))
        if known is None or not known.uri or not is_key(path):
            raise not_found("file", path)
        return given(open_folder(stores, known.uri), path, download)

    @r.post("/runs/{ref}/outputs/refresh", status_code=202, responses=responses(403, 409, 413))
    async def refresh_outputs(
        who: Annotated[Authorized, allow_on_run(Act.CHANGE_RUN)], refresh: Refresh | None = None
    ) -> RefreshAccepted:
        """Have the output folder of a run that is over looked at again: an event on the log. 409 while the run is live."""
        await commands.request_look(log, reader, who, refresh.by if refresh else "", clock())
        return RefreshAccepted(id=who.run_id)

    @r.delete("/runs/{ref}/outputs", status_code=202, responses=responses(403, 409, 413) | _DELETED)
    async def delete_outputs(
        confirmation: Confirmation,
        who: Annotated[Authorized, allow_on_run(Act.DELETE_OUTPUTS)],
        response: Response,
    ) -> DeletionAccepted:
        """Delete all that lies in the output folder, older versions too, for good: a job. To ask again gives the same job.

        What is known of the files is kept. 200 if it was deleted before; 409 says why a folder is not deleted.
        """
        job = await commands.request_deletion(log, reader, stores, who, confirmation.by, clock())
        if job.state == JobState.SUCCEEDED:
            response.status_code = 200
        return job

    @r.get("/outputs")
    def search_outputs(
        search: Search = "", page_size: PageSize = PAGE_SIZE, page_token: PageToken = ""
    ) -> AllOutputs:
        """Outputs of all runs that are not hidden whose paths hold all words of the search, newest first."""
        return search_all(reader, search, page_token, page_size)

    @r.get("/jobs")
    def list_jobs(
        kind: Annotated[str, Query(max_length=100, description=f"{JOB_KIND} is the only one")] = "",
        state: Annotated[str, Query(max_length=100, description="One or several, comma-separated")] = "",
    ) -> JobList:
        """Jobs, newest first."""
        if kind not in ("", JOB_KIND):
            raise bad_parameter("kind", f"{kind!r} is unknown; give {JOB_KIND}")
        return JobList(jobs=jobs(reader, statuses_of(state, JobState, "state")))

    @r.get("/jobs/{job_id}")
    def get_job(job_id: Annotated[str, Path(max_length=64)]) -> DeletionJob:
        """How far a job is."""
        return job(reader, job_id)

    @r.get("/output-folders")
    def list_folders(
        uri: Annotated[str, Query(min_length=1, max_length=4096, description="Case does not matter")],
    ) -> FolderList:
        """Runs whose output folder holds this text in its path."""
        return folders_with(reader, uri)

    return r
