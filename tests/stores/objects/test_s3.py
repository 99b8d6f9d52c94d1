"""What only S3 has: versions, locked objects, presigned addresses, and every way to fail, each from a real store."""

from urllib.request import urlopen

import pytest

from schemas.settings import Settings
from stores.objects.open import ObjectStores
from stores.objects.paths import folder_of
from stores.objects.port import Failure, StoreFailure, Version
from tests.support.files.shelves import client_of, keys_of, named, s3_shelf
from tests.support.services.process import free_port
from tests.support.services.seaweed import READER_KEY, READER_SECRET, SeaweedS3

pytestmark = pytest.mark.s3


def test_versions_are_all_listed_and_deleted(s3: SeaweedS3) -> None:
    shelf = s3_shelf(s3)
    bucket = shelf.base.removeprefix("s3://")
    assert shelf.open("run").keeps_versions() is False
    client_of(s3).put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    run = shelf.open("run")
    assert run.keeps_versions() is True
    shelf.put({"run/a": b"first", "run-2/a": b"kept"})
    shelf.put({"run/a": b"second!"})
    client_of(s3).put_object(Bucket=bucket, Key="run/gone", Body=b"x")
    client_of(s3).delete_object(Bucket=bucket, Key="run/gone")
    versions = [v for page in run.versions() for v in page]
    assert sorted((v.key, v.size, v.latest) for v in versions) == [
        ("a", 5, False), ("a", 7, True), ("gone", 0, True), ("gone", 1, False),
    ]  # fmt: skip
    assert keys_of(run) == ["a"]
    assert run.delete(versions) == [] and list(run.versions()) == []
    assert [len(page) for page in shelf.open("run-2").versions()] == [1]


def test_keys_of_the_greatest_length(s3: SeaweedS3) -> None:
    shelf = s3_shelf(s3)
    longest = ("d" * 49 + "/") * 20 + "x" * 20  # with run/ it has 1,024 bytes
    shelf.put({f"run/{longest}": b"1"})
    run = shelf.open("run")
    assert keys_of(run) == [longest] and run.read(longest, 0, 9).data == b"1"
    with pytest.raises(StoreFailure) as caught:
        run.read(longest + "x", 0, 1)
    assert caught.value.failure is Failure.NOT_FOUND
    assert run.delete([Version(longest)]) == [] and keys_of(run) == []


def test_an_address_that_needs_no_credentials(s3: SeaweedS3) -> None:
    shelf = s3_shelf(s3)
    shelf.put({"run/ü \n.txt": b"body"})
    assert shelf.open("run").presigned("ü \n.txt", "ü.txt", 60) is None, (
        "not from another store than Amazon's"
    )
    settings = shelf.settings.model_copy(update={"s3_presign": True})
    url = ObjectStores(settings).open(shelf.folder("run")).presigned("ü \n.txt", "ü.txt", 60)
    assert url is not None
    with urlopen(url) as answer:
        assert answer.read() == b"body"


def failure_of(settings: Settings, path: str) -> StoreFailure:
    with pytest.raises(StoreFailure) as caught:
        keys_of(ObjectStores(settings).open(folder_of(path)))
    return caught.value


def test_each_way_to_fail(s3: SeaweedS3, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = s3_shelf(s3)
    shelf.put(named(["run/a"]))
    missing = failure_of(
        Settings(s3_endpoint=s3.endpoint, s3_roots="s3://no-such-bucket"), "s3://no-such-bucket/x"
    )
    assert missing.failure is Failure.NO_BUCKET and "s3://no-such-bucket" in str(missing)
    away = Settings(s3_endpoint=f"http://127.0.0.1:{free_port()}", s3_roots=shelf.base)
    assert failure_of(away, f"{shelf.base}/run").failure is Failure.AWAY
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", READER_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", READER_SECRET)
    reader = ObjectStores(shelf.settings).open(shelf.folder("run"))
    assert keys_of(reader) == ["a"]
    [kept] = reader.delete([Version("a")])
    assert (kept.version.key, kept.reason) == ("a", "AccessDenied"), "an answer of 200 that names it"
    assert keys_of(reader) == ["a"]
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    denied = failure_of(shelf.settings, f"{shelf.base}/run")
    assert denied.failure is Failure.ACCESS_DENIED and "wrong" not in str(denied)
