"""The settings of files that runs leave behind: where they may be read, what they cost, how they are listed."""

import re
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

_S3_FOLDER = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^/,\0]{1,255}){0,20}/?")
#: US dollars for a GiB a month.
Price = Annotated[Decimal, Field(ge=0, le=1000)]


def is_absolute(url: str) -> bool:
    """Whether it is an absolute http or https URL."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def listed(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated list."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


class FileSettings(BaseSettings):
    """A part of `Settings`."""

    s3_endpoint: str = Field(
        "",
        description="URL of an S3 that is not Amazon's, such as http://minio:9000; it is addressed by path.",
    )
    s3_browser: str = Field(
        "https://console.aws.amazon.com/s3/buckets/{bucket}?prefix={prefix}",
        description="Where pages link S3 folders to: an address with {bucket} and {prefix}; empty: nowhere.",
    )
    local_roots: str = Field(
        "",
        description="Folders of this machine, comma-separated, in which outputs, logs and tasks' files may be read, and outputs "
        "deleted. A runner's word for a path is not trusted: links are resolved first, and nothing outside is opened.",
    )
    s3_roots: str = Field(
        "",
        description="The same on S3: s3://BUCKET[/PREFIX], comma-separated. Without it no bucket is read. Credentials come from "
        "boto3's own chain.",
    )
    s3_presign: bool | None = Field(
        None,
        description="Whether downloads from S3 lead to the store itself, by an address that works for five minutes; else they "
        "come through the tracker. Default: only from Amazon's, since another may not be reached by people.",
    )
    s3_price_frequent: Price = Field(
        Decimal("0.023"),
        description="What a GiB of outputs costs a month, in US dollars, while it is read often (see docs/outputs.md).",
    )
    s3_price_infrequent: Price = Field(
        Decimal("0.0125"), description="The same when nobody has read it for 30 days."
    )
    s3_price_archive: Price = Field(
        Decimal("0.004"), description="The same when nobody has read it for 90 days."
    )
    outputs_most: int = Field(
        1_000_000, ge=1, le=100_000_000, description="Objects of one run that are listed at most."
    )
    outputs_retry_hours: float = Field(
        24,
        ge=0,
        le=720,
        description="For how long after a run's end its outputs are looked for again while the store is away.",
    )

    @field_validator("s3_endpoint")
    @classmethod
    def _endpoint_holds_no_secret(cls, value: str) -> str:
        url = urlsplit(value)
        if value and not is_absolute(value):
            raise ValueError("say an absolute URL, such as http://minio:9000")
        if "@" in url.netloc or url.query or url.fragment:
            raise ValueError(
                "credentials do not go into the URL: boto3 finds them in its own places, such as AWS_… variables"
            )
        return value.rstrip("/")

    @field_validator("s3_browser")
    @classmethod
    def _browser_is_an_address(cls, value: str) -> str:
        if value and not (is_absolute(value) and "{bucket}" in value):
            raise ValueError(
                "say an absolute URL with {bucket}, such as https://s3.example.org/{bucket}/{prefix}"
            )
        return value

    @field_validator("s3_roots")
    @classmethod
    def _roots_are_buckets(cls, value: str) -> str:
        for text in listed(value):
            if not _S3_FOLDER.fullmatch(text) or {".", ".."} & set(text.split("/")):
                raise ValueError(f"{text[:100]!r}: say s3://BUCKET or s3://BUCKET/PREFIX, comma-separated")
        return value

    @cached_property
    def roots(self) -> tuple[Path, ...]:
        """The folders of `local_roots`."""
        return tuple(Path(p) for p in listed(self.local_roots))

    @cached_property
    def s3_folders(self) -> tuple[str, ...]:
        """The folders of `s3_roots`."""
        return listed(self.s3_roots)

    @property
    def presigns(self) -> bool:
        """Whether downloads from S3 lead to the store itself."""
        return not self.s3_endpoint if self.s3_presign is None else self.s3_presign
