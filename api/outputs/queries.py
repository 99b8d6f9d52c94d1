"""What runs left behind: the figure of a run, its folders and files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.core.cursor import OFFSET_MAX, TaskPlace, task_place, to_token
from api.core.db import Reader, Row
from api.core.figures import time_of
from api.core.params import check_sort
from api.core.problems import bad_parameter, not_found
from api.outputs.models import (
    AllOutputs,
    DeletionJob,
    FolderList,
    FolderOfRun,
    OutputFile,
    OutputFolder,
    OutputList,
    OutputOfRun,
    Outputs,
    StoragePrices,
    annual_costs,
    cost_range,
)
from api.outputs.preview import Kind, type_of
from schemas.values import iso

FILE_SORTS = frozenset(("path", "bytes", "modified_at"))
#: Words of one search, and paths that one answer to be copied holds.
_WORDS_MAX, PATHS_MAX = 20, 10_000
_FOLDERS_MAX = 500


@dataclass(frozen=True, slots=True)
class KnownFolder:
    """The output folder of a run, as the collector knows it. `listing`: the newest complete one, 0 for none.

    `looking`: whether somebody waits for another look.
    """

    uri: str
    listing: int
    looking: bool


@dataclass(frozen=True, slots=True)
class FileFilter:
    """Which files: those in the folder `path` ('' or with / at its end) and below that hold all words of `search`."""

    path: str = ""
    search: str = ""
    sort: str = ""

    @property
    def words(self) -> list[str]:
        return self.search.split()[:_WORDS_MAX]


def outputs_of(row: Row, prices: StoragePrices) -> Outputs | None:
    """Pure. `row`: with the columns of `runs.sql` that begin with `outputs_`; None where nobody has looked yet."""
    if not row["outputs_state"]:
        return None
    deleted_ms = row["outputs_deleted_ms"]
    if deleted_ms:
        return Outputs(
            uri=row["outputs_uri"] or None,
            state=row["outputs_state"],
            listed_at=time_of(row["outputs_listed_ms"] or None),
            bytes=0,
            files=0,
            annual_cost_low=None,
            annual_cost_high=None,
            deleted_at=time_of(deleted_ms),
            deleted_by=row["outputs_deleted_by"] or None,
        )
    known = bool(row["outputs_listing"])
    size = row["outputs_bytes"] if known else None
    uri = row["outputs_uri"]
    tiers = annual_costs(size, prices) if size is not None and uri.startswith("s3://") else []
    low, high = cost_range(tiers)
    return Outputs(
        uri=uri or None,
        state=row["outputs_state"],
        message=row["outputs_message"] or None,
        listed_at=time_of(row["outputs_listed_ms"]) if known else None,
        bytes=size,
        files=row["outputs_files"] if known else None,
        noncurrent_bytes=_told(row["outputs_noncurrent_bytes"]) if known else None,
        noncurrent_files=_told(row["outputs_noncurrent_files"]) if known else None,
        annual_cost_low=low,
        annual_cost_high=high,
        tiers=tiers,
        deleted_at=None,
        deleted_by=None,
    )


def _told(figure: int) -> int | None:
    return None if figure < 0 else figure


def known_folder(reader: Reader, run_id: str) -> KnownFolder | None:
    """What is known of the run's output folder; None where nobody has looked yet."""
    rows = reader.rows("outputs/folder_of_run", run_id=run_id)
    return KnownFolder(rows[0]["uri"], rows[0]["listing"], bool(rows[0]["looking"])) if rows else None


def folder_page(reader: Reader, run_id: str, path: str, token: str, page_size: int) -> OutputList:
    """What lies directly in a folder. Raises Problem 400 for a wrong path or token."""
    if path and not path.endswith("/"):
        raise bad_parameter("path", "a folder's path ends with /")
    known, offset = known_folder(reader, run_id), task_place(token, "folder").offset
    rows = reader.rows(
        "outputs/folder",
        run_id=run_id,
        path=path,
        listing=known.listing if known else 0,
        limit=page_size + 1,
        offset=offset,
    )
    page = rows[:page_size]
    return OutputList(
        uri=known.uri or None if known else None,
        folders=[_folder(r, path) for r in page if r["is_folder"]],
        files=[_file(r | {"key": path + r["name"]}) for r in page if not r["is_folder"]],
        next_page_token=_next(rows, "folder", offset, page_size),
    )


