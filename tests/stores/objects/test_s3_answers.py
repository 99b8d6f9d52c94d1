"""Answers of S3 that a store of the tests gives at no time: too many requests, and single keys that stay in an answer of 200."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from stores.objects.paths import Folder
from stores.objects.port import Failure, StoreFailure, Version
from stores.objects.s3 import S3Objects

VERSIONS = [Version("a", "v1", 3), Version("a", "v2", 3), Version("ü\n", "", 3)]


@pytest.fixture
def stubbed() -> Iterator[tuple[S3Objects, Stubber]]:
    client: Any = boto3.client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id="k",
        aws_secret_access_key="s",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with Stubber(client) as stubber:
        yield S3Objects(Folder("bucket", "run/"), client), stubber
        stubber.assert_no_pending_responses()
    client.close()


def errors(*told: tuple[str, str, str]) -> dict[str, Any]:
    return {"Errors": [{"Key": key, "VersionId": version, "Code": code} for key, version, code in told]}


def test_a_locked_version_is_kept_and_one_that_is_gone_is_not(stubbed: tuple[S3Objects, Stubber]) -> None:
    objects, stubber = stubbed
    stubber.add_response(
        "delete_objects",
        errors(
            ("run/a", "v1", "AccessDenied"), ("run/a", "v2", "NoSuchVersion"), ("run/b", "", "AccessDenied")
        ),
        {
            "Bucket": "bucket",
            "Delete": {
                "Objects": [
                    {"Key": "run/a", "VersionId": "v1"},
                    {"Key": "run/a", "VersionId": "v2"},
                    {"Key": "run/ü\n"},
                ],
                "Quiet": True,
            },
        },
    )
    [kept] = objects.delete(VERSIONS)
    assert (kept.version, kept.reason) == (VERSIONS[0], "AccessDenied")


@pytest.mark.parametrize("code", ["SlowDown", "InternalError"])
def test_a_key_that_the_store_had_no_time_for_is_tried_again(
    stubbed: tuple[S3Objects, Stubber], code: str
) -> None:
    objects, stubber = stubbed
    stubber.add_response("delete_objects", errors(("run/a", "v1", code)))
    with pytest.raises(StoreFailure, match=code) as caught:
        objects.delete(VERSIONS)
    assert caught.value.failure is Failure.AWAY


def test_too_many_requests_are_no_end(stubbed: tuple[S3Objects, Stubber]) -> None:
    objects, stubber = stubbed
    for operation in ("list_objects_v2", "delete_objects", "get_object"):
        stubber.add_client_error(operation, "SlowDown", "Please reduce your request rate.", 503)
    for ask in (
        lambda: list(objects.entries()),
        lambda: objects.delete(VERSIONS),
        lambda: objects.read("a", 0, 1),
    ):
        with pytest.raises(StoreFailure, match="SlowDown") as caught:
            ask()
        assert caught.value.failure is Failure.AWAY
