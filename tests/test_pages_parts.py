"""What the pages are made of: links to hosts, tabs, Markdown, runners' files, figures for people."""

import os
from pathlib import Path

import pytest

from api import show
from api.hosts import RepositoryLinks, links
from api.log_files import LOG_BYTES, read_tail, run_log, task_files
from api.markdown import to_html
from api.models import Counts, Process, Run, Runner, RunThresholds, Transition, Workflow
from api.problems import Problem
from api.run_page import since
from api.show import DASH
from api.tabs import COLUMNS, Known, opens_on, sorted_processes, tabs
from api.task_pages import boxes, uses
from schemas.statuses import Liveness, ReportedState, RunStatus

TIME = "2026-11-24T18:34:11.903Z"


def counts(**known: int) -> Counts:
    return Counts(**{name: known.get(name, 0) for name in Counts.model_fields})


def run(status: str, reported: str | None = None, liveness: str | None = None, **workflow: str) -> Run:
    return Run(
        id="r1", name="mad_mayer", session_id="s1", cycle=1, runner=Runner(name=None, version=None), status=RunStatus(status),
        reported_state=ReportedState(reported or status), liveness=Liveness(liveness) if liveness else None, last_seen_at=TIME,
        as_of=TIME, workflow=Workflow(**{name: workflow.get(name) for name in Workflow.model_fields}), submitted_at=None,
        started_at=TIME, completed_at=None, duration_ms=None, tasks=counts(), peak_concurrency=0, cost=None, outputs=None,
        error=None, resume_command=None, owner=None, workspace=None, labels=[], hidden=False, hidden_by=None,
        thresholds=RunThresholds(disconnected_after_ms=180_000, stalled_after_ms=900_000, ignored_labels=[]),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("repository", "base", "tree", "commit"),
    [
        (
            "https://github.com/nf-core/rnaseq",
            "https://github.com/nf-core/rnaseq",
            "/tree/dev",
            "/commit/abc",
        ),
        (
            "https://github.com/nf-core/rnaseq.git",
            "https://github.com/nf-core/rnaseq",
            "/tree/dev",
            "/commit/abc",
        ),
        (
            "git@gitlab.com:lab/sub/flow.git",
            "https://gitlab.com/lab/sub/flow",
            "/-/tree/dev",
            "/-/commit/abc",
        ),
        (
            "https://gitlab.example.org/lab/flow",
            "https://gitlab.example.org/lab/flow",
            "/-/tree/dev",
            "/-/commit/abc",
        ),
        ("https://bitbucket.org/lab/flow", "https://bitbucket.org/lab/flow", "/src/dev", "/commits/abc"),
    ],
)
def test_links_to_known_hosts(repository: str, base: str, tree: str, commit: str) -> None:
    assert links(repository, "dev", "abc") == RepositoryLinks(base, base + tree, base + commit)
    assert links(repository, None, None) == RepositoryLinks(base)


@pytest.mark.parametrize(
    "repository",
    [None, "", "/data/flow", "https://example.org/a/b", "javascript:alert(1)", "https://github.com.evil.org/a/b", "https://github.com",
     "https://github.com/a/../b", "https://github.com:444/a/b", "https://evil@github.com@x/a/b", "https://[/a/b", "file://github.com/a/b",
     'https://github.com/a/b"onclick=x'],
)  # fmt: skip
def test_nothing_else_is_linked_to(repository: str | None) -> None:
    assert links(repository, "dev", "abc") == RepositoryLinks()


def test_a_revision_stays_within_its_address() -> None:
    assert (
        links("https://github.com/a/b", "x?y#z", "../..").revision == "https://github.com/a/b/tree/x%3Fy%23z"
    )
    assert links("https://github.com/a/b", None, "../..").commit == "https://github.com/a/b/commit/..%2F.."


ALWAYS = {"overview", "timeline", "config", "notes", "logs"}


@pytest.mark.parametrize(
    ("status", "known", "more"),
    [
        ("running", Known(False, 1), set()),
        ("succeeded", Known(False, 1), {"cost"}),
        ("succeeded", Known(True, 2), {"history"}),
        ("failed", Known(False, 1), {"error"}),
        ("cancelled", Known(False, 2, analysed=True), {"error", "history", "ai"}),
        ("submitted", Known(False, 1, analysed=True), {"ai"}),
    ],
)
def test_tabs_and_their_conditions(status: str, known: Known, more: set[str]) -> None:
    assert {t.name for t in tabs(run(status), known)} == ALWAYS | more
    assert opens_on(run(status)) == ("error" if status == "failed" else "overview")


def test_processes_sort_by_each_column_and_keep_their_order_among_equals() -> None:
    some = [
        Process(process=f"W:{name}", label=f"W:{name}", **counts(failed=n, succeeded=9 - n).model_dump())
        for name, n in (("C", 1), ("A", 2), ("B", 1))
    ]
    assert sorted_processes(some, "") == some
    assert [p.label for p in sorted_processes(some, "process")] == ["W:A", "W:B", "W:C"]
    assert [p.label for p in sorted_processes(some, "-failed")] == ["W:A", "W:C", "W:B"]
    for column, _ in COLUMNS:
        assert len(sorted_processes(some, f"-{column}")) == 3
    with pytest.raises(Problem):
        sorted_processes(some, "drop")


