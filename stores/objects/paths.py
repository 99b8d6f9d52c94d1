"""Where runs keep their files: paths as runners tell them, made into folders; and which folders may be deleted. Pure."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stores.objects.port import Failure, StoreFailure

#: The longest key of S3, in bytes.
KEY_BYTES = 1024
_PATH_BYTES = 4096
_S3 = re.compile(r"s3://([^/]*)(?:/(.*))?", re.DOTALL)
_FILE = re.compile(r"^file:(?://)?/(?!/)")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
#: Parameters by which pipelines are told where their results go, in the order in which they are believed.
OUTPUT_PARAMS = ("outdir", "publish_dir", "output_dir")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder: `bucket` is '' on this machine. `prefix` ends with `/`, so that no neighbour's name begins with it; '' is all."""

    bucket: str
    prefix: str

    @property
    def on_s3(self) -> bool:
        return bool(self.bucket)

    @property
    def uri(self) -> str:
        """As people write it, with `/` at the end."""
        return f"s3://{self.bucket}/{self.prefix}" if self.bucket else self.prefix

    def contains(self, other: "Folder") -> bool:
        """Whether the other is this one, or lies in it."""
        return self.bucket == other.bucket and other.prefix.startswith(self.prefix)

    def overlaps(self, other: "Folder") -> bool:
        """Whether one of the two contains the other."""
        return self.contains(other) or other.contains(self)


def folder_of(path: str) -> Folder:
    """The folder that a runner means. Raises StoreFailure for what is none: NOT_S3, or NOT_ALLOWED for `.` and `..` in it.

    Several `/` are one, as Nextflow has it.
    """
    if match := _S3.fullmatch(path):
        bucket, rest = match[1], match[2] or ""
        if not _BUCKET.fullmatch(bucket) or ".." in bucket:
            raise StoreFailure(Failure.NOT_S3, f"{bucket[:100]!r} is no name of a bucket")
        limit = KEY_BYTES
    else:
        local = _FILE.sub("/", path)
        if not local.startswith("/"):
            raise StoreFailure(
                Failure.NOT_S3, f"{path[:200]!r} is neither an S3 path nor an absolute path of this machine"
            )
        bucket, rest, limit = "", local, _PATH_BYTES
    parts = [part for part in rest.split("/") if part]
    if "\0" in rest or any(part in (".", "..") for part in parts):
        raise StoreFailure(Failure.NOT_ALLOWED, "a path with `.`, `..` or a NUL in it is not followed")
    prefix = "".join(f"{part}/" for part in parts)
    if len(prefix.encode("utf-8", "surrogateescape")) > limit:
        raise StoreFailure(Failure.NOT_ALLOWED, f"the path is longer than {limit} bytes")
    return Folder(bucket, prefix if bucket else f"/{prefix}")


def object_of(path: str) -> tuple[Folder, str]:
    """The folder and the key in it of a path of a file. Raises as `folder_of`, also for a path without a file's name."""
    head, _, name = path.rpartition("/")
    if not head or name in ("", ".", ".."):
        raise StoreFailure(Failure.NOT_S3, f"{path[:200]!r} names no file")
    return folder_of(head + "/"), name


def output_path(output_dir: str, params: Mapping[str, Any], launch_dir: str) -> str:
    """Where a run's results go: what the runner told, else its parameters; a relative path begins in the launch folder.

    '' where nobody told.
    """
    told = [output_dir, *(params.get(name) for name in OUTPUT_PARAMS)]
    path = next((p.strip() for p in told if isinstance(p, str) and p.strip()), "")
    if not path or "://" in path or path.startswith(("/", "file:")):
        return path
    relative = "/".join(part for part in path.split("/") if part != ".")
    return f"{launch_dir.rstrip('/')}/{relative}" if launch_dir.startswith("/") else path


def is_key(key: str) -> bool:
    """Whether it may name an object below a folder: not empty, no NUL, no step up or to the root, and not too long."""
    parts = key.split("/")
    return (
        bool(key)
        and "\0" not in key
        and not key.startswith("/")
        and not any(part in (".", "..") for part in parts)
        and len(key.encode("utf-8", "surrogateescape")) <= _PATH_BYTES
    )


@dataclass(frozen=True, slots=True)
class InUse:
    """A folder that somebody needs, and in what words to say so."""

    folder: Folder
    why: str


def refusal(folder: Folder, roots: Iterable[Folder], in_use: Sequence[InUse]) -> str | None:
    """Why the folder may not be deleted; None if it may.

    `roots`: the folders that the settings allow. `in_use`: the run's own work folder, folders of live runs, the archive.
    """
    if not folder.prefix.strip("/"):
        return "it is a whole bucket" if folder.on_s3 else "it is the root of the file system"
    roots = list(roots)
    if any(folder.contains(root) for root in roots):
        return "it is, or holds, a whole folder that the settings allow"
    if not any(root.contains(folder) for root in roots):
        return "it lies outside of the folders that the settings allow"
    return next((use.why for use in in_use if folder.overlaps(use.folder)), None)


def needed_folders(
    rows: Iterable[Mapping[str, Any]], run_id: str, resolved: Callable[[Folder], Folder]
) -> list[InUse]:
    """The work folder of the run itself, and the folders of the other runs among the rows (of the macro `folders_in_use`).

    `resolved` gives a folder with its links resolved. Paths that are no folders are needed by nobody.
    """
    needed = []
    for row in rows:
        own = row["run_id"] == run_id
        output = "" if own else output_path(row["output_dir"], params_of(row["params"]), row["launch_dir"])
        why = (
            "the run's own work directory lies in it, or it in that"
            if own
            else f"the run {row['name'][:100]!r}, which is not over, works there"
        )
        for path in (row["work_dir"], output):
            try:
                needed.append(InUse(resolved(folder_of(path)), why))
            except StoreFailure:
                continue
    return needed


def params_of(text: str) -> dict[str, Any]:
    """The parameters of a run as the tables keep them, as JSON; none where that cannot be read."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
