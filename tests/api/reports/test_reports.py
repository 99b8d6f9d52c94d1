"""The tab of reports: there where a tracker.yml names one, each under a title of its own."""

from pathlib import Path

import pytest

from api.reports.queries import telling_apart
from stores.tables.client import Tables
from tests.support.files.outputs import outputs
from tests.support.files.shelves import local_shelf
from tests.support.whole import whole

YML = b"""reports:
  "**/VEP/**/summary.html": {display: VEP Summary}
  multiqc.html: {display: MultiQC}
  "*.csv": {display: T}
"""


@pytest.mark.parametrize(
    ("paths", "endings"),
    [
        (["a/b.html"], [""]),
        ([], []),
        (["sample1/VEP/summary.html", "sample2/VEP/summary.html"], ["sample1", "sample2"]),
        (["r/s1/VEP/s1.summary.html", "r/s2/VEP/s2.summary.html"], ["s1", "s2"]),
        (["r/a.csv", "r/b.csv"], ["a.csv", "b.csv"]),
        (["report.html", "sub/report.html"], ["", "sub"]),
        (["a/x/r.html", "a/y/z/r.html"], ["x", "y/z"]),
        (["a/1/x/r", "a/2/x/r", "a/1/y/r"], ["1/x", "2/x", "1/y"]),
    ],
)
def test_the_least_that_tells_paths_apart(paths: list[str], endings: list[str]) -> None:
    assert telling_apart(paths) == endings


def test_the_tab(tables: Tables, tmp_path: Path) -> None:
    root = tmp_path / "files"
    local_shelf(root).put(
        {
            "run/tracker.yml": YML,
            "run/multiqc.html": b"m",
            "run/s1/VEP/x/summary.html": b"one",
            "run/s2/VEP/x/summary.html": b"two",
            "none/tracker.yml": b"reports: {nothing.html: {display: N}}",
            "none/a.html": b"",
            "large/tracker.yml": YML + b"#" * 70_000,
            "large/multiqc.html": b"m",
        }
    )
    with whole(tables, tmp_path / "data", local_roots=str(root)) as tracker, outputs(tracker) as stage:
        for name in ("run", "none", "large"):
            stage.over(name, f"{root}/{name}")
        stage.collect()
        titles = [r["name"] for r in tracker.get("/runs/run/reports")["reports"]]
        assert titles == ["VEP Summary (s1)", "VEP Summary (s2)", "MultiQC"]
        [first, *_, last] = tracker.get("/runs/run/reports")["reports"]
        assert first == {
            "index": 0, "name": "VEP Summary (s1)", "path": "s1/VEP/x/summary.html", "bytes": 3
        }  # fmt: skip
        assert (last["index"], last["bytes"]) == (2, 1)
        for name in ("none", "large"):
            assert tracker.get(f"/runs/{name}/reports")["reports"] == []
            assert "tab-reports" not in tracker.page(f"/runs/{name}")
        answer = tracker.request("GET", "/runs/run?tab=reports")
        assert "frame-src 'self'" in answer.headers["content-security-policy"]
        assert 'id="tab-reports"' in answer.text and 'sandbox="allow-scripts"' in answer.text
        assert 'src="/runs/run/outputs/raw?key=s1%2FVEP%2Fx%2Fsummary.html"' in answer.text
        second = tracker.page("/runs/run", tab="reports", report="1")
        assert 'src="/runs/run/outputs/raw?key=s2%2FVEP%2Fx%2Fsummary.html"' in second
        for odd in ("7", "-1", "x", "9" * 5000):
            assert "s1%2FVEP" in tracker.page("/runs/run", tab="reports", report=odd)
