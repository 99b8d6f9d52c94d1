"""Deletion of output folders: exactly that tree, once, resumed after a crash, refused where others need it; the index stays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.auth.permissions import Authorized
from api.core import commands
from api.core.db import Reader
from api.outputs import commands as outputs_commands
from projections.replay import compare, replay
from schemas.access import Caller, How, Role
from stores.objects.local import LocalObjects
from stores.objects.port import PAGE, Failure, NotDeleted, StoreFailure
from stores.tables.client import Tables
from tests.support.files.outputs import Outputs, outputs_on_disk
from tests.support.files.shelves import local_shelf

KEYS = [f"d{n % 3}/{n:05d}.txt" for n in range(2 * PAGE + 7)]


@pytest.fixture
def stage(tables: Tables, tmp_path: Path) -> Iterator[Outputs]:
    with outputs_on_disk(tables, tmp_path) as beside:
        yield beside


def root_of(stage: Outputs) -> Path:
    return Path(stage.tracker.settings.local_roots)


def ran(stage: Outputs, run_id: str, folder: str, *keys: str, **workflow: Any) -> Path:
    local_shelf(root_of(stage)).put({f"{folder}/{key}": b"xy" for key in keys})
    stage.ran(run_id, f"{root_of(stage)}/{folder}", **workflow)
    return root_of(stage) / folder


def ask(stage: Outputs, run_id: str = "r1", status: int = 202) -> Any:
    answer = stage.tracker.request(
        "DELETE", f"/api/v1/runs/{run_id}/outputs", json={"confirm": "delete", "by": "ada"}
    )
    assert answer.status_code == status, answer.text
    stage.tracker.project()
    return answer.json()


def test_exactly_that_tree_goes_and_the_index_stays(stage: Outputs) -> None:
    tracker, folder = stage.tracker, ran(stage, "r1", "run", *KEYS)
    neighbour = ran(stage, "r2", "run-2", "a.txt")
    job = ask(stage)
    assert (job["state"], ask(stage)["job_id"]) == ("queued", job["job_id"]), "it is one job"
    assert "will be deleted" in tracker.page("/runs/r1/outputs")
    stage.collect()
    assert not folder.exists() and (neighbour / "a.txt").exists()
    told = tracker.get(f"/jobs/{job['job_id']}")
    assert (told["state"], told["done"], told["bytes"], told["by"]) == (
        "succeeded",
        len(KEYS),
        2 * len(KEYS),
        "ada",
    )
    figure = tracker.run("r1")["outputs"]
    assert figure["deleted_at"] and (figure["deleted_by"], figure["bytes"]) == ("ada", 0)
    assert "Deleted</a>" in tracker.page("/runs/r1") and "by ada" in tracker.page("/runs/r1/outputs")
    assert len(tracker.get("/runs/r1/outputs", flat=True, page_size=500)["outputs"]) == 500, (
        "what was there stays listed"
    )
    before = tracker.do(tracker.log.bounds("tracker.events"))[0].end
    assert ask(stage, status=200) == {"job_id": job["job_id"], "state": "succeeded"}
    assert (figure["state"], told["total"], told["kind"]) == ("deleted", len(KEYS), "delete_outputs")
    assert tracker.get("/runs/r1/outputs")["state"] == "deleted"
    stage.collect()
    assert tracker.do(tracker.log.bounds("tracker.events"))[0].end == before, "twice is a no-op"
    assert tracker.request("POST", "/api/v1/runs/r1/outputs/refresh", json={}).status_code == 409

    async def again() -> Tables:
        return await replay.into_shadow(tracker.log, tracker.tables, tracker.settings, lambda _: None)

    shadow = tracker.do(again())
    try:
        assert compare.databases(tracker.tables, tracker.tables.database, shadow.database) == []
    finally:
        shadow.drop_database()
        shadow.close()


def test_jobs_are_listed_and_the_word_is_asked_for(stage: Outputs) -> None:
    tracker = stage.tracker
    for n in (1, 2):
        ran(stage, f"r{n}", f"run{n}", "a")
    for body in (None, {}, {"confirm": "yes"}):
        assert tracker.request("DELETE", "/api/v1/runs/r1/outputs", json=body).status_code == 400
    first = ask(stage, "r1")["job_id"]
    stage.collect()
    second = ask(stage, "r2")["job_id"]
    assert {j["id"] for j in tracker.get("/jobs")["jobs"]} == {first, second}
    [waiting] = tracker.get("/jobs", state="queued,running", kind="delete_outputs")["jobs"]
    assert set(waiting) >= {
        *("id", "kind", "run_id", "state", "done", "total", "error", "by", "at"),
    }
    assert (waiting["id"], waiting["run_id"], waiting["done"], waiting["total"]) == (second, "r2", 0, 1)
    assert [j["id"] for j in tracker.get("/jobs", state="succeeded")["jobs"]] == [first]
    for wrong in ({"state": "waiting"}, {"kind": "reindex"}):
        assert tracker.request("GET", "/api/v1/jobs", params=wrong).status_code == 400


def test_killed_half_way_it_finishes(stage: Outputs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is away after the first page, and then the process dies."""
    folder = ran(stage, "r1", "run", *KEYS)
    job = ask(stage)
    delete, calls = LocalObjects.delete, []

    def fails(objects: LocalObjects, versions: Any) -> Any:
        calls.append(len(versions))
        if len(calls) == 2:
            raise StoreFailure(Failure.AWAY, "no answer")
        return delete(objects, versions)

    monkeypatch.setattr(LocalObjects, "delete", fails)
    stage.collect()
    told = stage.tracker.get(f"/jobs/{job['job_id']}")
    assert (told["state"], told["done"]) == ("running", PAGE) and "no answer" in told["error"]
    assert sum(1 for _ in folder.rglob("*.txt")) == len(KEYS) - PAGE
    stage.collector = stage.another()
    stage.collect()
    told = stage.tracker.get(f"/jobs/{job['job_id']}")
    assert (told["state"], told["done"], told["bytes"]) == ("succeeded", len(KEYS), 2 * len(KEYS))
    assert not folder.exists()


