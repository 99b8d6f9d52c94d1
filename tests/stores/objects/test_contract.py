"""The contract of the port `Objects`, held by folders of this machine and by a real S3 alike."""

from pathlib import Path

import pytest

from stores.objects.port import PAGE, Failure, Level, StoreFailure, Version
from tests.support.files.shelves import Shelf, keys_of, local_shelf, named, s3_shelf

#: Names that stores and file systems take, and people do not think of.
ODD = [
    "a b.txt",
    "a+b&c=d?e#f.txt",
    "ü/ß.csv",
    "new\nline.txt",
    "quote\"'.html",
    "%2e%2e/x",
    "..a",
    "日本/語.log",
]
TREE = ["a/b.txt", "a.txt", "a/c/d.txt", "b.html", *ODD]


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.s3)])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    return local_shelf(tmp_path) if request.param == "local" else s3_shelf(request.getfixturevalue("s3"))


def test_a_tree_is_listed_read_and_deleted_and_its_neighbour_stays(shelf: Shelf) -> None:
    shelf.put(named([*(f"run/{key}" for key in TREE), "run-2/a.txt", "runs.txt"]))
    run = shelf.open("run")
    entries = [e for page in run.entries() for e in page]
    assert sorted(e.key for e in entries) == sorted(TREE)
    assert {e.key: e.size for e in entries} == {key: len(f"run/{key}".encode()) for key in TREE}
    assert all(e.modified_ms > 1_600_000_000_000 and e.etag for e in entries)
    for place in range(len(entries)):
        assert keys_of(run, entries[place].key) == [e.key for e in entries[place + 1 :]], (
            "it goes on after any key"
        )
    for key in TREE:
        body = f"run/{key}".encode()
        part = run.read(key, 0, 1000)
        assert (part.data, part.start, part.size) == (body, 0, len(body)) and part.modified_ms > 0
        size, chunks = run.stream(key)
        assert (size, b"".join(chunks)) == (len(body), body)
    versions = [v for page in run.versions() for v in page]
    assert sorted(v.key for v in versions) == sorted(TREE)
    assert run.delete(versions) == [] and keys_of(run) == []
    assert run.delete([*versions, Version("never/there.txt")]) == [], "what is not there counts as deleted"
    assert (
        keys_of(shelf.open("run-2")) == ["a.txt"]
        and shelf.open("").read("runs.txt", 0, 9).data == b"runs.txt"
    )


def test_a_folder_is_shown_level_by_level(shelf: Shelf) -> None:
    shelf.put(named(f"run/{key}" for key in ("a/b.txt", "a/c/d.txt", "a.txt", "z/y/x")))
    run = shelf.open("run")

    def shown(level: Level) -> tuple[list[str], list[str], bool]:
        return list(level.folders), [e.key for e in level.entries], level.more

    assert shown(run.level()) == (["a/", "z/"], ["a.txt"], False)
    assert shown(run.level("a/")) == (["a/c/"], ["a/b.txt"], False)
    first = run.level("", 1)
    assert len(first.folders) + len(first.entries) == 1 and first.more


def test_a_part_is_read_from_either_end(shelf: Shelf) -> None:
    shelf.put({"run/log": b"0123456789", "run/empty": b""})
    run = shelf.open("run")
    for start, most, part in (
        (0, 4, b"0123"),
        (3, 4, b"3456"),
        (8, 9, b"89"),
        (-3, 9, b"789"),
        (-99, 99, b"0123456789"),
    ):
        read = run.read("log", start, most)
        assert (read.data, read.size) == (part, 10), (start, most)
        assert read.start == (start if start >= 0 else max(0, 10 + start))
    assert run.read("log", 10, 5).data == b""
    empty = run.read("empty", 0, 5)
    assert (empty.data, empty.size) == (b"", 0) and run.read("empty", -5, 5).data == b""
    size, chunks = run.stream("empty")
    assert (size, b"".join(chunks)) == (0, b"")


def test_what_is_not_there(shelf: Shelf) -> None:
    shelf.put(named(["run/a"]))
    assert keys_of(shelf.open("elsewhere")) == [] and shelf.open("elsewhere").level().entries == []
    assert list(shelf.open("elsewhere").versions()) == []
    for key in ("b", "a/b", "../run/a", "x" * 5000, "a\0"):
        with pytest.raises(StoreFailure) as caught:
            shelf.open("run").read(key, 0, 1)
        assert caught.value.failure is Failure.NOT_FOUND, key


def test_more_than_a_page(shelf: Shelf) -> None:
    keys = [f"{n:04d}" for n in range(PAGE + 5)]
    shelf.put({f"run/{key}": b"" for key in keys})
    run = shelf.open("run")
    assert [len(page) for page in run.entries()] == [PAGE, 5] and keys_of(run) == keys
    assert keys_of(run, keys[PAGE - 1]) == keys[PAGE:]
    for page in run.versions():
        assert len(page) <= PAGE and run.delete(page) == []
    assert keys_of(run) == []


def test_outside_of_what_is_allowed_nothing_is_opened(shelf: Shelf) -> None:
    for other in ("/etc", "s3://another/run"):
        with pytest.raises(StoreFailure) as caught:
            Shelf(other, shelf.put, shelf.settings).open("x")
        assert caught.value.failure is Failure.NOT_ALLOWED and "TRACKER_" in str(caught.value)
