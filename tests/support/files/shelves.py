"""Folders of objects for tests, on this machine and on a real S3. No test stands here."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from schemas.settings import Settings
from stores.objects.open import ObjectStores
from stores.objects.paths import Folder, folder_of
from stores.objects.port import Objects
from tests.support.services.seaweed import ACCESS_KEY, SECRET_KEY, SeaweedS3

_BUCKETS = (f"objects-{n}" for n in count())


@dataclass(frozen=True)
class Shelf:
    """A place for folders. `base` is its path, `put` writes objects by their keys below it."""

    base: str
    put: Callable[[Mapping[str, bytes]], None]
    settings: Settings

    def folder(self, name: str) -> Folder:
        return folder_of(f"{self.base}/{name}")

    def open(self, name: str) -> Objects:
        return ObjectStores(self.settings).open(self.folder(name))


def local_shelf(folder: Path) -> Shelf:
    def put(objects: Mapping[str, bytes]) -> None:
        for key, body in objects.items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)

    return Shelf(str(folder), put, Settings(local_roots=str(folder)))


def client_of(s3: SeaweedS3) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=s3.endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(max_pool_connections=20),
    )


def s3_shelf(s3: SeaweedS3, bucket: str = "") -> Shelf:
    """In a bucket of its own."""
    bucket = bucket or next(_BUCKETS)
    s3.make_bucket(bucket)
    client = client_of(s3)

    def put(objects: Mapping[str, bytes]) -> None:
        with ThreadPoolExecutor(8) as threads:
            done = [
                threads.submit(client.put_object, Bucket=bucket, Key=key, Body=body)
                for key, body in objects.items()
            ]
            for future in done:
                future.result()

    return Shelf(f"s3://{bucket}", put, Settings(s3_endpoint=s3.endpoint, s3_roots=f"s3://{bucket}"))


def keys_of(objects: Objects, after: str = "") -> list[str]:
    return [e.key for page in objects.entries(after) for e in page]


def named(keys: Iterable[str]) -> dict[str, bytes]:
    """Objects whose bodies are their keys."""
    return {key: key.encode() for key in keys}
