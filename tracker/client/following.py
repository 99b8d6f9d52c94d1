"""Follows files that grow, by their ends as the API gives them. The tracker and the waiting are arguments."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tracker.client.remote import Refused
from tracker.errors import NotDone

_PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class FileEnd:
    """The end of a file: `text` of the last of its `size` bytes."""

    name: str
    size: int
    text: str


def follow(
    ask: Callable[[], Sequence[FileEnd]], is_over: Callable[[], bool], pause: Callable[[float], None]
) -> Iterator[FileEnd]:
    """What is new in the files, until nothing more can come. A tracker that is away is waited for; raises Refused."""
    seen: dict[str, int] = {}
    over = False
    while not over:
        try:
            over = is_over()  # before the files are read, so that what came last is read too
            yield from news(seen, ask())
        except Refused as e:
            if e.status < 500 and e.status != 429:
                raise
            over = False
        except NotDone:
            over = False
        if not over:
            pause(_PAUSE_SECONDS)


def news(seen: dict[str, int], files: Sequence[FileEnd]) -> Iterator[FileEnd]:
    """What is new of each since `seen` (bytes by name), which is brought up to date. A file that shrank has begun anew."""
    for file in files:
        before = seen.get(file.name, 0)
        added = file.size - before if file.size >= before else file.size
        seen[file.name] = file.size
        data = file.text.encode("utf-8", "replace")
        if new := data[max(0, len(data) - added) :].decode("utf-8", "replace") if added else "":
            yield FileEnd(file.name, added, new)