def test_what_the_store_keeps_is_told_and_may_be_tried_again(
    stage: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ran(stage, "r1", "run", "a", "b", "locked")
    delete = LocalObjects.delete

    def keeps(objects: LocalObjects, versions: Any) -> Any:
        kept = [v for v in versions if v.key == "locked"]
        return [
            *delete(objects, [v for v in versions if v not in kept]),
            *(NotDeleted(v, "AccessDenied") for v in kept),
        ]

    monkeypatch.setattr(LocalObjects, "delete", keeps)
    job = ask(stage)
    stage.collect()
    told = stage.tracker.get(f"/jobs/{job['job_id']}")
    assert (told["state"], told["done"], told["kept"]) == ("failed", 2, 1) and "1 AccessDenied" in told[
        "error"
    ]
    assert "could not be deleted" in stage.tracker.page("/runs/r1/outputs")
    assert stage.tracker.run("r1")["outputs"]["deleted_at"] is None
    monkeypatch.undo()
    second = ask(stage)
    assert second["job_id"] != job["job_id"]
    stage.collect()
    assert not folder.exists() and stage.tracker.run("r1")["outputs"]["deleted_at"]


def test_folders_that_others_need_are_refused(stage: Outputs) -> None:
    root = root_of(stage)
    ran(stage, "with-work", "w", "a", work_dir=f"{root}/w/work")
    ran(stage, "in-work", "work/out", "a", work_dir=f"{root}/work")
    ran(stage, "shared", "shared", "a")
    ran(stage, "free", "live-not", "a")
    stage.begin("live", f"{root}/shared/part", work_dir=f"{root}/elsewhere")
    stage.over("unseen", "/etc")
    stage.collect()
    stage.tracker.project()
    for run_id, why in (
        ("with-work", "own work directory"),
        ("in-work", "own work directory"),
        ("shared", "'live', which is not over"),
        ("unseen", "outside of the folders"),
        ("live", "not over"),
    ):
        assert why in ask(stage, run_id, 409)["detail"], run_id
    ask(stage, "free")
    stage.begin("late", f"{root}/live-not")  # between the question and the deletion
    stage.collect()
    job = stage.row(
        "SELECT progress.state AS state, progress.message AS why FROM (SELECT * FROM output_deletions FINAL)"
    )
    assert job["state"] == "failed" and "'late', which is not over" in job["why"]
    assert (root / "live-not" / "a").exists()


def test_the_dialog_wants_the_word(stage: Outputs, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ran(stage, "r1", "run", "a")
    page = stage.tracker.page("/runs/r1/outputs")
    assert 'action="/runs/r1/outputs/delete"' in page and "1 files, 2 B" in page
    assert "/runs/r1/outputs#delete" in stage.tracker.page("/runs/r1")
    for word in ("", "Delete", "delete it"):
        answer = stage.tracker.request("POST", "/runs/r1/outputs/delete", data={"confirm": word})
        assert answer.status_code == 400, word
    stage.collect()
    assert folder.exists()
    monkeypatch.setattr(commands, "VISIBLE_WITHIN", 0.0)  # nobody projects meanwhile
    answer = stage.tracker.request("POST", "/runs/r1/outputs/delete", data={"confirm": "delete"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs/r1/outputs")
    stage.collect()
    assert not folder.exists()


def test_runs_are_found_by_where_they_wrote(stage: Outputs) -> None:
    ran(stage, "r1", "Results/run", "a")
    ran(stage, "r2", "other", "a")
    [found] = stage.tracker.get("/output-folders", uri="/results/RUN")["runs"]
    assert (found["id"], found["name"]) == ("r1", "r1") and found["uri"].endswith("/Results/run/")
    assert stage.tracker.request("GET", "/api/v1/jobs/none").status_code == 404


def test_an_owner_takes_no_results_of_others(stage: Outputs) -> None:
    """Whoever reports a run says where it wrote; so that alone gives no right to what lies there."""
    root = root_of(stage)
    ran(stage, "r1", "shared/run", "a")  # of nobody, since the tracker is open
    tracker = stage.tracker
    reader = Reader(tracker.tables, tracker.settings, lambda: tracker.now)
    owner = Authorized(Caller("ann", Role.VIEWER, How.TOKEN, "k"), "r1")
    admin = Authorized(Caller("root", Role.ADMIN, How.TOKEN, "k"), "r1")
    assert "of another owner" in str(
        outputs_commands._refusal(reader, stage.stores, owner, f"{root}/shared/", tracker.now)
    )
    assert "of another owner" in str(
        outputs_commands._refusal(reader, stage.stores, owner, f"{root}/shared/run/part/", tracker.now)
    )
    assert (
        outputs_commands._refusal(reader, stage.stores, owner, f"{root}/shared/run-2/", tracker.now) is None
    )
    assert outputs_commands._refusal(reader, stage.stores, admin, f"{root}/shared/run/", tracker.now) is None
