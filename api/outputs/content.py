"""The bytes of files: shown by themselves, each kind under a policy of its own, or downloaded.

What a pipeline wrote is not ours: an HTML report runs its scripts in a sandbox without an origin, so it has no cookie, no
storage and no way to ask for anything.
"""

from collections.abc import Iterator
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response, StreamingResponse

from api.core.problems import Problem
from api.outputs.preview import PREVIEW_BYTES, TEXT_BYTES, Kind, Shown, shown, type_of
from stores.objects.open import ObjectStores
from stores.objects.paths import folder_of
from stores.objects.port import Failure, Objects, Part, StoreFailure

_PRESIGNED_SECONDS = 300

_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
_POLICIES = {
    Kind.HTML: (
        f"sandbox allow-scripts; {_NOTHING}; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
        "style-src 'unsafe-inline' data:; img-src data: blob:; font-src data:; media-src data: blob:; worker-src blob:"
    ),
    Kind.PDF: f"{_NOTHING}; style-src 'unsafe-inline'",  # browsers show none in a sandbox
    Kind.IMAGE: f"sandbox; {_NOTHING}; style-src 'unsafe-inline'; img-src data:",
}

_STATUS = {
    Failure.NOT_FOUND: 404,
    Failure.NOT_S3: 404,
    Failure.NOT_ALLOWED: 404,
    Failure.NO_BUCKET: 404,
    Failure.ACCESS_DENIED: 502,
    Failure.AWAY: 503,
}


def problem(failure: StoreFailure) -> Problem:
    """The answer to whoever asked for what cannot be read."""
    status = _STATUS[failure.failure]
    return Problem(status, str(failure), {"Retry-After": "5"} if status == 503 else None)


def open_folder(stores: ObjectStores, path: str) -> Objects:
    """The objects of the folder at this path. Raises Problem."""
    try:
        return stores.open(folder_of(path))
    except StoreFailure as e:
        raise problem(e) from e


def beginning(objects: Objects, key: str) -> tuple[Part, Shown | None]:
    """The first bytes of a file, and how they are shown, if as a text or table. Raises Problem."""
    kind, _ = type_of(key)
    textual = kind in (Kind.TABLE, Kind.JSON, Kind.TEXT)
    try:
        part = objects.read(key, 0, TEXT_BYTES if textual else 1)
    except StoreFailure as e:
        raise problem(e) from e
    return part, shown(kind, part.data, part.size) if textual and part.size <= PREVIEW_BYTES else None


def raw(objects: Objects, key: str) -> Response:
    """The file as its kind, for frames and pictures of our pages. Raises Problem: 413 above the limit, 415 if it is not shown."""
    kind, content_type = type_of(key)
    if kind is Kind.OTHER:
        raise Problem(415, "files of this kind are not shown; download it")
    size, chunks = _stream(objects, key)
    if size > PREVIEW_BYTES:
        _close(chunks)
        raise Problem(413, f"files above {PREVIEW_BYTES // 2**20} MB are not shown; download it")
    headers = {
        "Content-Security-Policy": _POLICIES.get(kind, f"sandbox; {_NOTHING}"),
        "X-Frame-Options": "SAMEORIGIN",
        "Content-Length": str(size),
        "Content-Disposition": "inline",
    }
    return StreamingResponse(chunks, headers=headers, media_type=content_type)


def given(objects: Objects, key: str, as_download: bool) -> Response:
    """The file to a program: whatever it is and however large; never as a page of ours. Raises Problem."""
    if as_download:
        return download(objects, key)
    kind, content_type = type_of(key)
    size, chunks = _stream(objects, key)
    headers = {
        "Content-Security-Policy": _POLICIES.get(kind, f"sandbox; {_NOTHING}"),
        "Content-Length": str(size),
        "Content-Disposition": "attachment" if kind is Kind.OTHER else "inline",
    }
    return StreamingResponse(chunks, headers=headers, media_type=content_type)


def download(objects: Objects, key: str) -> Response:
    """The file to keep: from the store itself where it can be, else through the tracker. Raises Problem."""
    name = key.rpartition("/")[2]
    try:
        address = objects.presigned(key, name, _PRESIGNED_SECONDS)
    except StoreFailure as e:
        raise problem(e) from e
    if address:
        return RedirectResponse(address, 307)
    size, chunks = _stream(objects, key)
    headers = {
        "Content-Length": str(size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='', errors='replace')}",
    }
    return StreamingResponse(chunks, headers=headers, media_type="application/octet-stream")


def _stream(objects: Objects, key: str) -> tuple[int, Iterator[bytes]]:
    try:
        return objects.stream(key)
    except StoreFailure as e:
        raise problem(e) from e


def _close(chunks: Iterator[bytes]) -> None:
    """Give what it reads from back, although nothing was read."""
    next(chunks, b"")
    close = getattr(chunks, "close", None)
    if close:
        close()
