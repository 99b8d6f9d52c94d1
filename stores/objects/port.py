"""The port of a folder of objects. Two implementations, one contract suite (`tests/stores/objects/test_contract.py`).

All calls block: call them from a thread. Keys are relative to the folder, and may hold whatever a store lets them hold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

#: Most objects of one page of a list, and of one deletion: what S3 takes.
PAGE = 1000


class Failure(StrEnum):
    """Why a folder cannot be read or changed."""

    ACCESS_DENIED = "access_denied"
    NO_BUCKET = "no_bucket"
    NOT_S3 = "not_s3"  # neither s3://BUCKET/… nor an absolute path of this machine
    NOT_ALLOWED = "not_allowed"  # outside of what the settings allow
    NOT_FOUND = "not_found"  # the object is not there
    AWAY = "away"  # the store does not answer, or not now: the only one that time may mend


class StoreFailure(Exception):
    """A call did not succeed. The message is for people and holds no credential."""

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Entry:
    """One object. `modified_ms`: ms since 1970; `storage_class` is '' on this machine."""

    key: str
    size: int
    modified_ms: int
    etag: str
    storage_class: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object. `version_id` is '' where the store keeps none; a delete marker has no size."""

    key: str
    version_id: str = ""
    size: int = 0
    latest: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of an object: `data` begins at `start`; `size` is that of the whole object."""

    data: bytes
    start: int
    size: int
    modified_ms: int


@dataclass(frozen=True, slots=True)
class Level:
    """What lies directly in a folder: names of folders (with `/` at the end) and objects, by full key. `more`: not all of it."""

    folders: Sequence[str]
    entries: Sequence[Entry]
    more: bool


@dataclass(frozen=True, slots=True)
class NotDeleted:
    """A version that the store did not delete, and its reason, such as AccessDenied for a locked object."""

    version: Version
    reason: str


class Objects(Protocol):
    """The objects below one folder. Calls raise StoreFailure."""

    def entries(self, after: str = "") -> Iterator[Sequence[Entry]]:
        """All objects that come after the key `after`, by pages of at most PAGE, in an order of the store's own.

        On this machine and on Amazon that is the order of the keys' UTF-8 bytes; other stores go folder by folder.

        Objects that only mark a folder (size 0, key with `/` at the end) are left out.
        """

    def level(self, path: str = "", most: int = PAGE) -> Level:
        """What lies directly in the folder `path` ('' or with `/` at the end), at most `most` of it."""

    def versions(self) -> Iterator[Sequence[Version]]:
        """Every version of every object, delete markers and marks of folders too, by pages of at most PAGE."""

    def keeps_versions(self) -> bool | None:
        """Whether old versions may be kept here; None where the store does not tell us."""

    def read(self, key: str, start: int, most: int) -> Part:
        """At most `most` bytes from `start` on; a negative `start` counts from the end. Raises NOT_FOUND."""

    def stream(self, key: str) -> tuple[int, Iterator[bytes]]:
        """The size and all bytes, a chunk at a time. Close the iterator, or read it to its end. Raises NOT_FOUND."""

    def presigned(self, key: str, file_name: str, seconds: int) -> str | None:
        """An address that gives the object as a download for so long, without credentials; None where there is no such thing."""

    def delete(self, versions: Sequence[Version]) -> Sequence[NotDeleted]:
        """Delete at most PAGE versions, and say which are still there. One that is not there counts as deleted."""