def file_page(reader: Reader, run_id: str, filter: FileFilter, token: str, page_size: int) -> OutputList:
    """Files at any depth. Raises Problem 400 for a wrong order or token."""
    check_sort(filter.sort, FILE_SORTS)
    known, offset = known_folder(reader, run_id), task_place(token, filter.sort).offset
    rows = reader.rows(
        "outputs/files",
        run_id=run_id,
        path=filter.path,
        words=filter.words,
        listing=known.listing if known else 0,
        sort=filter.sort.removeprefix("-") or "path",
        descending=filter.sort.startswith("-"),
        limit=page_size + 1,
        offset=offset,
    )
    return OutputList(
        uri=known.uri or None if known else None,
        folders=[],
        files=[_file(r) for r in rows[:page_size]],
        next_page_token=_next(rows, filter.sort, offset, page_size),
    )


def search_all(reader: Reader, search: str, token: str, page_size: int) -> AllOutputs:
    """Files of all runs whose paths hold all words of the search. Raises Problem 400 without a word, and for a wrong token."""
    words = FileFilter(search=search).words
    if not words:
        raise bad_parameter("search", "give a word: there may be millions of files")
    offset = task_place(token, "all").offset
    rows = reader.rows("outputs/all_files", words=words, limit=page_size + 1, offset=offset)
    files = [
        OutputOfRun(**_file(r).model_dump(), run_id=r["run_id"], run_name=r["name"], uri=r["uri"] + r["key"])
        for r in rows[:page_size]
    ]
    return AllOutputs(files=files, next_page_token=_next(rows, "all", offset, page_size))


def _next(rows: list[Row], sort: str, offset: int, page_size: int) -> str | None:
    more = len(rows) > page_size and offset + page_size <= OFFSET_MAX
    return to_token(TaskPlace(sort, offset + page_size)) if more else None


def _folder(row: Row, path: str) -> OutputFolder:
    return OutputFolder(
        path=path + row["name"],
        name=row["name"],
        files=row["files"],
        bytes=row["bytes"],
        modified_at=iso(row["modified_ms"]),
    )


def _file(row: Mapping[str, Any]) -> OutputFile:
    return OutputFile(
        path=row["key"],
        name=row["key"].rpartition("/")[2],
        bytes=row["bytes"],
        modified_at=iso(row["modified_ms"]),
        storage_class=row["storage_class"] or None,
    )


def is_shown(name: str) -> bool:
    """Whether files of this name are shown, and not only downloaded."""
    return type_of(name)[0] is not Kind.OTHER


def deletions(reader: Reader, run_id: str) -> list[DeletionJob]:
    """The run's deletions, newest first."""
    return [_job(r) for r in reader.rows("outputs/deletions", run_id=run_id, job_id="", limit=20)]


def deletion(reader: Reader, job_id: str) -> DeletionJob:
    """The deletion of this id. Raises Problem 404."""
    rows = reader.rows("outputs/deletions", run_id="", job_id=job_id, limit=1) if job_id else []
    if not rows:
        raise not_found("deletion", job_id)
    return _job(rows[0])


def folders_with(reader: Reader, text: str) -> FolderList:
    """Runs whose output folder holds the text, whatever its case."""
    rows = reader.rows("outputs/folders", text=text, limit=_FOLDERS_MAX)
    return FolderList(runs=[FolderOfRun(id=r["run_id"], name=r["name"], uri=r["uri"]) for r in rows])


def _job(row: Row) -> DeletionJob:
    return DeletionJob(
        id=row["job_id"],
        run_id=row["run_id"],
        uri=row["uri"],
        state=row["state"],
        requested_at=iso(row["requested_ms"]),
        requested_by=row["by"] or None,
        updated_at=time_of(row["told_ms"] or None),
        deleted=row["deleted"],
        bytes=row["bytes"],
        kept=row["kept"],
        message=row["message"] or None,
    )
