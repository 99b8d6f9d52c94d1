"""What runs left behind: the figure of a run, its folders and files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.core.cursor import OFFSET_MAX, OffsetCursor, offset_cursor, to_token
from api.core.db import Reader, Row
from api.core.figures import time_of
from api.core.params import check_sort
from api.core.problems import bad_parameter, not_found
from api.outputs.models import (
    OUTCOMES,
    AllOutputs,
    DeletionJob,
    FolderList,
    FolderOfRun,
    FolderState,
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
from schemas.files.events import OutputsState
from schemas.texts.error_texts import sentence
from schemas.values import iso

FILE_SORTS = frozenset(("path", "bytes", "modified_at"))
#: Words of one search, and paths that one answer to be copied holds.
_WORDS_MAX, PATHS_MAX = 20, 10_000
_FOLDERS_MAX, _JOBS_MAX = 500, 500


@dataclass(frozen=True, slots=True)
class KnownFolder:
    """The output folder of a run, as the collector knows it. `listing`: the newest complete one, 0 for none.

    `looking`: whether somebody waits for another look.
    """

    uri: str
    listing: int
    looking: bool
    state: FolderState | None
    reason: str | None

    def shown(self) -> dict[str, Any]:
        """What every list of files says of the folder."""
        return {"uri": self.uri or None, "state": self.state, "reason": self.reason}


_UNKNOWN = KnownFolder("", 0, False, None, "Nobody has looked yet: that is done when a run ends.")


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
    """Pure. `row`: of `runs.sql`; None where nobody has looked yet, and while the run is not over."""
    if not row["outputs_state"] or not row["over"]:
        return None
    deleted_ms = row["outputs_deleted_ms"]
    if deleted_ms:
        return Outputs(
            uri=row["outputs_uri"] or None,
            state=FolderState.DELETED,
            look=row["outputs_state"],
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
    tiers = annual_costs(size, prices) if size is not None and uri.startswith("s3://") else None
    low, high = cost_range(tiers)
    state, reason = _state(row["outputs_state"], row["outputs_message"], row["outputs_looking"])
    return Outputs(
        uri=uri or None,
        state=state,
        look=row["outputs_state"],
        reason=reason,
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


def _state(look: str, message: str, looking: bool) -> tuple[FolderState, str | None]:
    """Pure. The folder's state, and why there are no figures or not all. `look`: the outcome of the newest one, '' for none."""
    state, why = OUTCOMES[OutputsState(look)] if look else (FolderState.LISTING, "")
    reason = " ".join(text for text in (why, sentence(message)) if text)
    return FolderState.LISTING if looking else state, reason or None


def known_folder(reader: Reader, run_id: str) -> KnownFolder | None:
    """What is known of the run's output folder; None where nobody has looked yet."""
    rows = reader.rows("outputs/folder_of_run", run_id=run_id)
    if not rows:
        return None
    row = rows[0]
    state, reason = _state(row["state"], row["message"], row["looking"])
    if row["deleted"]:
        state, reason = FolderState.DELETED, None
    return KnownFolder(row["uri"], row["listing"], bool(row["looking"]), state, reason)


def folder_path(prefix: str) -> str:
    """Pure. A folder below the output folder, as keys begin in it: '' or with / at its end."""
    return prefix if not prefix or prefix.endswith("/") else f"{prefix}/"


def folder_page(reader: Reader, run_id: str, path: str, token: str, page_size: int) -> OutputList:
    """What lies directly in the folder `path` ('' or with / at its end). Raises Problem 400 for a wrong token."""
    known, offset = known_folder(reader, run_id) or _UNKNOWN, offset_cursor(token, "folder").offset
    rows = reader.rows(
        "outputs/folder",
        run_id=run_id,
        path=path,
        listing=known.listing,
        limit=page_size + 1,
        offset=offset,
    )
    page = rows[:page_size]
    return OutputList(
        **known.shown(),
        folders=[_folder(r, path) for r in page if r["is_folder"]],
        outputs=[_file(r | {"key": path + r["name"]}, known.uri) for r in page if not r["is_folder"]],
        next_page_token=_next(rows, "folder", offset, page_size),
    )