def test_since_when_a_run_stands_as_it_does() -> None:
    moved = [
        Transition(
            **{"at": "2026-11-24T19:00:00.000Z", "from": RunStatus.RUNNING, "to": RunStatus.STALLED},
            reason="",
        )
    ]
    assert since(run("stalled", "running", "stalled"), moved) == "2026-11-24T19:00:00.000Z"
    assert since(run("running", "running", "live"), moved) == TIME
    assert since(run("disconnected", "running", "disconnected"), moved) == TIME


def test_markdown_is_shown_and_does_no_harm() -> None:
    text = "# T\n<script>x</script> <b>y</b> [j](javascript:alert(1)) [h](https://a.example) ![i](https://evil.example/i.png)\n\n|a|\n|:-:|\n|1|"
    html = str(to_html(text))
    assert "<h3>T</h3>" in html and "<table>" in html
    assert 'href="https://a.example" rel="noopener noreferrer nofollow"' in html
    for never in ("<script", "<b>", "<img", "style=", 'href="javascript'):
        assert never not in html


def test_a_log_is_shown_by_its_end(tmp_path: Path) -> None:
    (tmp_path / ".nextflow.log").write_bytes(b"start [mad_mayer]\n" + b"x" * LOG_BYTES + b"\nend")
    told = run_log(run("running", launch_dir=str(tmp_path)), [tmp_path])
    assert (
        told.text is not None
        and told.text.endswith("end")
        and told.truncated
        and "Showing its last 1 MB" in (told.message or "")
    )
    (tmp_path / ".nextflow.log").write_text("start [another_run]")
    (tmp_path / ".nextflow.log.1").write_text("start [mad_mayer] older")
    told = run_log(run("running", launch_dir=str(tmp_path)), [tmp_path])
    assert told.text == "start [mad_mayer] older" and not told.truncated
    (tmp_path / ".nextflow.log.1").unlink()
    assert "No log file" in (run_log(run("running", launch_dir=str(tmp_path)), [tmp_path]).message or "")


def test_the_newest_of_several_published_logs_is_shown(tmp_path: Path) -> None:
    for name, age in (("a.nextflow.log", 100), ("b.nextflow.log", 0)):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    told = run_log(run("failed", output_dir=str(tmp_path)), [tmp_path])
    assert told.text == "b.nextflow.log" and "Several log files" in (told.message or "")


def test_only_allowed_folders_are_read(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "secret").write_text("s")
    (root / "file").write_text("f")
    (root / "link").symlink_to(outside / "secret")
    (root / "folder").symlink_to(outside)
    (tmp_path / "rootless").mkdir()
    (tmp_path / "rootless" / "x").write_text("x")
    os.mkfifo(root / "pipe")
    found = read_tail(str(root / "file"), [root], 10)
    assert found is not None and found.text == "f"
    for path in (
        "link",
        "folder/secret",
        "../outside/secret",
        "pipe",
        "",
        "../rootless/x",
        "nothing",
        "a\0b",
    ):
        assert read_tail(f"{root}/{path}", [root], 10) is None, path
    assert read_tail("file", [root], 10) is None and read_tail(str(root / "file"), [], 10) is None
    assert "outside of the folders" in (
        run_log(run("running", launch_dir=str(outside)), [root]).message or ""
    )
    assert "not set" in (run_log(run("running", launch_dir=str(root)), []).message or "")
    (root / ".command.err").write_text("boom")
    assert [(n, t.text) for n, t in task_files(str(root), [root])] == [(".command.err", "boom")]


def test_figures_for_people() -> None:
    assert [show.amount(x, "USD") for x in ("0", "0.000086", "12.5", "1234.567", None)] == [
        "$0.00",
        "$0.000086",
        "$12.50",
        "$1,234.57",
        DASH,
    ]
    assert show.amount("3", "EUR") == "3.00 EUR"
    assert show.middle("a" * 100, 21) == "a" * 10 + "…" + "a" * 10 and show.middle("abc") == "abc"
    assert show.ago("2026-11-24T18:34:11.000Z", show.ms_of("2026-11-24T18:38:20.000Z")) == "4 min ago"
    assert show.bar(counts(total=4, succeeded=3, failed=1)) == [
        ("succeeded", 0, 75, 3),
        ("failed", 75, 25, 1),
    ]
    assert show.bar(counts()) == []


def test_box_plots_leave_out_what_nobody_measured() -> None:
    columns = (
        "cpu",
        "peak_rss",
        "read_disk",
        "write_disk",
        "read_logical",
        "write_logical",
        "queued",
        "executed",
        "overheads",
    )
    figures = {c: [0.0, 1.0, 2.0, 3.0, 4.0] for c in columns} | {"known": [5, 0, 0, 0, 0, 0, 2, 0, 0]}
    found = boxes(figures)
    assert [(b.name, b.known, b.places) for b in found] == [
        ("CPU", 5, [0, 25, 50, 75, 100]),
        ("Queue", 2, [0, 25, 50, 75, 100]),
    ]


def test_uses_give_shares_only_where_both_are_known() -> None:
    class Task:
        cpus, cpu_percent, memory_bytes, peak_rss_bytes, time_limit_ms, realtime_ms = (
            2.0,
            150.0,
            None,
            5,
            0,
            7,
        )

    assert [u[3] for u in uses(Task)] == [75.0, None, None]
