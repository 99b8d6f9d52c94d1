"""Objects of S3, through boto3. Nothing is retried in here: whoever calls knows whether the call may be done again."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from stores.objects.paths import KEY_BYTES, Folder, is_key
from stores.objects.port import PAGE, Entry, Failure, Level, NotDeleted, Part, StoreFailure, Version

T = TypeVar("T")
_CHUNK = 2**18

_FAILURES = {
    "NoSuchBucket": Failure.NO_BUCKET,
    "NoSuchKey": Failure.NOT_FOUND,
    "404": Failure.NOT_FOUND,  # HEAD has no body that says more
    "InvalidBucketName": Failure.NOT_S3,
    **dict.fromkeys(
        (
            "AccessDenied",
            "403",
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "ExpiredToken",
            "AllAccessDisabled",
        ),
        Failure.ACCESS_DENIED,
    ),
}
_WORDS = {
    Failure.NO_BUCKET: "there is no such bucket",
    Failure.NOT_FOUND: "there is no such object",
    Failure.ACCESS_DENIED: "the store denies access with the credentials that the tracker has",
    Failure.NOT_S3: "the store knows no bucket of such a name",
}
#: What stores answer that have no versions, or do not tell of them.
_NO_VERSIONS = frozenset({"NotImplemented", "MethodNotAllowed", "AccessDenied"})

#: What stores answer for a single key that a later request deletes.
_BUSY = frozenset({"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "503", "500"})


class S3Objects:
    """The objects below one folder of a bucket. `client`: boto3's, which several threads may share."""

    def __init__(self, folder: Folder, client: Any, presigns: bool = True) -> None:
        self.folder, self._client, self._presigns = folder, client, presigns

    def entries(self, after: str = "") -> Iterator[Sequence[Entry]]:
        place: dict[str, str] = {"StartAfter": self._key(after)} if after else {}
        while True:
            answer = self._call("list", lambda place=place: self._list(**place))  # type: ignore[misc]
            page = [self._entry(item) for item in answer.get("Contents", ())]
            if page := [e for e in page if e.key and (e.size or not e.key.endswith("/"))]:
                yield page
            if not answer.get("IsTruncated"):
                return
            place = {"ContinuationToken": answer["NextContinuationToken"]}

    def level(self, path: str = "", most: int = PAGE) -> Level:
        folders: list[str] = []
        entries: list[Entry] = []
        place: dict[str, str] = {}
        while True:
            answer = self._call(
                "list",
                lambda place=place: self._list(  # type: ignore[misc]
                    **place, Prefix=self._key(path), Delimiter="/", MaxKeys=min(PAGE, most)
                ),
            )
            folders += [
                item["Prefix"][len(self.folder.prefix) :] for item in answer.get("CommonPrefixes", ())
            ]
            found = [self._entry(item) for item in answer.get("Contents", ())]
            entries += [e for e in found if not e.key.endswith("/") and e.key]
            if not answer.get("IsTruncated") or len(folders) + len(entries) >= most:
                return Level(folders, entries, bool(answer.get("IsTruncated")))
            place = {"ContinuationToken": answer["NextContinuationToken"]}

    def versions(self) -> Iterator[Sequence[Version]]:
        place: dict[str, str] = {}
        while True:
            answer = self._call(
                "list versions",
                lambda place=place: self._client.list_object_versions(  # type: ignore[misc]
                    Bucket=self.folder.bucket, Prefix=self.folder.prefix, MaxKeys=PAGE, **place
                ),
            )
            found = [*answer.get("Versions", ()), *answer.get("DeleteMarkers", ())]
            if found:
                yield [
                    Version(
                        item["Key"][len(self.folder.prefix) :],
                        item.get("VersionId") or "",
                        item.get("Size", 0),
                        bool(item.get("IsLatest")),
                    )
                    for item in found
                ]
            if not answer.get("IsTruncated"):
                return
            place = {"KeyMarker": answer["NextKeyMarker"]}
            if answer.get("NextVersionIdMarker"):
                place["VersionIdMarker"] = answer["NextVersionIdMarker"]

    def keeps_versions(self) -> bool | None:
        try:
            status = self._client.get_bucket_versioning(Bucket=self.folder.bucket).get("Status")
        except ClientError as e:
            if _code(e) in _NO_VERSIONS:
                return None
            raise self._failure(e, "ask for versions") from e
        except BotoCoreError as e:
            raise self._failure(e, "ask for versions") from e
        return status in ("Enabled", "Suspended")

    def read(self, key: str, start: int, most: int) -> Part:
        if most <= 0:
            raise ValueError("most: at least one byte")
        # A suffix that is longer than the object is all of it.
        wanted = f"bytes={start}" if start < 0 else f"bytes={start}-{start + most - 1}"
        try:
            answer = self._call("get", lambda: self._get(key, Range=wanted))
        except StoreFailure as e:
            if (
                isinstance(e.__cause__, ClientError) and _code(e.__cause__) == "InvalidRange"
            ):  # nothing is there
                answer = self._call("get", lambda: self._get(key))
                answer["Body"].close()
                size = int(answer["ContentLength"])
                return Part(b"", size, size, _ms(answer["LastModified"]))
            raise

        def body() -> bytes:
            with answer["Body"] as stream:
                return bytes(stream.read(most))

        data = self._call("get", body)
        placed, _, size = answer.get("ContentRange", "").removeprefix("bytes ").partition("/")
        first = int(placed.partition("-")[0] or 0)
        return Part(data, first, int(size or answer["ContentLength"]), _ms(answer["LastModified"]))

    def stream(self, key: str) -> tuple[int, Iterator[bytes]]:
        answer = self._call("get", lambda: self._get(key))

        def chunks() -> Iterator[bytes]:
            with answer["Body"] as stream:
                while chunk := self._call("get", lambda: stream.read(_CHUNK)):
                    yield chunk

        return int(answer["ContentLength"]), chunks()

    def presigned(self, key: str, file_name: str, seconds: int) -> str | None:
        if not self._presigns:
            return None
        disposition = f"attachment; filename*=UTF-8''{quote(file_name, safe='', errors='replace')}"
        parameters = {
            "Bucket": self.folder.bucket,
            "Key": self._key(key),
            "ResponseContentDisposition": disposition,
        }
        return str(
            self._call(
                "sign",
                lambda: self._client.generate_presigned_url(
                    "get_object", Params=parameters, ExpiresIn=seconds
                ),
            )
        )

    def delete(self, versions: Sequence[Version]) -> Sequence[NotDeleted]:
        if not versions:
            return []
        named = {(self._key(v.key), v.version_id): v for v in versions}
        items = [{"Key": key} | ({"VersionId": id} if id else {}) for key, id in named]
        answer = self._call(
            "delete",
            lambda: self._client.delete_objects(
                Bucket=self.folder.bucket, Delete={"Objects": items, "Quiet": True}
            ),
        )
        # The answer is 200 although some are still there: locked ones, or those that we may not delete.
        kept = [
            NotDeleted(version, str(error.get("Code") or "unknown"))
            for error in answer.get("Errors", ())
            if (version := _named(named, error)) and error.get("Code") not in ("NoSuchKey", "NoSuchVersion")
        ]
        if busy := next((k.reason for k in kept if k.reason in _BUSY), ""):
            raise StoreFailure(
                Failure.AWAY, f"s3://{self.folder.bucket}, to delete: the store failed ({busy})"
            )
        return kept

    # --- how ---------------------------------------------------------------------------------------

    def _list(self, **more: Any) -> Any:
        every = {"Bucket": self.folder.bucket, "Prefix": self.folder.prefix, "MaxKeys": PAGE}
        return self._client.list_objects_v2(**(every | more))

    def _get(self, key: str, **more: Any) -> Any:
        if not is_key(key):  # what stores say of such a key differs
            raise StoreFailure(Failure.NOT_FOUND, "no object can have such a key")
        return self._client.get_object(Bucket=self.folder.bucket, Key=self._key(key), **more)

    def _key(self, key: str) -> str:
        """The whole key. Raises NOT_FOUND for one that no object can have."""
        whole = self.folder.prefix + key
        try:
            longest = len(whole.encode()) <= KEY_BYTES
        except UnicodeEncodeError:
            longest = False
        if not longest or "\0" in whole:
            raise StoreFailure(Failure.NOT_FOUND, "no object can have such a key")
        return whole

    def _entry(self, item: Any) -> Entry:
        return Entry(
            item["Key"][len(self.folder.prefix) :],
            item["Size"],
            _ms(item["LastModified"]),
            str(item.get("ETag", "")).strip('"'),
            item.get("StorageClass") or "STANDARD",
        )

    def _call(self, doing: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except (ClientError, BotoCoreError, OSError) as e:
            raise self._failure(e, doing) from e

    def _failure(self, error: Exception, doing: str) -> StoreFailure:
        where = f"s3://{self.folder.bucket}"
        if isinstance(error, ClientError):
            failure = _FAILURES.get(_code(error), Failure.AWAY)
            return StoreFailure(
                failure, f"{where}, to {doing}: {_WORDS.get(failure, 'the store failed')} ({_code(error)})"
            )
        if isinstance(error, NoCredentialsError):
            return StoreFailure(Failure.ACCESS_DENIED, f"{where}, to {doing}: the tracker has no credentials")
        return StoreFailure(
            Failure.AWAY, f"{where}, to {doing}: the store does not answer ({type(error).__name__})"
        )


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _named(named: dict[tuple[str, str], Version], error: Any) -> Version | None:
    key = str(error.get("Key") or "")
    return named.get((key, str(error.get("VersionId") or ""))) or named.get((key, ""))


def _ms(time: datetime) -> int:
    return max(0, round(time.timestamp() * 1000))
