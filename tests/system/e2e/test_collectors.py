"""Two collectors, Faust workers on a real Kafka with a real S3: one is killed in the middle, partitions move, a store goes away.

Each page of a listing is said once, each run is looked at once, and what is deleted is that tree alone.
"""

import asyncio
import json
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.settings import Settings
from schemas.topics import EVENTS
from stores.log.open import open_log
from tests.support.files.shelves import Shelf, client_of, s3_shelf
from tests.support.services.seaweed import SeaweedS3, credentials
from tests.support.stacks.client import Reader, imbalance, until
from tests.support.stacks.stack import ScaledStack, Service, shared

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.s3]
_PAGES = 8
_FOLDERS = ("vcf/tumour", "vcf/normal", "qc/fastqc", "logs")
_FILES = {f"run-1/{_FOLDERS[n % 4]}/{n:05d}.txt": b"x" * (n % 7) for n in range(_PAGES * 1000)}
_NEIGHBOURS = {"run-10/kept.txt": b"kept", "run-1.txt": b"kept"}
# A killed worker is noticed after broker_session_timeout (10 s).
_TAKEOVER_SECONDS = 60.0


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedS3]:
    """One of its own: it is paused."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in credentials().items():
            patch.setenv(name, value)
        with SeaweedS3(tmp_path_factory.mktemp("s3")) as running:
            yield running


@pytest.fixture(scope="module")
def shelf(store: SeaweedS3) -> Shelf:
    made = s3_shelf(store)
    made.put(_FILES | _NEIGHBOURS)
    return made


@pytest.fixture(scope="module")
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, shelf: Shelf
) -> Iterator[ScaledStack]:
    folder = tmp_path_factory.mktemp("collectors")
    files = {"s3_endpoint": shelf.settings.s3_endpoint, "s3_roots": shelf.settings.s3_roots}
    with shared(request, folder, tick_seconds=1, disconnected_after_seconds=3600, **files) as running:
        yield running


@pytest.fixture(scope="module")
def collectors(stack: ScaledStack) -> Iterator[list[Service]]:
    made = [Service("collect", f"collect-{n}", stack.folder, stack.settings) for n in (1, 2)]
    yield made
    for service in made:
        service.kill()


class Scene:
    """What is said to the tracker, and what is on its log."""

    def __init__(self, stack: ScaledStack, reader: Reader) -> None:
        self.stack, self.reader = stack, reader

    def run_over(self, run_id: str, output_dir: str) -> None:
        now = 1_795_546_905_000
        begun = {"instant": now, "workflow": {"name": run_id, "output_dir": output_dir}}
        for type, data in (("run.begun", begun), ("run.completed", {"instant": now + 1, "state": "failed"})):
            body = json.dumps({"type": type, "run_id": run_id, "data": data}).encode()
            request = urllib.request.Request(
                f"{self.stack.ingest_urls[0]}/v1/events", body, {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert answer.status == 200

    def outputs(self, run_id: str) -> dict[str, Any]:
        answer = self.reader.request("GET", f"/api/v1/runs/{run_id}")
        if answer.status == 404:
            return {}  # not projected yet
        assert answer.status == 200, answer
        return answer.json["outputs"] or {}

    def is_listed(self, run_id: str, files: int) -> None:
        def unlike() -> str:
            found = self.outputs(run_id)
            shown = (found.get("state"), found.get("files"))
            return "" if shown == ("listed", files) else f"{shown}"

        until(f"{run_id} is listed", unlike, _TAKEOVER_SECONDS)

    def said(self) -> Counter[tuple[str, str]]:
        """How many events are on the log, by run and type."""

        async def read() -> Counter[tuple[str, str]]:
            log = open_log(Settings(**self.stack.settings))  # type: ignore[arg-type]
            await log.start()
            found: Counter[tuple[str, str]] = Counter()
            try:
                for partition, bounds in (await log.bounds(EVENTS)).items():
                    async for records in log.read(EVENTS, partition, bounds.first, bounds.end):
                        found.update((r.key, r.type) for r in records)
            finally:
                await log.stop()
            return found

        return asyncio.run(read())


@pytest.fixture
def scene(stack: ScaledStack) -> Iterator[Scene]:
    with Reader(stack.api_url) as reader:
        yield Scene(stack, reader)


def test_one_is_killed_in_the_middle_and_the_other_goes_on(
    scene: Scene, collectors: list[Service], store: SeaweedS3, shelf: Shelf
) -> None:
    first, second = collectors
    first.start()
    run_id = _caught_in_the_middle(scene, store, shelf)
    first.kill()
    second.start()
    store.resume()
    scene.is_listed(run_id, len(_FILES))
    said = scene.said()
    assert (said[run_id, "outputs.found"], said[run_id, "outputs.listed"]) == (_PAGES, 1), (
        "each page is said once"
    )
    assert scene.outputs(run_id)["bytes"] == sum(map(len, _FILES.values()))


def _caught_in_the_middle(scene: Scene, store: SeaweedS3, shelf: Shelf) -> str:
    """A run of whose listing some pages are on the log, while the store is paused. A fast machine may have listed one all."""
    for n in range(10):
        run_id = f"r{n}"
        scene.run_over(run_id, f"{shelf.base}/run-1")
        until(
            "its first page is on the log",
            lambda run=run_id: not scene.said()[run, "outputs.found"],  # type: ignore[misc]
            _TAKEOVER_SECONDS,
        )
        store.pause()
        if 0 < scene.said()[run_id, "outputs.found"] < _PAGES:
            return run_id
        store.resume()
    raise AssertionError("each listing was over before the store could be paused")


def test_partitions_move_and_each_run_is_looked_at_once(
    scene: Scene, collectors: list[Service], shelf: Shelf
) -> None:
    first, second = collectors
    shelf.put({f"small-{n}/a.txt": b"a" for n in range(12)})
    first.start()
    until("both have partitions", lambda: not all(_partitions(c) for c in collectors), _TAKEOVER_SECONDS)
    for n in range(8):
        scene.run_over(f"s{n}", f"{shelf.base}/small-{n}")
    for n in range(8):
        scene.is_listed(f"s{n}", 1)
    assert all(_listed(c) for c in collectors), "both have worked"
    assert first.stop() == 0
    for n in range(8, 12):
        scene.run_over(f"s{n}", f"{shelf.base}/small-{n}")
    for n in range(8, 12):
        scene.is_listed(f"s{n}", 1)
    said = scene.said()
    assert {said[f"s{n}", "outputs.listed"] for n in range(12)} == {1}
    assert second.alive()


def test_a_deletion_is_killed_in_the_middle_and_the_other_finishes_it(
    scene: Scene, collectors: list[Service], store: SeaweedS3, shelf: Shelf
) -> None:
    first, second = collectors
    job = json.loads(_delete(scene, "r0"))["job_id"]
    until("something is gone", lambda: _keys(store, shelf, 1) == [min(_FILES)], _TAKEOVER_SECONDS)
    second.kill()
    left = len(_keys(store, shelf))
    assert 0 < left < len(_FILES)
    first.start()
    until("it is done", lambda: scene.reader.get(f"/jobs/{job}")["state"] != "succeeded", _TAKEOVER_SECONDS)
    assert set(_keys(store, shelf, 1000, "run-1")) == set(_NEIGHBOURS)
    assert scene.outputs("r0")["state"] == "deleted"
    assert first.stop() == 0
    until("the books balance", lambda: imbalance(scene.reader), _TAKEOVER_SECONDS)
    for worker in scene.stack.projectors:
        assert worker.stop() == 0
    assert scene.stack.command("verify") == (0, "figures, tables and log agree\n")
    store.kill()
    code, output = scene.stack.command("replay")
    assert (code, output.strip()) == (0, "the rebuilt tables are identical")


def _delete(scene: Scene, run_id: str) -> bytes:
    answer = scene.reader.request("DELETE", f"/api/v1/runs/{run_id}/outputs", {"confirm": "delete"})
    assert answer.status == 202, answer
    return answer.body


def _partitions(service: Service) -> bool:
    """Whether its newest assignment has any."""
    told = [line for line in service.log.read_text().splitlines() if "partitions assigned" in line]
    return bool(told) and "partitions=[]" not in told[-1]


def _listed(service: Service) -> bool:
    with urllib.request.urlopen(f"{service.url}/metrics", timeout=30) as answer:
        return b"tracker_outputs_listed_total{" in answer.read()


def _keys(store: SeaweedS3, shelf: Shelf, most: int = 0, prefix: str = "run-1/") -> list[str]:
    """The keys that begin so; only the first `most` if that is not 0."""
    limits = {"MaxItems": most, "PageSize": most} if most else {}
    pages = client_of(store).get_paginator("list_objects_v2")
    bucket = shelf.base.removeprefix("s3://")
    found = pages.paginate(Bucket=bucket, Prefix=prefix, PaginationConfig=limits)
    return [o["Key"] for page in found for o in page.get("Contents", ())]
