"""Outputs on a real S3, through the whole tracker: listed to the byte, priced, shown, deleted to the last version."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from api.app import create_app
from projections.replay import compare, replay
from stores.objects.s3 import S3Objects
from stores.tables.client import Tables
from tests.support.files.outputs import outputs
from tests.support.files.shelves import client_of, s3_shelf
from tests.support.services.seaweed import READER_KEY, READER_SECRET, SeaweedS3
from tests.support.whole import whole

pytestmark = pytest.mark.s3
CONFIRMED = {"confirm": "delete"}


def test_from_the_end_of_a_run_to_the_end_of_its_outputs(
    s3: SeaweedS3, tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = s3_shelf(s3)
    bucket = shelf.base.removeprefix("s3://")
    client = client_of(s3)
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    tree = {
        f"run/{folder}/{n:05d}.txt": b"x" * (n % 97) for folder in ("vcf", "qc/a", "qc/b") for n in range(750)
    }
    shelf.put(tree | {"run-2/neighbour.txt": b"stays", "run.txt": b"stays"})
    shelf.put({"run/vcf/00001.txt": b"newer"})
    tree["run/vcf/00001.txt"] = b"newer"
    settings: dict[str, Any] = {"s3_endpoint": s3.endpoint, "s3_roots": shelf.base}
    with whole(tables, tmp_path / "data", **settings) as tracker, outputs(tracker) as stage:
        stage.ran("r1", f"{shelf.base}/run")
        figure = tracker.run("r1")["outputs"]
        size = sum(map(len, tree.values()))
        assert (figure["state"], figure["files"], figure["bytes"]) == ("listed", len(tree), size)
        assert (figure["noncurrent_files"], figure["noncurrent_bytes"]) == (1, 1)
        year = Decimal(size) / 2**30 * 12
        assert abs(Decimal(figure["annual_cost_low"]) - year * Decimal("0.004")) < Decimal("0.000001")
        assert abs(Decimal(figure["annual_cost_high"]) - year * Decimal("0.023")) < Decimal("0.000001")
        assert {f"run/{k}" for k in stage.keys("r1")} == set(tree)
        assert (
            tracker.request("GET", "/runs/r1/outputs/raw", params={"key": "vcf/00001.txt"}).content
            == b"newer"
        )
        assert "a year" in tracker.page("/runs/r1")

        job = tracker.request("DELETE", "/api/v1/runs/r1/outputs", json=CONFIRMED).json()["job_id"]
        delete, calls = S3Objects.delete, []

        def dies_at_the_second_page(objects: S3Objects, versions: Any) -> Any:
            calls.append(len(versions))
            if len(calls) == 2:
                raise RuntimeError("killed")
            return delete(objects, versions)

        monkeypatch.setattr(S3Objects, "delete", dies_at_the_second_page)
        stage.collect()
        told = tracker.get(f"/jobs/{job}")
        assert told["state"] == "queued" and len(list(_keys(client, bucket, "run/"))) == len(tree) - 1000 + 1
        stage.collector = stage.another()
        stage.collect()
        told = tracker.get(f"/jobs/{job}")
        assert told["state"] == "succeeded"
        left = client.list_object_versions(Bucket=bucket)
        assert [v["Key"] for v in left.get("Versions", ())] == ["run-2/neighbour.txt", "run.txt"]
        assert not left.get("DeleteMarkers")
        assert tracker.run("r1")["outputs"]["deleted_at"] and len(stage.keys("r1")) == len(tree)
        assert tracker.request("DELETE", "/api/v1/runs/r1/outputs", json=CONFIRMED).json() == {
            "job_id": job,
            "state": "succeeded",
        }

        def asks(*_: Any) -> Any:
            raise AssertionError("a replay asks no store")

        monkeypatch.setattr("stores.objects.open.make_client", asks)
        shadow = tracker.do(replay.into_shadow(tracker.log, tables, tracker.settings, lambda _: None))
        try:
            assert compare.databases(tables, tables.database, shadow.database) == []
            assert shadow.value("SELECT count() FROM outputs FINAL") == len(tree)
        finally:
            shadow.drop_database()
            shadow.close()


def test_each_state_from_a_real_answer(
    s3: SeaweedS3, tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = s3_shelf(s3)
    shelf.put({"run/a": b"1"})
    settings: dict[str, Any] = {"s3_endpoint": s3.endpoint, "s3_roots": f"{shelf.base},s3://no-such-bucket"}
    with whole(tables, tmp_path / "data", **settings) as tracker, outputs(tracker) as stage:
        stage.over("missing", "s3://no-such-bucket/x")
        stage.collect()
        assert "S3 bucket not found" in tracker.page("/runs/missing/outputs")
        stage.stores._client = client_of(SeaweedS3(tmp_path))  # a port on which nobody listens
        stage.over("away", f"{shelf.base}/run")
        stage.collect()
        assert "The store does not answer" in tracker.page("/runs/away/outputs")
        stage.stores.close()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", READER_KEY)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        stage.over("denied", f"{shelf.base}/run")
        stage.collect()
        assert "Access denied to S3 bucket" in tracker.page("/runs/denied/outputs")
        stage.stores.close()
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", READER_SECRET)
        tracker.now += 60_000
        tracker.request("POST", "/api/v1/runs/denied/outputs/refresh", json={})
        stage.collect()
        assert tracker.run("denied")["outputs"]["files"] == 1, "mended and looked at again"
        assert tracker.run("away")["outputs"]["files"] == 1, "tried again by itself"
        job = tracker.request("DELETE", "/api/v1/runs/denied/outputs", json=CONFIRMED).json()["job_id"]
        stage.collect()
        told = tracker.get(f"/jobs/{job}")
        assert (told["state"], told["kept"]) == ("failed", 1) and "AccessDenied" in told["error"]


def test_logs_of_runners_and_tasks(
    s3: SeaweedS3, tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = s3_shelf(s3)
    shelf.put({"run/a.nextflow.log": b"older", "work/ab/.command.err": b"boom", "work/ab/.command.out": b""})
    shelf.put({"run/b.nextflow.log": b"x" * 2**20 + b"the end", "run/c.log": b"another's"})
    settings: dict[str, Any] = {"s3_endpoint": s3.endpoint, "s3_roots": f"{shelf.base},s3://no-such-bucket"}
    with whole(tables, tmp_path / "data", **settings) as tracker, outputs(tracker) as stage:
        cases = (
            (
                "r1",
                f"{shelf.base}/run",
                "Multiple log files found; showing the most recent. Log file is 1.0 MB. Showing last 1 MB.",
            ),
            ("empty", f"{shelf.base}/empty", "No log files found"),
            ("missing", "s3://no-such-bucket/x", "S3 bucket not found"),
            ("google", "gs://bucket/x", "The output directory is not an S3 path"),
            ("outside", "s3://another/x", "The output directory may not be read"),
            ("nowhere", "", "No output directory configured"),
        )
        for run_id, output_dir, _ in cases:
            stage.begin(run_id, output_dir)
        task = {"task_id": 1, "status": "failed", "name": "t", "workdir": f"{shelf.base}/work/ab"}
        event = {"type": "tasks.changed", "run_id": "r1", "data": {"instant": tracker.now, "tasks": [task]}}
        tracker.request("POST", "/v1/events", json=event)
        tracker.project()
        for run_id, _, message in cases:
            assert message in tracker.get(f"/runs/{run_id}/log")["message"], run_id
        log = tracker.get("/runs/r1/log")
        assert (
            log["text"].endswith("the end")
            and len(log["text"]) == log["bytes"] - 7 == 2**20
            and log["truncated"]
        )
        assert log["path"] == f"{shelf.base}/run/b.nextflow.log"
        assert [(f["name"], f["bytes"]) for f in log["logs"]] == [
            ("b.nextflow.log", 2**20 + 7),
            ("a.nextflow.log", 5),
        ]
        older = tracker.get("/runs/r1/log", name="a.nextflow.log", tail_bytes=3)
        assert (older["text"], older["bytes"], older["truncated"]) == ("der", 5, True)
        assert older["message"] == "Log file is 0.0 MB. Showing last 3 bytes."
        unknown = tracker.request("GET", "/api/v1/runs/r1/log", params={"name": "../work/ab/.command.err"})
        assert unknown.status_code == 404
        download = tracker.request("GET", "/runs/r1/log/download", params={"name": "a.nextflow.log"})
        assert (download.content, download.headers["content-length"]) == (b"older", "5")
        assert download.headers["content-disposition"].startswith("attachment;")
        assert tracker.request("GET", "/runs/empty/log/download").status_code == 404
        task = tracker.get("/runs/r1/tasks/1/log", name=".command.err", tail_bytes=2)
        assert [(f["name"], f["text"], f["truncated"]) for f in task["files"]] == [
            (".command.err", "om", True)
        ]
        page = tracker.page("/runs/r1/tasks/1")
        assert "boom" in page and ".command.out" not in page
        whole_file = tracker.request("GET", "/runs/r1/tasks/1/workdir/download?key=.command.err")
        assert "/runs/r1/tasks/1/workdir/download?key=.command.err" in page and whole_file.content == b"boom"
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        tracker.app = create_app(tables, tracker.log, tracker.settings, lambda: tracker.now)
        assert "Access denied to S3 bucket" in tracker.get("/runs/r1/log")["message"]
        assert "denies access" in tracker.get("/runs/r1/tasks/1/log")["message"]
        nobody = tracker.settings.model_copy(update={"s3_endpoint": SeaweedS3(tmp_path).endpoint})
        tracker.app = create_app(tables, tracker.log, nobody, lambda: tracker.now)
        assert "The store does not answer" in tracker.get("/runs/r1/log")["message"]


def _keys(client: Any, bucket: str, prefix: str) -> list[str]:
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    return [v["Key"] for page in pages for v in page.get("Versions", ())]