def file_page(reader: Reader, run_id: str, filter: FileFilter, token: str, page_size: int) -> OutputList:
    """Files at any depth. Raises Problem 400 for a wrong order or token."""
    check_sort(filter.sort, FILE_SORTS)
    known, offset = known_folder(reader, run_id) or _UNKNOWN, offset_cursor(token, filter.sort).offset
    rows = reader.rows(
        "outputs/files",
        run_id=run_id,
        path=filter.path,
        words=filter.words,
        listing=known.listing,
        sort=filter.sort.removeprefix("-") or "path",
        descending=filter.sort.startswith("-"),
        limit=page_size + 1,
        offset=offset,
    )
    return OutputList(
        **known.shown(),
        folders=[],
        outputs=[_file(r, known.uri) for r in rows[:page_size]],
        next_page_token=_next(rows, filter.sort, offset, page_size),
    )


def search_all(reader: Reader, search: str, token: str, page_size: int) -> AllOutputs:
    """Files of all runs whose paths hold all words of the search. Raises Problem 400 without a word, and for a wrong token."""
    words = FileFilter(search=search).words
    if not words:
        raise bad_parameter("search", "give a word: there may be millions of files")
    offset = offset_cursor(token, "all").offset
    rows = reader.rows("outputs/all_files", words=words, limit=page_size + 1, offset=offset)
    files = [
        OutputOfRun(**_file(r, r["uri"]).model_dump(), run_id=r["run_id"], run_name=r["name"])
        for r in rows[:page_size]
    ]
    return AllOutputs(outputs=files, next_page_token=_next(rows, "all", offset, page_size))


def _next(rows: list[Row], sort: str, offset: int, page_size: int) -> str | None:
    more = len(rows) > page_size and offset + page_size <= OFFSET_MAX
    return to_token(OffsetCursor(sort, offset + page_size)) if more else None


def _folder(row: Row, path: str) -> OutputFolder:
    return OutputFolder(
        path=path + row["name"],
        name=row["name"],
        files=row["files"],
        bytes=row["bytes"],
        modified_at=iso(row["modified_ms"]),
    )


def _file(row: Mapping[str, Any], folder_uri: str) -> OutputFile:
    return OutputFile(
        path=row["key"],
        uri=folder_uri + row["key"],
        name=row["key"].rpartition("/")[2],
        bytes=row["bytes"],
        modified_at=iso(row["modified_ms"]),
        storage_class=row["storage_class"] or None,
    )


def is_shown(name: str) -> bool:
    """Whether files of this name are shown, and not only downloaded."""
    return type_of(name)[0] is not Kind.OTHER


def is_framed(name: str) -> bool:
    """Whether files of this name are shown in a frame of their own, and not as a table or text of the page."""
    return type_of(name)[0] in (Kind.HTML, Kind.PDF, Kind.IMAGE)


def deletions(reader: Reader, run_id: str) -> list[DeletionJob]:
    """The run's deletions, newest first."""
    return _jobs(reader, run_id=run_id, limit=20)


def jobs(reader: Reader, states: Sequence[str] = (), by: str = "", since_ms: int = 0) -> list[DeletionJob]:
    """All deletions in one of these states (none: in any), of one person ('': of anybody), asked for since then; newest first."""
    return _jobs(reader, states=list(states), by=by, since_ms=since_ms, limit=_JOBS_MAX)


def job(reader: Reader, job_id: str) -> DeletionJob:
    """The job of this id. Raises Problem 404."""
    found = _jobs(reader, job_id=job_id, limit=1) if job_id else []
    if not found:
        raise not_found("job", job_id)
    return found[0]


def _jobs(reader: Reader, **filter: Any) -> list[DeletionJob]:
    every: dict[str, Any] = {"run_id": "", "job_id": "", "states": [], "by": "", "since_ms": 0}
    return [_job(r) for r in reader.rows("outputs/deletions", **(every | filter))]


def folders_with(reader: Reader, text: str) -> FolderList:
    """Runs whose output folder holds the text, whatever its case."""
    rows = reader.rows("outputs/folders", text=text, limit=_FOLDERS_MAX)
    return FolderList(runs=[FolderOfRun(id=r["run_id"], name=r["name"], uri=r["uri"]) for r in rows])


def _job(row: Row) -> DeletionJob:
    return DeletionJob(
        id=row["job_id"],
        run_id=row["run_id"],
        run_name=row["run_name"] or row["run_id"],
        uri=row["uri"],
        state=row["state"],
        at=iso(row["requested_ms"]),
        by=row["by"] or None,
        updated_at=time_of(row["told_ms"] or None),
        done=row["deleted"],
        total=max(row["known"], row["deleted"] + row["kept"]),
        bytes=row["bytes"],
        kept=row["kept"],
        error=row["message"] or None,
    )
