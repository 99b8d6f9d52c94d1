"""The figure, the browser and the files of what a run left, in the whole tracker."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from stores.tables.client import Tables
from tests.support.files.outputs import Outputs, outputs
from tests.support.files.shelves import local_shelf
from tests.support.whole import Whole, whole

FILES = {
    "multiqc/multiqc_report.html": b"<script>document.title=document.cookie</script>report",
    "multiqc/data/general.tsv": b"sample\treads\nSample1\t12\n<b>\t7\n",
    "vcf/Sample1.vcf": b"##fileformat=VCFv4.2\n",
    "vcf/sample2.vcf.gz": b"\x1f\x8b",
    "summary.json": b'{"a":1}',
    "odd/a b+c&d#e?\n\xc3\xbc.txt".encode("latin-1").decode("utf-8"): b"odd",
}


@pytest.fixture
def stage(tables: Tables, tmp_path: Path) -> Iterator[Outputs]:
    root = tmp_path / "files"
    local_shelf(root).put(
        {f"run/{key}": body for key, body in FILES.items()} | {"run-2/neighbour.txt": b"no"}
    )
    with whole(tables, tmp_path / "data", local_roots=str(root)) as tracker, outputs(tracker) as beside:
        beside.ran("r1", f"{root}/run")
        yield beside


def listed(tracker: Whole, **asked: str) -> tuple[list[str], list[str]]:
    answer = tracker.get("/runs/r1/outputs", **asked)
    return [f["path"] for f in answer["folders"]], [f["path"] for f in answer["outputs"]]


def test_figure_folders_search_and_paths(stage: Outputs) -> None:
    tracker = stage.tracker
    figure = tracker.run("r1")["outputs"]
    assert (figure["state"], figure["files"], figure["bytes"]) == (
        "listed",
        6,
        sum(map(len, FILES.values())),
    )
    assert figure["annual_cost_low"] is None and figure["noncurrent_files"] == 0, "no S3, no tiers"
    assert listed(tracker) == (["multiqc/", "odd/", "vcf/"], ["summary.json"])
    assert listed(tracker, prefix="multiqc") == (["multiqc/data/"], ["multiqc/multiqc_report.html"])
    [folder, *_] = tracker.get("/runs/r1/outputs")["folders"]
    assert (folder["files"], folder["bytes"]) == (2, len(FILES["multiqc/multiqc_report.html"]) + 30)
    for search, found in (
        ("multiqc html", ["multiqc/multiqc_report.html"]),
        ("SAMPLE1 vcf", ["vcf/Sample1.vcf"]),
        ("vcf gz html", []),
        ("%", []),
    ):
        assert listed(tracker, search=search) == ([], found), search
    assert listed(tracker, sort="-bytes")[1][0] == "multiqc/multiqc_report.html"
    assert listed(tracker, sort="-path")[1] == sorted(FILES, reverse=True)
    one = tracker.get("/runs/r1/outputs", flat=True, page_size=4)
    rest = tracker.get("/runs/r1/outputs", flat=True, page_size=4, page_token=one["next_page_token"])
    assert [f["path"] for f in one["outputs"] + rest["outputs"]] == sorted(FILES) and rest[
        "next_page_token"
    ] is None
    paths = tracker.request("GET", "/runs/r1/outputs/paths", params={"search": "vcf"}).text
    folder_uri = str(Path(tracker.settings.local_roots) / "run")
    assert paths == f"{folder_uri}/vcf/Sample1.vcf\n{folder_uri}/vcf/sample2.vcf.gz"
    assert listed(tracker, prefix="no") == listed(tracker, prefix="../run-2") == ([], [])


def test_lists_say_what_was_promised_to_programs(stage: Outputs) -> None:
    """The names of fields that programs of others rely on."""
    tracker, root = stage.tracker, stage.tracker.settings.local_roots
    whole_list = tracker.get("/runs/r1/outputs", flat=True)
    assert set(whole_list) >= {"state", "reason", "folders", "outputs", "next_page_token"}
    assert (whole_list["state"], whole_list["reason"], whole_list["folders"]) == ("listed", None, [])
    by_path = {f["path"]: f for f in whole_list["outputs"]}
    assert by_path["vcf/Sample1.vcf"]["uri"] == f"{root}/run/vcf/Sample1.vcf"
    assert set(by_path["summary.json"]) >= {"path", "uri", "bytes", "modified_at", "storage_class"}
    for path, body in FILES.items():
        file = tracker.request("GET", "/api/v1/runs/r1/outputs/file", params={"path": path})
        assert (file.status_code, file.content) == (200, body), path
        assert "sandbox" in file.headers["content-security-policy"]
    attached = {"path": "summary.json", "download": "true"}
    answer = tracker.request("GET", "/api/v1/runs/r1/outputs/file", params=attached)
    assert answer.content == b'{"a":1}' and answer.headers["content-disposition"].startswith("attachment")
    for wrong in ("../run-2/neighbour.txt", "no", "/etc/passwd"):
        answer = tracker.request("GET", "/api/v1/runs/r1/outputs/file", params={"path": wrong})
        assert answer.status_code == 404, wrong
    stage.begin("live", f"{root}/run")
    tracker.project()
    assert tracker.run("live")["outputs"] is None and tracker.get("/runs/live/outputs")["state"] is None
    stage.over("nowhere")
    stage.over("elsewhere", "gs://b/x")
    stage.over("outside", "/somewhere/else")
    stage.collect()
    assert (tracker.run("nowhere")["outputs"]["state"], tracker.run("elsewhere")["outputs"]["state"]) == (
        "none",
        "unsupported",
    )
    assert "No output directory configured" in tracker.get("/runs/nowhere/outputs")["reason"]
    said = "The output directory may not be read. It lies outside of the folders that TRACKER_LOCAL_ROOTS allows."
    assert tracker.get("/runs/outside/outputs")["reason"] == said and said in tracker.page(
        "/runs/outside/outputs"
    )


def test_pages_lead_to_every_file(stage: Outputs) -> None:
    tracker = stage.tracker
    overview = tracker.page("/runs/r1")
    assert 'href="/runs/r1/outputs">' in overview
    seen = set()
    for page in (
        tracker.page("/runs/r1/outputs", view="table"),
        tracker.page("/runs/r1/outputs?path=odd/"),
    ):
        for link in re.findall(r'href="(/runs/r1/outputs/(?:file|download)[^"]*)"', page):
            answer = tracker.request("GET", unescape(link))
            assert answer.status_code == 200, link
            seen.add(unescape(link))
    assert len(seen) == 2 * len(FILES)
    assert "No file matches" in tracker.page("/runs/r1/outputs", search="nothing")


def test_what_a_pipeline_wrote_cannot_reach_us(stage: Outputs) -> None:
    tracker = stage.tracker
    page = tracker.request("GET", "/runs/r1/outputs/file", params={"key": "multiqc/multiqc_report.html"})
    assert 'sandbox="allow-scripts"' in page.text and "<script>document" not in page.text
    assert "frame-src 'self'" in page.headers["content-security-policy"]
    raw = tracker.request("GET", "/runs/r1/outputs/raw", params={"key": "multiqc/multiqc_report.html"})
    policy = raw.headers["content-security-policy"]
    assert (
        policy.startswith("sandbox allow-scripts; default-src 'none'") and "allow-same-origin" not in policy
    )
    assert "connect-src" not in policy and raw.headers["x-frame-options"] == "SAMEORIGIN"
    assert raw.content == FILES["multiqc/multiqc_report.html"]
    table = tracker.page("/runs/r1/outputs/file", key="multiqc/data/general.tsv")
    assert "<td>Sample1</td><td>12</td>" in table and "&lt;b&gt;" in table
    assert (
        tracker.request("GET", "/runs/r1/outputs/raw", params={"key": "vcf/sample2.vcf.gz"}).status_code
        == 415
    )
    download = tracker.request("GET", "/runs/r1/outputs/download", params={"key": "vcf/sample2.vcf.gz"})
    assert download.content == b"\x1f\x8b" and download.headers["content-disposition"].startswith(
        "attachment;"
    )


def test_nothing_else_is_given(stage: Outputs) -> None:
    keys = (
        "../run-2/neighbour.txt",
        "/etc/passwd",
        "vcf/../../run-2/neighbour.txt",
        "no",
        "vcf",
        "a\0b",
        "x" * 4000,
    )
    for key in keys:
        for part in ("file", "raw", "download"):
            answer = stage.tracker.request("GET", f"/runs/r1/outputs/{part}", params={"key": key})
            assert answer.status_code in (404, 415), (key, part)
            assert b"root:" not in answer.content and answer.content != b"no"


def test_a_large_file_is_only_downloaded(stage: Outputs) -> None:
    root = Path(stage.tracker.settings.local_roots)
    with open(root / "run" / "big.txt", "wb") as f:
        f.truncate(25 * 2**20 + 1)
    assert "are not shown" in stage.tracker.page("/runs/r1/outputs/file", key="big.txt")
    assert stage.tracker.request("GET", "/runs/r1/outputs/raw", params={"key": "big.txt"}).status_code == 413
    assert (
        len(stage.tracker.request("GET", "/runs/r1/outputs/download", params={"key": "big.txt"}).content)
        == 25 * 2**20 + 1
    )


def test_each_state_is_explained_and_another_look_mends_it(stage: Outputs) -> None:
    tracker, root = stage.tracker, stage.tracker.settings.local_roots
    cases = (
        ("none", "", "No output directory configured"),
        ("google", "gs://b/x", "The output directory is not an S3 path"),
        ("outside", "/etc", "TRACKER_LOCAL_ROOTS"),
        ("empty", f"{root}/later", "There are no files here"),
    )
    for run_id, output_dir, _ in cases:
        stage.over(run_id, output_dir)
    stage.begin("live", f"{root}/run")
    tracker.project()
    assert "Nobody has looked yet" in tracker.page("/runs/empty/outputs")
    assert "not looked at" in tracker.page("/runs/empty")
    stage.collect()
    for run_id, _, words in cases:
        assert words in unescape(tracker.page(f"/runs/{run_id}/outputs")), run_id
    assert "no output directory" in tracker.page("/runs/none")
    assert "The run is not over" in tracker.page("/runs/live/outputs")
    assert "/runs/live/outputs" not in tracker.page("/runs/live")
    local_shelf(Path(root)).put({"later/a.txt": b"now"})
    for path, status in (
        ("/api/v1/runs/live/outputs/refresh", 409),
        ("/api/v1/runs/empty/outputs/refresh", 202),
    ):
        assert tracker.request("POST", path, json={"by": "ada"}).status_code == status
    tracker.project()
    assert "Looking" in tracker.page("/runs/empty/outputs")
    stage.collect()
    assert "a.txt" in tracker.page("/runs/empty/outputs") and "Looking" not in tracker.page(
        "/runs/empty/outputs"
    )
    (Path(root) / "later" / "a.txt").rename(Path(root) / "later" / "b.txt")
    assert tracker.request("POST", "/api/v1/runs/empty/outputs/refresh").status_code == 202, "without a body"
    tracker.now += 1000
    stage.collect()
    assert [f["path"] for f in tracker.get("/runs/empty/outputs")["outputs"]] == ["b.txt"], (
        "what is gone is not shown"
    )


def test_outputs_of_all_runs_are_searched(stage: Outputs) -> None:
    tracker, root = stage.tracker, stage.tracker.settings.local_roots
    stage.over("r2", f"{root}/run-2")
    stage.over("r3", f"{root}/run-2")
    stage.collect()
    assert tracker.request("PUT", "/api/v1/runs/r3/hidden", json={"hidden": True}).status_code == 202
    tracker.project()
    found = tracker.get("/outputs", search="TXT neighbour")["outputs"]
    assert [(f["run_name"], f["path"], f["uri"]) for f in found] == [
        ("r2", "neighbour.txt", f"{root}/run-2/neighbour.txt")
    ]
    first = tracker.get("/outputs", search=".", page_size=4)
    rest = tracker.get("/outputs", search=".", page_size=4, page_token=first["next_page_token"])
    assert len({(f["run_id"], f["path"]) for f in first["outputs"] + rest["outputs"]}) == 7
    assert tracker.request("GET", "/api/v1/outputs", params={"search": " "}).status_code == 400
    assert "Say what to look for" in tracker.page("/outputs") and "No output matches" in tracker.page(
        "/outputs", search="zz"
    )
    assert "/runs/r2/outputs/file?key=neighbour.txt" in tracker.page("/outputs", search="neighbour")


def test_the_work_directory_of_a_task(stage: Outputs) -> None:
    tracker, root = stage.tracker, Path(stage.tracker.settings.local_roots)
    local_shelf(root).put({"work/ab/c/.command.sh": b"echo hi", "work/ab/c/sub/x.txt": b"x"})
    for id, workdir in ((1, f"{root}/work/ab/c"), (2, "/etc"), (3, None)):
        task = {"task_id": id, "status": "succeeded", "name": f"t{id}"} | (
            {"workdir": workdir} if workdir else {}
        )
        event = {"type": "tasks.changed", "run_id": "r1", "data": {"instant": tracker.now, "tasks": [task]}}
        assert tracker.request("POST", "/v1/events", json=event).status_code == 200
    tracker.project()
    assert "/runs/r1/tasks/1/workdir" in tracker.page("/runs/r1/tasks/1")
    page = tracker.page("/runs/r1/tasks/1/workdir")
    assert ".command.sh" in page and "sub/" in page
    assert "x.txt" in tracker.page("/runs/r1/tasks/1/workdir?path=sub/")
    assert "echo hi" in tracker.page("/runs/r1/tasks/1/workdir/file", key=".command.sh")
    assert tracker.request("GET", f"/runs/r1/tasks/1/workdir/raw?key={quote('sub/x.txt')}").content == b"x"
    assert "cannot be shown" in tracker.page("/runs/r1/tasks/2/workdir")
    assert tracker.request("GET", "/runs/r1/tasks/2/workdir/raw?key=passwd.txt").status_code == 404
    tracker.page("/runs/r1/tasks/3/workdir", status=404)
    tracker.page("/runs/r1/tasks/1/workdir?path=../", status=400)
