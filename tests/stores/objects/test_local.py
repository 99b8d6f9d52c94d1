"""What only a file system has: links, pipes, folders that become links."""

import os
from pathlib import Path

import pytest

from stores.objects.port import Failure, StoreFailure, Version
from tests.support.files.shelves import keys_of, local_shelf, named


def test_links_are_followed_to_files_of_allowed_folders_and_deleted_as_links(tmp_path: Path) -> None:
    shelf = local_shelf(tmp_path / "allowed")
    shelf.put(named(["work/result.txt", "run/own.txt", "work/sub/deep.txt"]))
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    run = tmp_path / "allowed" / "run"
    (run / "result.txt").symlink_to(tmp_path / "allowed" / "work" / "result.txt")
    (run / "secret.txt").symlink_to(secret)
    (run / "folder").symlink_to(tmp_path / "allowed" / "work" / "sub")
    (run / "loop").symlink_to(run)
    (run / "gone").symlink_to(tmp_path / "allowed" / "nothing")
    os.mkfifo(run / "pipe")
    objects = shelf.open("run")
    assert keys_of(objects) == ["folder", "gone", "loop", "own.txt", "pipe", "result.txt", "secret.txt"]
    sizes = {e.key: e.size for page in objects.entries() for e in page}
    assert sizes == {
        "own.txt": 11, "result.txt": 15, "secret.txt": 0, "folder": 0, "loop": 0, "gone": 0, "pipe": 0,
    }  # fmt: skip
    assert objects.read("result.txt", 0, 99).data == b"work/result.txt"
    for key in ("secret.txt", "folder", "folder/deep.txt/../../x", "loop", "gone", "pipe"):
        with pytest.raises(StoreFailure) as caught:
            objects.read(key, 0, 9)
        assert caught.value.failure is Failure.NOT_FOUND, key
    assert objects.delete([v for page in objects.versions() for v in page]) == []
    assert not run.exists(), "what is empty goes too"
    assert secret.read_text() == "secret"
    assert keys_of(shelf.open("work")) == ["result.txt", "sub/deep.txt"]


def test_a_way_through_a_link_deletes_nothing(tmp_path: Path) -> None:
    shelf = local_shelf(tmp_path / "allowed")
    shelf.put(named(["other/keep.txt", "run/a.txt"]))
    (tmp_path / "allowed" / "run" / "link").symlink_to(tmp_path / "allowed" / "other")
    objects = shelf.open("run")
    failed = objects.delete([Version("link/keep.txt"), Version("../other/keep.txt"), Version("/etc/passwd")])
    assert len(failed) == 3
    assert (tmp_path / "allowed" / "other" / "keep.txt").exists()


def test_a_folder_that_is_a_link_to_outside_is_not_opened(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    shelf = local_shelf(tmp_path / "allowed")
    shelf.put(named(["x"]))
    (tmp_path / "allowed" / "run").symlink_to(outside)
    with pytest.raises(StoreFailure) as caught:
        shelf.open("run")
    assert caught.value.failure is Failure.NOT_ALLOWED


def test_folders_nested_too_deep_are_told(tmp_path: Path) -> None:
    shelf = local_shelf(tmp_path)
    shelf.put({"run/" + "d/" * 99 + "x": b""})
    assert len(keys_of(shelf.open("run"))) == 1
    shelf.put({"run/" + "d/" * 100 + "x": b""})
    with pytest.raises(StoreFailure) as caught:
        keys_of(shelf.open("run"))
    assert caught.value.failure is Failure.NOT_ALLOWED


def test_names_that_are_no_unicode(tmp_path: Path) -> None:
    shelf = local_shelf(tmp_path)
    shelf.put(named(["run/a"]))
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/run/\xff\xfe")).write_bytes(b"odd")
    objects = shelf.open("run")
    assert keys_of(objects) == ["a", "\udcff\udcfe"] and objects.read("\udcff\udcfe", 0, 9).data == b"odd"
    assert objects.delete([Version("\udcff\udcfe")]) == [] and keys_of(objects) == ["a"]
