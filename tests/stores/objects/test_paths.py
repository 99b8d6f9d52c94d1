"""Paths that runners tell, made into folders or refused; and which folders may be deleted."""

import pytest

from stores.objects.paths import Folder, InUse, folder_of, is_key, object_of, output_path, refusal
from stores.objects.port import Failure, StoreFailure


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("s3://bucket/results", "s3://bucket/results/"),
        ("s3://bucket/results/", "s3://bucket/results/"),
        ("s3://bucket//results///a", "s3://bucket/results/a/"),
        ("s3://bucket", "s3://bucket/"),
        ("s3://bucket/a b/ü/\n/%2e%2e", "s3://bucket/a b/ü/\n/%2e%2e/"),
        ("s3://bucket/..a/b..", "s3://bucket/..a/b../"),
        ("s3://bucket/" + "ü" * 511, "s3://bucket/" + "ü" * 511 + "/"),
        ("/data/results", "/data/results/"),
        ("/", "/"),
        ("file:///data/x", "/data/x/"),
        ("file:/data/x", "/data/x/"),
    ],
)
def test_a_path_is_a_folder(path: str, uri: str) -> None:
    assert folder_of(path).uri == uri
    assert folder_of(uri) == folder_of(path)


@pytest.mark.parametrize(
    ("path", "failure"),
    [
        ("", Failure.NOT_S3),
        ("results", Failure.NOT_S3),
        ("./results", Failure.NOT_S3),
        ("gs://bucket/x", Failure.NOT_S3),
        ("https://bucket.s3.example/x", Failure.NOT_S3),
        ("s3://", Failure.NOT_S3),
        ("s3:///x", Failure.NOT_S3),
        ("s3://Bucket/x", Failure.NOT_S3),
        ("s3://a..b/x", Failure.NOT_S3),
        ("s3://bucket\n/x", Failure.NOT_S3),
        ("file://host/x", Failure.NOT_S3),
        ("s3://bucket/a/../b", Failure.NOT_ALLOWED),
        ("s3://bucket/..", Failure.NOT_ALLOWED),
        ("s3://bucket/./b", Failure.NOT_ALLOWED),
        ("/data/../etc", Failure.NOT_ALLOWED),
        ("/data/\0", Failure.NOT_ALLOWED),
        ("s3://bucket/" + "ü" * 512, Failure.NOT_ALLOWED),
    ],
)
def test_what_is_no_folder_is_refused(path: str, failure: Failure) -> None:
    with pytest.raises(StoreFailure) as caught:
        folder_of(path)
    assert caught.value.failure is failure


def test_a_neighbour_whose_name_begins_the_same_is_another_folder() -> None:
    one, neighbour, inner = (folder_of(f"s3://bkt/{p}") for p in ("run", "run-2", "run/x"))
    assert not one.contains(neighbour) and not one.overlaps(neighbour)
    assert one.contains(inner) and not inner.contains(one) and one.overlaps(inner) and inner.overlaps(one)
    assert not one.overlaps(folder_of("s3://other/run")) and not one.overlaps(folder_of("/run"))


@pytest.mark.parametrize(
    ("output_dir", "params", "path"),
    [
        ("s3://bkt/told", {"outdir": "s3://bkt/param"}, "s3://bkt/told"),
        ("", {"outdir": "s3://bkt/param", "publish_dir": "s3://bkt/other"}, "s3://bkt/param"),
        ("", {"outdir": " ", "publish_dir": "s3://bkt/other"}, "s3://bkt/other"),
        ("", {"outdir": 7, "output_dir": "/abs"}, "/abs"),
        ("", {"outdir": "results"}, "/launch/results"),
        ("./results/a", {}, "/launch/results/a"),
        ("../up", {}, "/launch/../up"),
        ("gs://b/x", {}, "gs://b/x"),
        ("", {}, ""),
    ],
)
def test_where_the_results_go(output_dir: str, params: dict[str, object], path: str) -> None:
    assert output_path(output_dir, params, "/launch/") == path


def test_a_relative_path_without_a_launch_folder_stays_one() -> None:
    assert output_path("", {"outdir": "results"}, "") == "results"


@pytest.mark.parametrize("key", ["a", "a/b", "a//b", "a\nb", "..a", "ü/\u202e", "x" * 1024])
def test_keys(key: str) -> None:
    assert is_key(key)


@pytest.mark.parametrize("key", ["", "/a", "../a", "a/../b", "a/..", "./a", "a\0", "x" * 5000])
def test_no_keys(key: str) -> None:
    assert not is_key(key)


def test_a_file_is_a_key_in_its_folder() -> None:
    assert object_of("s3://bkt/x/run.log") == (Folder("bkt", "x/"), "run.log")
    assert object_of("/x/run.log") == (Folder("", "/x/"), "run.log")
    for path in ("run.log", "s3://bkt/x/", "/x/..", ""):
        with pytest.raises(StoreFailure):
            object_of(path)


ROOTS = [folder_of("s3://bkt/runs"), folder_of("/data"), folder_of("s3://whole")]
IN_USE = [InUse(folder_of("s3://bkt/runs/r1/work"), "work"), InUse(folder_of("s3://bkt/runs/live"), "live")]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("s3://bkt/runs/r2", None),
        ("s3://bkt/runs/livelier", None),
        ("s3://whole/x", None),
        ("/data/x", None),
        ("s3://whole", "a whole bucket"),
        ("s3://bkt", "a whole bucket"),
        ("/", "the root of the file system"),
        ("/data", "a whole folder that the settings allow"),
        ("s3://bkt/runs", "a whole folder that the settings allow"),
        ("s3://bkt/other", "outside of the folders that the settings allow"),
        ("/etc", "outside of the folders that the settings allow"),
        ("s3://bkt/runs/r1", "work"),
        ("s3://bkt/runs/r1/work", "work"),
        ("s3://bkt/runs/r1/work/ab", "work"),
        ("s3://bkt/runs/live", "live"),
        ("s3://bkt/runs/live/part", "live"),
    ],
)
def test_what_may_be_deleted(path: str, why: str | None) -> None:
    found = refusal(folder_of(path), ROOTS, IN_USE)
    assert (found is None) if why is None else (found is not None and why in found)
