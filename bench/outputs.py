"""Outputs at scale, on a real S3: python -m bench.outputs [--objects N]

Fills two equal trees on a SeaweedFS that it starts. One is looked at and deleted by `tracker up`, which is killed with kill -9
half-way through the deletion and started again; the other by plain `list_objects_v2` and `delete_objects` of boto3. Prints
objects a second of both, and what was proved on the way: sums to the byte, the cost by hand, what is left, and that a replay of
the log shows the same while the store is away. Exits 1 where one of these does not hold.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from bench.freshness import machine
from tests.support.files.shelves import client_of
from tests.support.services.seaweed import SeaweedS3, credentials
from tests.support.stacks.stack import EmbeddedStack

BUCKET = "lab-results"
FOLDERS = ("vcf/tumour", "vcf/normal", "qc/fastqc", "qc/multiqc/data", "logs")
#: Of a GiB a month in the dearest and the cheapest tier: the tracker's own defaults.
DEAREST, CHEAPEST = Decimal("0.023"), Decimal("0.004")
_PAGE = 1000
_PATIENCE_SECONDS = 900.0


def main() -> None:
    """Print the machine, the rates and the proofs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--objects", type=int, default=20_000, help="of each of the two trees")
    asked = parser.parse_args()
    print(machine())
    os.environ.update(credentials())
    with tempfile.TemporaryDirectory(prefix="tracker-bench-") as root, SeaweedS3(Path(root) / "s3") as s3:
        bench = Bench(s3, Path(root) / "tracker", tree(asked.objects))
        bench.fill()
        bench.plain()
        bench.ours()
    bench.report()
    if not all(bench.proofs.values()):
        raise SystemExit(1)


def tree(objects: int) -> Mapping[str, int]:
    """Pure. Keys below the folder and their sizes, tiny ones."""
    return {f"{FOLDERS[n % len(FOLDERS)]}/{n:06d}.txt": n % 97 for n in range(objects)}


class Bench:
    """The rates (objects a second) and the proofs of one run of the bench."""

    def __init__(self, s3: SeaweedS3, folder: Path, files: Mapping[str, int]) -> None:
        self.s3, self.folder, self.files = s3, folder, files
        self.client = client_of(s3)
        self.rates: dict[str, float] = {}
        self.proofs: dict[str, bool] = {}

    def fill(self) -> None:
        """Both trees, and neighbours whose keys begin alike."""
        self.s3.make_bucket(BUCKET)
        keys = [(f"{run}/{key}", size) for run in ("ours", "plain") for key, size in self.files.items()]
        keys += [("ours-2/neighbour.txt", 7), ("ours.txt", 7)]
        began = time.perf_counter()
        with ThreadPoolExecutor(16) as threads:
            for _ in threads.map(
                lambda k: self.client.put_object(Bucket=BUCKET, Key=k[0], Body=b"x" * k[1]), keys
            ):
                pass
        self.rates["put, 16 at a time"] = len(keys) / (time.perf_counter() - began)

    def plain(self) -> None:
        """What boto3 reaches by itself, a page after the other."""
        began = time.perf_counter()
        keys = list(self.keys("plain/"))
        self.rates["listed by list_objects_v2"] = len(keys) / (time.perf_counter() - began)
        began = time.perf_counter()
        for start in range(0, len(keys), _PAGE):
            page: Sequence[Any] = [{"Key": key} for key in keys[start : start + _PAGE]]
            self.client.delete_objects(Bucket=BUCKET, Delete={"Objects": page, "Quiet": True})
        self.rates["deleted by delete_objects"] = len(keys) / (time.perf_counter() - began)

    def ours(self) -> None:
        """The same by the tracker, with a kill in between; and a replay when the store is gone."""
        settings = {
            "s3_endpoint": self.s3.endpoint,
            "s3_roots": f"s3://{BUCKET}",
            "tick_seconds": 1,
            "disconnected_after_seconds": 86_400,
        }
        with EmbeddedStack(self.folder, **settings) as stack:
            api = Api(stack.api_url)
            began = time.perf_counter()
            api.run_that_is_over("r1", f"s3://{BUCKET}/ours")
            api.wait("the outputs are listed", lambda: api.outputs("r1").get("state") == "listed")
            self.rates["listed by the tracker, until the API shows it"] = len(self.files) / (
                time.perf_counter() - began
            )
            self.check_index(api)
            self.check_deletion(api, stack)
            api.close()
            stack.up.stop()
            self.s3.kill()
            code, told = stack.command("replay", seconds=_PATIENCE_SECONDS)
            self.proofs["a replay of the log shows the same while the store is away"] = code == 0
            if code:
                print(told[-2000:])

    def check_index(self, api: "Api") -> None:
        size, figure = sum(self.files.values()), api.outputs("r1")
        year = Decimal(size) / 2**30 * 12
        self.proofs["files and bytes are right"] = (figure["files"], figure["bytes"]) == (
            len(self.files),
            size,
        )
        self.proofs["the cost is that of a calculation by hand"] = all(
            abs(Decimal(figure[name]) - year * price) < Decimal("0.000001")
            for name, price in (("annual_cost_low", CHEAPEST), ("annual_cost_high", DEAREST))
        )
        self.proofs["each file is there with its size"] = dict(api.files("r1")) == dict(self.files)

    def check_deletion(self, api: "Api", stack: EmbeddedStack) -> None:
        began = time.perf_counter()
        job = api.delete("r1")
        api.wait("half of it is gone", lambda: sum(1 for _ in self.keys("ours/")) < len(self.files) * 0.6)
        stack.up.kill()
        left = sum(1 for _ in self.keys("ours/"))
        killed_after = time.perf_counter() - began
        self.proofs[f"killed when {left:,} of {len(self.files):,} were left"] = 0 < left < len(self.files)
        stack.up.start()
        began = time.perf_counter()
        api.wait("the job is over", lambda: api.job(job).get("state") in ("succeeded", "failed"))
        self.rates["deleted by the tracker, until it was killed"] = (len(self.files) - left) / killed_after
        self.rates["deleted by the tracker, the rest after its start"] = left / (time.perf_counter() - began)
        self.proofs["started again it finishes"] = api.job(job)["state"] == "succeeded"
        self.proofs["nothing beside it is gone"] = list(self.keys("")) == ["ours-2/neighbour.txt", "ours.txt"]
        self.proofs["twice is the same job"] = api.delete("r1") == job
        self.proofs["the list of files stays"] = dict(api.files("r1")) == dict(self.files)

    def keys(self, prefix: str) -> Iterator[str]:
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix):
            yield from (item["Key"] for item in page.get("Contents", ()))

    def report(self) -> None:
        table = Table(title=f"{len(self.files):,} objects in {len(FOLDERS)} folders", title_justify="left")
        table.add_column("what")
        table.add_column("objects a second", justify="right")
        for what, rate in self.rates.items():
            table.add_row(what, f"{rate:,.0f}")
        Console(width=110).print(table)
        for what, holds in self.proofs.items():
            print(f"{'yes' if holds else 'NO '}  {what}")


