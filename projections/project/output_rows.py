"""Rows of the tables of outputs, made from one event. Pure."""

from collections.abc import Sequence
from typing import Any

from schemas.files.events import (
    ClassTotal,
    DeletionProgressed,
    DeletionRequested,
    Found,
    Listed,
    OutputsEvent,
    OutputsState,
    Requested,
)
from schemas.values import iso
from stores.log.port import Record

Row = dict[str, Any]

#: States of a listing that tell what is in the folder.
_FIGURES = (OutputsState.COMPLETE, OutputsState.TOO_MANY)


def output_rows(record: Record, event: OutputsEvent) -> dict[str, list[Row]]:
    """The rows of the event, by table. Offsets are the record's + 1, so that none is 0."""
    run, offset = {"run_id": event.run_id}, record.offset + 1
    match event.data:
        case Found() as found:
            files = [
                run
                | {
                    "key": f.key,
                    "listing": found.listing,
                    "size": f.size,
                    "modified_at": iso(f.modified),
                    "etag": f.etag,
                    "storage_class": f.storage_class,
                }
                for f in found.files
            ]
            progress = {
                "listing": found.listing,
                "part": found.part,
                "last_key": found.last_key,
                "files": found.totals.files,
                "bytes": found.totals.bytes,
                "classes": _classes(found.totals.classes),
            }
            reports = [run | {"listing": found.listing} | r.model_dump() for r in found.reports]
            return {
                "outputs": files,
                "output_folders": [run | {"progress": progress}],
                "output_reports": reports,
            }
        case Listed() as listed:
            return {"output_folders": [run | _ended(listed, offset, record.appended_at)]}
        case Requested() as wanted:
            requested = {"offset": offset, "at_ms": record.appended_at, "by": wanted.by}
            return {"output_folders": [run | {"requested": requested}]}
        case DeletionRequested() as deletion:
            row = run | {"job_id": deletion.job_id}
            asked = {
                "offset": offset,
                "at_ms": record.appended_at,
                "by": deletion.by,
                "uri": deletion.uri,
            }
            return {"output_deletions": [row | {"requested": asked}]}
        case DeletionProgressed() as step:
            row = run | {"job_id": step.job_id}
            told = step.model_dump(mode="json", exclude={"job_id"})
            return {
                "output_deletions": [
                    row | {"progress": told | {"offset": offset, "at_ms": record.appended_at}}
                ]
            }


def _ended(listed: Listed, offset: int, appended_at: int) -> Row:
    common = {
        "listing": listed.listing,
        "offset": offset,
        "state": listed.state,
        "uri": listed.uri,
        "ended_ms": appended_at,
    }
    row: Row = {"attempt": common | {"message": listed.message, "answers": listed.answers}}
    if listed.state in _FIGURES:
        row["complete"] = common | {
            "files": listed.totals.files,
            "bytes": listed.totals.bytes,
            "classes": _classes(listed.totals.classes),
            "noncurrent_files": -1 if listed.noncurrent_files is None else listed.noncurrent_files,
            "noncurrent_bytes": -1 if listed.noncurrent_bytes is None else listed.noncurrent_bytes,
        }
    return row


def _classes(classes: Sequence[ClassTotal]) -> list[Row]:
    return [c.model_dump() for c in classes]
