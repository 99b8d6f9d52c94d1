"""The events that the collector says. Pure."""

from hashlib import sha256

from schemas.files.events import (
    ClassTotal,
    DeletionProgressed,
    Found,
    FoundFile,
    Listed,
    OutputsDeletionProgressed,
    OutputsFound,
    OutputsListed,
    Totals,
)
from stores.objects.port import Entry

SOURCE = "collector"
_CLASSES_MAX = 50


def text(key: str) -> str:
    """A name of a file as text that UTF-8 can hold: names on this machine may be any bytes."""
    return key.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def found_file(entry: Entry) -> FoundFile:
    """The file as it is told."""
    return FoundFile(
        key=text(entry.key),
        size=entry.size,
        modified=entry.modified_ms,
        etag=text(entry.etag)[:100],
        storage_class=entry.storage_class[:50],
    )


def added(totals: Totals, files: list[FoundFile]) -> Totals:
    """The totals with these files too. Beyond 50 storage classes, which no store has, the rest is one."""
    classes = {c.storage_class: c for c in totals.classes}
    for f in files:
        name = f.storage_class if f.storage_class in classes or len(classes) < _CLASSES_MAX else "others"
        before = classes.get(name) or ClassTotal(storage_class=name, files=0, bytes=0)
        classes[name] = ClassTotal(storage_class=name, files=before.files + 1, bytes=before.bytes + f.size)
    return Totals(
        files=totals.files + len(files),
        bytes=totals.bytes + sum(f.size for f in files),
        classes=[classes[name] for name in sorted(classes)],
    )


def found(run_id: str, data: Found, now_ms: int) -> OutputsFound:
    """The event of a part of a listing; the same part gives the same event."""
    id = _id(run_id, "outputs.found", str(data.listing), str(data.part), data.last_key)
    return OutputsFound(id=id, source=SOURCE, run_id=run_id, received_at=now_ms, data=data)


def listed(run_id: str, data: Listed, now_ms: int) -> OutputsListed:
    """The event of the end of a listing."""
    id = _id(run_id, "outputs.listed", str(data.listing), data.state, str(now_ms))
    return OutputsListed(id=id, source=SOURCE, run_id=run_id, received_at=now_ms, data=data)


def progressed(run_id: str, data: DeletionProgressed, now_ms: int) -> OutputsDeletionProgressed:
    """The event of a step of a deletion."""
    id = _id(run_id, "outputs.deletion-progressed", data.job_id, data.state, str(data.deleted), str(now_ms))
    return OutputsDeletionProgressed(id=id, source=SOURCE, run_id=run_id, received_at=now_ms, data=data)


def _id(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()[:32]
