"""What the pages are made of: links to hosts, tabs, Markdown, runners' files, figures for people."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup

from api.app import tabs
from api.core.db import judge
from api.core.problems import Problem
from api.html import formats, markdown, render
from api.html.charts import curve
from api.html.links import s3_link
from api.html.markdown import to_html
from api.logs.queries import LOG_BYTES, run_log, task_files
from api.runs.models import Cost, Counts, Run, RunFacts, Runner, RunThresholds, Workflow
from api.runs.run_page import opens_on, since
from api.runs.runner_kinds import runner_kind
from api.runs.tabs import COLUMNS, page_of_processes, sorted_processes, together
from api.tasks.models import Concurrency, Level, Process
from api.tasks.pages import boxes, uses
from schemas.settings import Settings
from schemas.statuses import Liveness, ReportedState, RunStatus, TaskStatus
from schemas.texts.units import DASH
from schemas.values import iso
from stores.objects import local
from stores.objects.open import ObjectStores

TIME = "2026-11-24T18:34:11.903Z"


def roots(*folders: Path) -> ObjectStores:
    return ObjectStores(Settings(local_roots=",".join(map(str, folders))))


def counts(**known: int) -> Counts:
    return Counts(**{name: known.get(name, 0) for name in Counts.model_fields})


def run(status: str, reported: str | None = None, liveness: str | None = None, **workflow: str) -> Run:
    return Run(
        id="r1", name="mad_mayer", session_id="s1", cycle=1, runner=Runner(name=None, version=None), status=RunStatus(status),
        reported_state=ReportedState(reported or status), liveness=Liveness(liveness) if liveness else None, last_seen_at=TIME,
        as_of=TIME, pipeline=None,
        workflow=Workflow(**{name: workflow.get(name) for name in Workflow.model_fields}), submitted_at=None,
        started_at=TIME, completed_at=None, duration_ms=None, tasks=counts(), peak_concurrency=0, cost=None, outputs=None,
        error=None, resume_command=None, owner=None, workspace=None, labels=[], hidden=False, hidden_by=None,
        thresholds=RunThresholds(disconnected_after_ms=180_000, stalled_after_ms=900_000, ignored_labels=[]),
    )  # fmt: skip


AWS = str(Settings.model_fields["s3_browser"].default)


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("s3://lab-work/rnaseq", "https://console.aws.amazon.com/s3/buckets/lab-work?prefix=rnaseq/"),
        ("s3://lab-work", "https://console.aws.amazon.com/s3/buckets/lab-work?prefix="),
        ("s3://lab.work/a b/é?x=1&y#z/", "https://console.aws.amazon.com/s3/buckets/lab.work?prefix=a%20b/%C3%A9%3Fx%3D1%26y%23z/"),
        ("s3://lab-work/{bucket}\"><b>\n", "https://console.aws.amazon.com/s3/buckets/lab-work?prefix=%7Bbucket%7D%22%3E%3Cb%3E%0A/"),
        ("s3://lab-work/../../other", None), ("s3://lab-work/a/./b", None), ("s3://..", None), ("s3://a..b/c", None),
        ("s3://user@evil.org/x", None), ("s3://Evil/x", None), ("s3://evil.org:80/x", None), ("s3:///x", None), ("s3://", None),
        ("javascript:alert(1)", None), ("/mnt/s3://lab-work/x", None), ("s3://lab-work/" + "x" * 2000, None),
        ("", None), (None, None),
    ],
)  # fmt: skip
def test_links_to_s3_stay_at_the_browser_of_it(path: str | None, address: str | None) -> None:
    assert s3_link(path, AWS) == address
    assert s3_link(path, "") is None
    assert s3_link("s3://lab/a", "https://minio.lab/b/{bucket}/{prefix}") == "https://minio.lab/b/lab/a/"


def levels(*points: tuple[int, int]) -> Concurrency:
    peak = max((n for _, n in points), default=0)
    return Concurrency(peak=peak, points=[Level(at=iso(10**12 + at), running=n) for at, n in points])


def test_the_curve_of_tasks_at_once() -> None:
    told = curve(levels((100, 2), (200, 4), (300, 1), (400, 0)), iso(10**12), iso(10**12 + 1000))
    assert told is not None and told.peak == 4 and told.span_ms == 1000 and told.peak_x == 20
    assert told.path == "M0 100H100.0V50.0H200.0V0.0H300.0V75.0H400.0V100.0H1000V100Z"
    assert [s.running for s in told.rows] == [0, 2, 2, 4, 4, 1, 1] + [0] * 9
    assert [(s.after_ms, s.x) for s in told.rows[:3]] == [(0, 0), (62, 62), (125, 125)]
    assert len(told.stretches) == 48 and max(s.running for s in told.stretches) == 4
    assert sum(s.width for s in told.stretches) == pytest.approx(1000, abs=3)


def test_the_curve_of_hardly_anything() -> None:
    assert curve(levels(), None, None) is None and curve(levels((5, 0)), iso(10**12), None) is None
    told = curve(levels((0, 1)), None, None)
    assert told is not None and told.span_ms == 1 and max(s.running for s in told.rows) == 1
    assert "H1000V100Z" in told.path


ALWAYS = {"overview", "timeline", "config", "notes", "logs"}


def facts(run: Run, cycle: int = 1, cycles: int = 1, resumed: bool = False, **more: Any) -> RunFacts:
    values: dict[str, Any] = {
        "run": run,
        "judgement": judge([], 0, Settings()),
        "resumed": resumed or cycle > 1,
        "cycles": cycles,
        "newest_cycles": [f"r{n}" for n in reversed(range(cycles))],
        "announced_processes": [],
        "tasks_seen_at": None,
        "last_word_ms": None,
        "last_change": None,
        "of_tabs": {"ai": 0, "reports": 0},
        "words": runner_kind("tower", "nextflow"),
    }
    return RunFacts(**(values | more))


@pytest.mark.parametrize(
    ("status", "known", "more"),
    [
        ("running", {}, set()),
        ("succeeded", {}, {"cost"}),
        ("succeeded", {"cycle": 2, "cycles": 2}, {"cost", "history"}),
        ("succeeded", {"resumed": True}, {"cost"}),
        ("failed", {}, {"cost", "error"}),
        ("cancelled", {"cycles": 2, "of_tabs": {"ai": 1, "reports": 0}}, {"cost", "error", "history", "ai"}),
        ("submitted", {"of_tabs": {"ai": 1, "reports": 2}}, {"ai", "reports"}),
    ],
)
def test_tabs_and_their_conditions(status: str, known: dict[str, Any], more: set[str]) -> None:
    its = facts(run(status), **known)
    assert {t.address for t in tabs(ObjectStores(Settings())) if t.applies(its)} == ALWAYS | more
    assert opens_on(its) == ("error" if status == "failed" else "overview")


def test_many_processes_are_filtered_and_paged() -> None:
    some = [Process(process=f"W:P{n}", label=f"P{n}", **counts().model_dump()) for n in range(1000)]
    first = page_of_processes(some, "", "")
    assert (len(first.shown), first.page, first.pages, first.can_be_filtered) == (100, 1, 10, True)
    assert page_of_processes(some, "", "10").shown[-1].process == "W:P999"
    for wrong in ("0", "99", "x", "-1", "1" * 50, "²"):
        assert 1 <= page_of_processes(some, "", wrong).page <= 10 and page_of_processes(some, "", wrong).shown
    found = page_of_processes(some, "p99 w:", "")
    assert [p.label for p in found.shown] == ["P99", *(f"P99{n}" for n in range(10))] and found.total == 1000
    assert (
        page_of_processes(some[:200], "", "").pages == 1
        and not page_of_processes(some[:30], "", "").can_be_filtered
    )


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


def test_cycles_cost_together_what_each_attempt_cost_once() -> None:
    def cycle(amount: str | None, complete: bool = True) -> Run:
        cost = (
            None if amount is None else Cost(amount=amount, currency="USD", wasted="0.1", complete=complete)
        )
        return run("failed").model_copy(update={"cost": cost})

    assert together([cycle(None)]) is None
    assert together([cycle("0.1"), cycle("0.2")]) == Cost(
        amount="0.3", currency="USD", wasted="0.2", complete=True
    )
    assert not getattr(together([cycle("1"), cycle(None)]), "complete", True)
    assert not getattr(together([cycle("1"), cycle("1", complete=False)]), "complete", True)


def test_each_status_has_a_shape_of_its_own() -> None:
    """Colour is never alone: of the statuses that people see, only words of the same meaning share a drawing."""
    names = sorted({s.value for s in (*RunStatus, *TaskStatus)})
    shapes = {n: bytes(render.render("html/icon.svg", shape=n, colour="#000").body) for n in names}
    shared = {frozenset(m for m in names if shapes[m] == shapes[n]) for n in names}
    assert {s for s in shared if len(s) > 1} == {frozenset({"cancelled", "aborted"})}


def test_since_when_a_run_stands_as_it_does() -> None:
    def at(run: Run) -> str | None:
        return since(facts(run, last_change=("stalled", "2026-11-24T19:00:00.000Z")))

    assert at(run("stalled", "running", "stalled")) == "2026-11-24T19:00:00.000Z"
    assert at(run("running", "running", "live")) == TIME
    assert at(run("disconnected", "running", "disconnected")) == TIME


def test_markdown_is_shown_and_does_no_harm() -> None:
    text = "# T\n<script>x</script> <b>y</b> [j](javascript:alert(1)) [h](https://a.example) ![i](https://evil.example/i.png)\n\n|a|\n|:-:|\n|1|"
    html = str(to_html(text))
    assert "<h3>T</h3>" in html and "<table>" in html
    assert 'href="https://a.example" rel="noopener noreferrer nofollow"' in html
    for never in ("<script", "<b>", "<img", "style=", 'href="javascript'):
        assert never not in html


def test_a_log_is_shown_by_its_end(tmp_path: Path) -> None:
    (tmp_path / ".nextflow.log").write_bytes(b"start [mad_mayer]\n" + b"x" * LOG_BYTES + b"\nend")
    told = run_log(run("running", launch_dir=str(tmp_path)), roots(tmp_path))
    assert (
        told.text is not None
        and told.text.endswith("end")
        and told.truncated
        and "Showing last 1 MB." in (told.message or "")
    )
    (tmp_path / ".nextflow.log").write_text("start [another_run]")
    (tmp_path / ".nextflow.log.1").write_text("start [mad_mayer] older")
    told = run_log(run("running", launch_dir=str(tmp_path)), roots(tmp_path))
    assert told.text == "start [mad_mayer] older" and not told.truncated
    (tmp_path / ".nextflow.log.1").unlink()
    assert "No log file" in (run_log(run("running", launch_dir=str(tmp_path)), roots(tmp_path)).message or "")


def test_the_newest_of_several_published_logs_is_shown(tmp_path: Path) -> None:
    for name, age in (("a.nextflow.log", 100), ("b.nextflow.log", 0)):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    told = run_log(run("failed", output_dir=str(tmp_path)), roots(tmp_path))
    assert told.text == "b.nextflow.log" and "Multiple log files found" in (told.message or "")


def test_only_allowed_folders_are_read(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "a.nextflow.log").write_text("secret")
    (root / "folder").symlink_to(outside)

    def told(folder: Path) -> tuple[str | None, str]:
        answer = run_log(run("running", output_dir=str(folder)), roots(root))
        return answer.text, answer.message or ""

    for folder in (outside, root / "folder", tmp_path / "rootless"):
        assert told(folder)[0] is None and "outside of the folders" in told(folder)[1], folder
    assert told(root / ".." / "outside")[0] is None
    (root / "link.nextflow.log").symlink_to(outside / "a.nextflow.log")
    assert told(root) == (None, "The log cannot be read: there is no such file, or it may not be read.")
    (root / "link.nextflow.log").unlink()
    os.mkfifo(root / "pipe.nextflow.log")
    assert told(root)[0] is None, "and nothing is held up"
    assert "not set" in (run_log(run("running", launch_dir=str(root)), roots()).message or "")
    (root / ".command.err").write_text("boom")
    assert [(n, t.text) for n, t in task_files(str(root), roots(root))] == [(".command.err", "boom")]
    assert task_files(str(outside), roots(root)) == []


def test_figures_for_people() -> None:
    assert [formats.amount(x, "USD") for x in ("0", "0.000086", "12.5", "1234.567", None)] == [
        "$0.00",
        "$0.000086",
        "$12.50",
        "$1,234.57",
        DASH,
    ]
    assert formats.amount("3", "EUR") == "3.00 EUR"
    assert formats.middle("a" * 100, 21) == "a" * 10 + "…" + "a" * 10 and formats.middle("abc") == "abc"
    assert [formats.task_label(n) for n in ("A:B:C (x:y:z)", "C (1)", "A:B", "A:B:C", "")] == [
        "B:C (x:y:z)",
        "C (1)",
        "A:B",
        "B:C",
        "",
    ]
    assert formats.ago("2026-11-24T18:34:11.000Z", formats.ms_of("2026-11-24T18:38:20.000Z")) == "4 min ago"
    assert formats.bar(counts(total=4, succeeded=3, failed=1)) == [
        ("succeeded", 0, 75, 3),
        ("failed", 75, 25, 1),
    ]
    assert formats.bar(counts()) == []


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
    requested: dict[str, list[float]] = {
        "requested_cpus": [],
        "requested_memory": [2, 8],
        "requested_time": [1],
    }
    figures = (
        {c: [0.0, 1.0, 2.0, 3.0, 4.0] for c in columns} | {"known": [5, 3, 0, 0, 0, 0, 2, 2, 0]} | requested
    )
    assert [(b.name, b.known, b.places, b.requested) for b in boxes(figures)] == [
        ("CPU", 5, [0, 25, 50, 75, 100], None),
        ("Peak RSS", 3, [0, 12.5, 25, 37.5, 50], ("8 B", 100.0)),
        ("Queue", 2, [0, 25, 50, 75, 100], None),
        ("Execution", 2, [0, 25, 50, 75, 100], ("1 ms", 25.0)),
    ]
    [cpu] = boxes(figures | {"known": [5] + 8 * [0], "requested_cpus": [2.0]})
    assert cpu.requested == ("200.0 %", 100.0) or cpu.requested == ("200 %", 100.0), (
        "of two CPUs the whole is 200 %"
    )


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


def test_a_log_that_becomes_a_pipe_while_it_is_looked_for_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / ".nextflow.log"
    log.write_text("[mad_mayer]")
    resolve, seen = local.allowed, []

    def swapped(path: str, *more: Any) -> Any:
        found = resolve(path, *more)
        if path == str(log) and stat.S_ISREG(os.lstat(log).st_mode):
            log.unlink()
            os.mkfifo(log)
            seen.append(path)
        return found

    monkeypatch.setattr(local, "allowed", swapped)
    told = run_log(run("running", launch_dir=str(tmp_path)), roots(tmp_path))
    assert seen and told.text is None


def test_a_log_whose_name_is_no_utf8_is_answered(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/\xff.nextflow.log", "wb") as f:
        f.write(b"hello")
    told = run_log(run("running", output_dir=str(tmp_path)), roots(tmp_path))
    assert told.text == "hello" and told.path and told.path.endswith(".nextflow.log")
    assert told.model_dump_json()


def test_links_of_very_many_brackets_stay_text() -> None:
    assert to_html("[a](https://b.example/) " * 1000).count("<a ") == 1000
    assert to_html("[a](https://b.example/) " * 2001).count("<a ") == 0
    assert to_html("[[](" * 25_000).startswith("<p>[[](")


def test_a_text_is_rendered_once_and_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[str] = []

    def render(text: str) -> Markup:
        rendered.append(text[:10])
        return Markup(text)

    monkeypatch.setattr(markdown, "_render", render)
    monkeypatch.setattr(markdown, "_KEPT_MOST", 100_000)
    texts = [f"{n:<9}-" + "x" * 20_000 for n in range(5)]
    for text in (texts[0], texts[1], texts[0], *texts, texts[4]):
        assert markdown.to_html(text) == text
    assert [t.split()[0] for t in rendered] == ["0", "1", "2", "3", "4"], "one that was asked for stays"
    assert markdown.to_html(texts[0]) and len(rendered) == 6
    assert sum(len(t) + len(h) for t, h in markdown._kept.items()) == markdown._kept_size <= 100_000