class Api:
    """The API of a running tracker, which may go and come back meanwhile."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=60)

    def close(self) -> None:
        self._client.close()

    def run_that_is_over(self, run_id: str, output_dir: str) -> None:
        now = time.time_ns() // 1_000_000
        begun = {"instant": now, "workflow": {"name": run_id, "output_dir": output_dir}}
        completed = {"instant": now + 1, "state": "succeeded"}
        events = [
            {"type": type, "run_id": run_id, "data": data}
            for type, data in (("run.begun", begun), ("run.completed", completed))
        ]
        self._client.post("/v1/events", json=events).raise_for_status()

    def outputs(self, run_id: str) -> Any:
        return self._get(f"/runs/{run_id}").get("outputs") or {}

    def job(self, job_id: str) -> Any:
        return self._get(f"/jobs/{job_id}")

    def delete(self, run_id: str) -> str:
        answer = self._client.request("DELETE", f"/api/v1/runs/{run_id}/outputs", json={"confirm": "delete"})
        answer.raise_for_status()
        return str(answer.json()["job_id"])

    def files(self, run_id: str) -> Iterator[tuple[str, int]]:
        """Path and size of each file."""
        token = ""
        while token is not None:
            page = self._get(f"/runs/{run_id}/outputs", flat="true", page_size="500", page_token=token)
            yield from ((f["path"], f["bytes"]) for f in page["outputs"])
            token = page["next_page_token"]

    def wait(self, what: str, holds: Callable[[], bool]) -> None:
        until = time.monotonic() + _PATIENCE_SECONDS
        while not holds():
            if time.monotonic() > until:
                raise SystemExit(f"not in {_PATIENCE_SECONDS:.0f} s: {what}")
            time.sleep(0.05)

    def _get(self, path: str, **query: str) -> Any:
        try:
            answer = self._client.get(f"/api/v1{path}", params=query)
        except httpx.TransportError:
            return {}
        return answer.json() if answer.status_code == 200 else {}


if __name__ == "__main__":
    main()
