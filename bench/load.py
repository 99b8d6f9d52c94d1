"""Load: real task records, encoded beforehand so that the clients cost little, and clients that send as fast as they can."""

import json
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from tests.support.stacks import runner

RECORDS = 100  # of one request, which is the most that Nextflow sends
REQUESTS_OF_A_RUN = 50
INSTANT = 1_795_546_905_000


class Wire:
    """A kept connection that sends bytes as they are: an HTTP client without what costs time."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def put(self, path: str, body: bytes, method: str = "PUT") -> bytes:
        """The body of the answer, which must be a 200."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer any\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + body)
        status, length = self._file.readline(), 0
        while (line := self._file.readline().strip().lower()) != b"":
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        answer = self._file.read(length)
        if b" 200 " not in status:
            raise RuntimeError(f"{method} {path} answered {status!r} {answer[:300]!r}")
        return answer

    def get(self, path: str) -> Any:
        return json.loads(self.put(path, b"", "GET"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()


def real_records() -> list[dict[str, Any]]:
    """The finished task records of a real run of 2,551 tasks, as Nextflow sent them."""
    requests = runner.load("larger")
    records = [t for r in requests for t in r["body"].get("tasks") or () if t["status"] == "COMPLETED"]
    return [*{t["taskId"]: t for t in records}.values()]


#: What a task on AWS Batch has beside what the records of a local run have.
_BATCH = {
    "container": "quay.io/biocontainers/mulled-v2-1fa26d1ce03c295fe2fdcf85831a92fbcbd7e8c2:1df389393721fc66f3fd8778ad938ac7119-0",
    "queue": "arn:aws:batch:eu-west-1:123456789012:job-queue/work-2aBcDeFgHiJkLm",
    "executor": "awsbatch",
    "machineType": "m5.4xlarge",
    "cloudZone": "eu-west-1b",
    "priceModel": "spot",
    "hostname": "ip-10-0-12-77.eu-west-1.compute.internal",
    "cpus": 4,
    "memory": 17_179_869_184,
    "disk": 107_374_182_400,
    "time": 28_800_000,
    "pcpu": 372.4,
    "pmem": 41.3,
    "cpuModel": "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz",
    "rss": 7_123_456_789,
    "vmem": 9_123_456_789,
    "peakRss": 8_123_456_789,
    "peakVmem": 9_923_456_789,
    "rchar": 123_456_789_012,
    "wchar": 23_456_789_012,
    "syscr": 1_234_567,
    "syscw": 234_567,
    "readBytes": 12_345_678_901,
    "writeBytes": 2_345_678_901,
    "volCtxt": 12_345,
    "invCtxt": 1_234,
}


def batch_records() -> list[dict[str, Any]]:
    """The real records as AWS Batch would have run them."""
    return [
        r
        | _BATCH
        | {"nativeId": f"a2b0c1d2-1111-4222-8333-{n:012d}", "workdir": f"s3://lab-work/work/ab/{n:030x}"}
        for n, r in enumerate(real_records())
    ]


#: The kinds of records that are measured.
KINDS: dict[str, Callable[[], list[dict[str, Any]]]] = {"local run": real_records, "AWS Batch": batch_records}


def bodies(requests: int, records: int, kind: str = "local run") -> list[bytes]:
    """The progress requests of one run, with `records` finished tasks each, and the runner's totals as they grow."""
    real, made = KINDS[kind](), []
    for r in range(requests):
        first = r * records
        tasks = [real[(first + n) % len(real)] | {"taskId": first + n + 1} for n in range(records)]
        totals = dict.fromkeys(("pending", "submitted", "running", "failed", "cached", "ignored"), 0)
        progress = {**totals, "succeeded": first + records, "retries": 0, "aborted": 0, "processes": []}
        made.append(json.dumps({"tasks": tasks, "progress": progress, "instant": INSTANT + r}).encode())
    return made


def begin(wire: Wire, name: str) -> str:
    """A new run; its id."""
    told = {"runName": name, "sessionId": name, "instant": time.time_ns() // 1_000_000}
    run_id: str = json.loads(wire.put("/trace/create", json.dumps(told).encode(), "POST"))["workflowId"]
    workflow = {"runName": name, "sessionId": name, "start": "2026-11-24T18:00:00Z"}
    wire.put(f"/trace/{run_id}/begin", json.dumps({"workflow": workflow, "instant": INSTANT}).encode())
    return run_id


@dataclass(frozen=True)
class Sent:
    """What was accepted, in how long."""

    requests: int
    seconds: float
    last_sent: float  # on the clock of time.monotonic()
    answers: Sequence[float] = ()  # how long each answer of `progress` took (s)

    @property
    def records(self) -> int:
        return self.requests * RECORDS

    @property
    def per_second(self) -> float:
        return self.records / self.seconds


def as_fast_as_possible(urls: Sequence[str], clients: int, seconds: float, kind: str = "local run") -> Sent:
    """Each client sends run after run, the next request when the last is answered, until the time is over."""
    requests = bodies(REQUESTS_OF_A_RUN, RECORDS, kind)
    answers: list[float] = []
    began = time.monotonic()
    over: Callable[[], bool] = lambda: time.monotonic() - began > seconds  # noqa: E731

    def client(n: int) -> int:
        sent = 0
        with Wire(urls[n % len(urls)]) as wire:
            while not over():
                run_id = begin(wire, f"bench-{n}-{sent}")
                for body in requests:
                    asked = time.perf_counter()
                    wire.put(f"/trace/{run_id}/progress", body)
                    answers.append(time.perf_counter() - asked)
                    sent += 1
                    if over():
                        break
        return sent

    with ThreadPoolExecutor(clients) as pool:
        total = sum(pool.map(client, range(clients)))
    return Sent(total, time.monotonic() - began, time.monotonic(), answers)


@dataclass
class LiveRuns:
    """Runs that go on at the pace of real ones, in the background, and how long their answers took (seconds)."""

    urls: Sequence[str]
    count: int
    seconds_between: float = 1.0
    records: int = 10
    requests: int = 200

    def __post_init__(self) -> None:
        self.answers: list[float] = []
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(self.count)

    def __enter__(self) -> Self:
        requests = bodies(self.requests, self.records)
        self._work = [self._pool.submit(self._play, n, requests) for n in range(self.count)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        for work in self._work:
            work.result()

    def _play(self, n: int, requests: list[bytes]) -> None:
        with Wire(self.urls[n % len(self.urls)]) as wire:
            run_id = begin(wire, f"live-{n}-{time.monotonic()}")
            self._stop.wait(self.seconds_between * n / self.count)  # not all at the same moment
            for body in requests:
                began = time.perf_counter()
                wire.put(f"/trace/{run_id}/progress", body)
                self.answers.append(time.perf_counter() - began)
                if self._stop.wait(self.seconds_between):
                    return
