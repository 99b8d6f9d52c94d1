"""S3 behind one small interface, through boto3 in threads.

Credentials come only from boto3's own chain (environment, profile, role of the machine): no setting of ours holds one, and
no message of ours repeats one. Nothing is retried in here: whoever calls knows whether the call may be done again.
"""

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

#: Answers that say that the object is there already: 412 by the condition, 409 while another is putting it.
_EXISTS = 412
_CONNECT_SECONDS = 5
_READ_SECONDS = 60
_CONNECTIONS = 20
#: What an object may hold: far above what we put, and little enough to be read into memory.
MOST_BYTES = 2**30

_HINTS = {
    "NoSuchBucket": "make the bucket, the tracker makes none",
    "AccessDenied": "the credentials lack a right: it takes ListBucket, GetObject and PutObject",
    "InvalidAccessKeyId": "check the credentials that boto3 finds",
    "SignatureDoesNotMatch": "check the credentials that boto3 finds, and the region",
    "ExpiredToken": "renew the credentials",
}


class StoreUnavailable(Exception):
    """S3 cannot be reached, refuses or does not answer; the same call may succeed later. The message says what to look at."""


class ObjectDamaged(ValueError):
    """An object is not what was put: its bytes do not match the hash that was put with it."""


class ObjectStore(Protocol):
    """A bucket. Calls raise StoreUnavailable."""

    bucket: str

    async def put_new(self, key: str, body: bytes) -> bool:
        """Put the object unless one of that key is there: then False, and nothing is changed."""

    async def get(self, key: str) -> bytes:
        """The object's bytes. Raises KeyError if there is none, ObjectDamaged if they are not what was put."""

    async def keys(self, prefix: str) -> Sequence[str]:
        """All keys that start with the prefix, in order."""

    def close(self) -> None:
        """Close the connections."""


def make_client(endpoint: str, read_seconds: float = _READ_SECONDS) -> Any:
    """A client of boto3 that several threads may share. It connects when it is first used, and tries nothing again.

    `endpoint`: URL of a store that is not Amazon's, which is then addressed by path.
    """
    config = Config(
        signature_version="s3v4",  # of presigned addresses too, for which boto3 has an older default
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=read_seconds,
        max_pool_connections=_CONNECTIONS,
        retries={"total_max_attempts": 1, "mode": "standard"},
        s3={"addressing_style": "path" if endpoint else "auto"},
        # Content-MD5 is understood by every store; checksums in trailers are not.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.session.Session().client("s3", endpoint_url=endpoint or None, config=config)


class S3Store:
    """One bucket. Thread-safe; each call may wait for a connection 5 s and for bytes 60 s, and raises StoreUnavailable."""

    def __init__(self, bucket: str, endpoint: str = "", read_seconds: float = _READ_SECONDS) -> None:
        """`endpoint`: URL of a store that is not Amazon's, which is then addressed by path."""
        self.bucket = bucket
        self._endpoint = endpoint
        self._client: Any = None
        self._read_seconds = read_seconds

    async def put_new(self, key: str, body: bytes) -> bool:
        return await asyncio.to_thread(self._put_new, key, body)

    async def get(self, key: str) -> bytes:
        return await asyncio.to_thread(self._get, key)

    async def keys(self, prefix: str) -> Sequence[str]:
        return await asyncio.to_thread(self._keys, prefix)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    # --- in threads ----------------------------------------------------------------------------

    def _put_new(self, key: str, body: bytes) -> bool:
        try:
            self._connected().put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                IfNoneMatch="*",
                ContentType="application/zstd",
                ContentMD5=base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(),
                Metadata={"sha256": hashlib.sha256(body).hexdigest()},
            )
        except ClientError as e:
            if _status(e) == _EXISTS:
                return False
            raise self._unavailable(e, f"put {key}") from e
        except BotoCoreError as e:
            raise self._unavailable(e, f"put {key}") from e
        return True

    def _get(self, key: str) -> bytes:
        try:
            answer = self._connected().get_object(Bucket=self.bucket, Key=key)
            with answer["Body"] as stream:
                body: bytes = stream.read(MOST_BYTES + 1)
        except ClientError as e:
            if e.response.get("Error", {}).get("Code") == "NoSuchKey":
                raise KeyError(key) from e
            raise self._unavailable(e, f"get {key}") from e
        except (BotoCoreError, OSError) as e:
            raise self._unavailable(e, f"get {key}") from e
        if len(body) > MOST_BYTES:
            raise ObjectDamaged(
                f"{self._name(key)} is larger than {MOST_BYTES} bytes: the tracker did not write it"
            )
        # Copies made by other tools may have lost the hash; then what the object holds must do.
        expected = answer.get("Metadata", {}).get("sha256")
        if expected and expected != hashlib.sha256(body).hexdigest():
            raise ObjectDamaged(f"{self._name(key)} is damaged: its SHA-256 is not the one it was put with")
        return body

    def _keys(self, prefix: str) -> list[str]:
        try:
            pages = (
                self._connected().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
            )
            return sorted(item["Key"] for page in pages for item in page.get("Contents", ()))
        except (ClientError, BotoCoreError) as e:
            raise self._unavailable(e, f"list {prefix}") from e

    def _connected(self) -> Any:
        if self._client is None:  # two threads may make one each; one of them stays
            self._client = make_client(self._endpoint, self._read_seconds)
        return self._client

    def _name(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def _unavailable(self, error: Exception, doing: str) -> StoreUnavailable:
        where = f"S3 at {self._endpoint or 'Amazon'}, bucket {self.bucket}, to {doing}"
        if isinstance(error, ClientError):
            code = str(error.response.get("Error", {}).get("Code", ""))
            hint = _HINTS.get(code)
            return StoreUnavailable(f"{where}: {code} ({_status(error)}){f'; {hint}' if hint else ''}")
        return StoreUnavailable(f"{where}: {type(error).__name__}: {str(error)[:300]}")


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
