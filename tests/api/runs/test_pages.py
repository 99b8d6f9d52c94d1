"""The plain pages: what they show, that texts stay texts, that nothing comes from elsewhere."""

import hashlib
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from api.core import commands
from api.runs import pages
from schemas.events import RunHidden, RunLabelsChanged, RunShown
from schemas.texts import units
from schemas.values import iso
from schemas.wire import decode
from tests.support.api.stage import T0, Stage

API = Path(pages.__file__).parents[1]
EVIL = "<script>alert(1)</script>\"'&{{ 7*7 }}"


def page(stage: Stage, path: str, status: int = 200) -> str:
    response = stage.request("GET", path)
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("text/html")
    text = response.text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script>", text), "the policy forbids it"
    assert not re.search(r"""(src|href)="(?!/|\?|#)""", text), "only our own host"
    return text


def test_no_runs_yet_teaches(stage: Stage) -> None:
    text = page(stage, "/")
    assert "-with-tower http://127.0.0.1:8000" in text and "TOWER_ACCESS_TOKEN" in text
    assert "No run matches" in page(stage, "/?search=x")


def test_pages_of_a_run(stage: Stage) -> None:
    stage.tick(T0, 200_000)
    stage.run(
        "r1",
        begun=1,
        facts={"name": "mad_mayer", "project_name": "org/rnaseq", "user_name": "ann", "started_at": iso(T0)},
        labels=["night"],
    )
    stage.figures("r1", tasks=9, total=9, succeeded=4, cached=3, failed=2)
    stage.insert("run_processes", {"run_id": "r1", "process": "A:B:C", "version": 1, "succeeded": 4})
    stage.task("r1", 5, name="C (5)", process="A:B:C", hash="ab/cdef", started_at=0)
    listed = page(stage, "/")
    for shown in ('href="/runs/r1"', "mad_mayer", "org/rnaseq", "disconnected", "ann", "night", "7 of 9"):
        assert shown in listed
    for ref in ("r1", "mad_mayer"):
        run = page(stage, f"/runs/{ref}")
        assert "B:C" in run and "silent since" in run and "/api/v1/runs/r1" in run and "A%3AB%3AC" in run
        tasks = page(stage, f"/runs/{ref}/tasks?process=A%3AB%3AC")
        assert "C (5)" in tasks and "ab/cdef" in tasks
    assert "No task matches" in page(stage, "/runs/r1/tasks?status=cached")


def test_a_failed_run_shows_why_and_how_to_go_on(stage: Stage) -> None:
    stage.run(
        "r1", facts={"name": "n", "session_id": "s"}, completed={"state": "failed", "error_message": "boom", "exit_status": 3},
        completed_texts={"error_report": "Caused by:\n  x"},
    )  # fmt: skip
    text = page(stage, "/runs/r1")
    assert "boom" in text and "exit status 3" in text and "Caused by:\n  x" in text and "-resume s" in text


def test_texts_stay_texts(stage: Stage) -> None:
    words = {
        "name": EVIL,
        "session_id": EVIL,
        "project_name": EVIL,
        "user_name": EVIL,
        "work_dir": EVIL,
        "repository": EVIL,
    }
    stage.run(
        "r1", workspace=EVIL, facts=words | {"runner_name": EVIL}, labels=[EVIL], fact_texts={"command_line": EVIL},
        process_names={"names": [EVIL]}, completed={"state": "failed", "error_message": EVIL},
        completed_texts={"error_report": EVIL},
    )  # fmt: skip
    stage.task("r1", 1, name=EVIL, process=EVIL, hash=EVIL, tag=EVIL)
    query = f"?search={EVIL[:8]}".replace("<", "%3C").replace(">", "%3E")
    for path in (
        "/",
        "/" + query,
        "/runs/r1",
        "/runs/r1?tab=all",
        "/runs/r1/tasks",
        "/runs/r1/tasks" + query,
    ):
        text = re.sub(r"\b[0-9a-f]{32,}\b", "", page(stage, path))  # a form's token may hold a 49 by chance
        assert "&lt;script&gt;" in text and "alert(1)</script>" not in text and "49" not in text
    assert "&lt;script&gt;" in page(stage, "/runs/%3Cscript%3Ealert(1)", 404)


def test_older_runs_are_one_click_away_and_filters_stay(stage: Stage) -> None:
    for i in range(51):
        stage.run(f"r{i:02}", at=T0 + i, facts={"name": f"n{i:02}&"})
    first = page(stage, "/?search=n")
    found = re.search(r'href="(\?[^"]+page_token[^"]+)"', first)
    assert found and "search=n" in found[1]
    second = page(stage, "/" + found[1].replace("&amp;", "&"))
    assert "n00&amp;" in second and "n00" not in first and "page_token" not in second
    assert "search=n" in unquote(found[1])


def test_a_sorted_list_keeps_its_filters_and_filters_their_order(stage: Stage) -> None:
    for i in range(51):
        stage.run(f"r{i:02}", at=T0 + i, facts={"name": f"n{i:02}", "user_name": "ann & <b>"})
    text = page(stage, "/?sort=-name&user=ann+%26+%3Cb%3E")
    assert 'aria-sort="descending"' in text and '<input type="hidden" name="sort" value="-name">' in text
    assert 'value="ann &amp; &lt;b&gt;"' in text and 'href="/?user=ann%20%26%20%3Cb%3E"' in text
    addresses = [unquote(a.replace("&amp;", "&")) for a in re.findall(r'href="(\?[^"]+)"', text)]
    assert "?user=ann+&+<b>&sort=name" in addresses and "?user=ann+&+<b>&sort=-cost" in addresses
    more = next(a.replace("&amp;", "&") for a in re.findall(r'href="(\?[^"]+)"', text) if "page_token" in a)
    assert page(stage, f"/{more}").count("<tr id=") == 1
    assert "No run matches" in page(stage, "/?user=ann")


def test_errors_of_pages_are_pages(stage: Stage) -> None:
    assert "<p>There is no run &#39;nobody&#39;.</p>" in page(stage, "/runs/nobody", 404)
    assert "status" in page(stage, "/?status=nope", 400)
    assert "sort" in page(stage, "/runs/nobody/tasks?sort=drop", 400)


def test_docs_page_has_its_files_here(stage: Stage) -> None:
    text = page(stage, "/docs")
    for src in re.findall(r'(?:src|href)="(/static/[^"]+)"', text):
        response = stage.request("GET", src)
        assert response.status_code == 200 and response.content
        assert ("immutable" in response.headers["cache-control"]) == src.startswith("/static/vendor/")


@pytest.mark.parametrize(
    "vendor",
    [API / "static" / "vendor", Path(__file__).parents[2] / "system" / "browser" / "vendor"],
    ids=["pages", "tests"],
)
def test_vendored_files_are_those_that_are_listed(vendor: Path) -> None:
    listed = dict(
        re.findall(
            r"^\| ([0-9a-f]{64}) \| (\S+) \|$", (vendor / "VENDORED.md").read_text(), flags=re.MULTILINE
        )
    )
    there = {
        hashlib.sha256(f.read_bytes()).hexdigest(): f.relative_to(vendor).as_posix()
        for f in vendor.rglob("*")
        if f.is_file() and f.name != "VENDORED.md"
    }
    assert there == listed and listed
    assert all(re.match(r"[a-z-]+-\d+\.\d+\.\d+/", name) for name in listed.values())


def test_figures_as_people_read_them() -> None:
    assert [units.duration(x) for x in (None, 0, 999, 61_000, 3_600_000, 90_061_000)] == [
        units.DASH, "0 ms", "999 ms", "1 min 1 s", "1 h 0 min", "1 d 1 h",
    ]  # fmt: skip
    assert [units.size(x) for x in (None, 0, 1023, 1024, 3 << 39)] == [
        units.DASH,
        "0 B",
        "1023 B",
        "1.0 KiB",
        "1.5 TiB",
    ]


def test_labels_are_changed_on_the_page(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "VISIBLE_WITHIN", 0.0)  # nobody projects here
    stage.run("r1", labels=["a,b", EVIL])
    text = page(stage, "/runs/r1")
    assert 'action="/runs/r1/labels"' in text and "&lt;script&gt;" in text
    for fields, add, remove in (
        ({"add": " new "}, ["new"], []),
        ({"add": EVIL, "remove": "a,b"}, [], ["a,b"]),
        ({"remove": EVIL}, [], [EVIL]),
    ):
        response = stage.request("POST", "/runs/r1/labels", data=fields)
        assert response.status_code == 303 and response.headers["location"] == "/runs/r1"
        event, _ = decode(stage.log.messages[0][-1][1])
        assert isinstance(event, RunLabelsChanged) and (event.data.add, event.data.remove) == (add, remove)
    written = len(stage.log.messages[0])
    for fields, status in (({"add": " "}, 303), ({"add": "x" * 201}, 400), ({"add": "x" * 1_000_000}, 413)):
        assert stage.request("POST", "/runs/r1/labels", data=fields).status_code == status
    foreign = stage.request(
        "POST", "/runs/r1/labels", data={"add": "x"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert foreign.status_code == 403 and len(stage.log.messages[0]) == written


def test_a_run_is_hidden_and_shown_from_its_page(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "VISIBLE_WITHIN", 0.0)  # nobody projects here
    stage.run("r1", hiding={"offset": 1, "hidden": True, "by": "ann"})
    assert 'name="hidden" value="no"' in page(stage, "/runs/r1")
    for word, kind in (("yes", RunHidden), ("no", RunShown)):
        response = stage.request("POST", "/runs/r1/hidden", data={"hidden": word})
        assert response.status_code == 303 and response.headers["location"] == "/runs/r1"
        assert isinstance(decode(stage.log.messages[0][-1][1])[0], kind)
    assert stage.request("POST", "/runs/r1/hidden", data={"hidden": "maybe"}).status_code == 400
    assert stage.request("POST", "/runs/nobody/hidden", data={"hidden": "yes"}).status_code == 404
    assert len(stage.log.messages[0]) == 2


def test_what_ended_a_run_comes_first_and_retried_attempts_are_folded(stage: Stage) -> None:
    stage.run("r1", facts={"name": "n"}, completed={"state": "failed", "error_message": "boom"})
    stage.figures("r1", tasks=3, total=3, failed=3)
    for n in range(12):
        stage.task("r1", n, "failed", name=f"again ({n})", error_action="RETRY", completed_at=100_000 + n)
    stage.task("r1", 20, "failed", name="ignored", error_action="IGNORE", completed_at=90_000)
    stage.task("r1", 21, "failed", name="fatal", error_action="FINISH", completed_at=50_000)
    stage.task("r1", 22, "failed", name="fatal too", error_action="FINISH", completed_at=60_000)
    stage.task("r1", 23, "aborted", name="aborted", completed_at=99_000)
    stage.task("r1", 24, "failed", name="of which nothing more is known", completed_at=98_000)
    text = page(stage, "/runs/r1")
    first, folded = text.split('id="failing"')[1].split('<details id="retried">')
    assert re.findall(r'tasks/(\d+)">', first.split("</table>")[0]) == ["21", "22", "24"]
    assert "1 failure that was ignored" in first
    assert first.count("ended the run") == 2
    assert "12 failed attempts that were retried" in folded
    folded = folded.split("</details>")[0]
    assert re.findall(r'tasks/(\d+)">', folded) == ["11"], "the last of them, with their number"
    assert "All failed attempts" in folded


def test_of_very_many_processes_a_page_shows_the_first(stage: Stage) -> None:
    names = [f"{'Q' * 180}:P{n:04}" for n in range(2000)]
    begun = {"name": "n", "session_id": "s"}
    for run_id in ("r1", "r2"):
        stage.run(run_id, facts=begun, process_names={"names": names}, completed={"state": "succeeded"})
    row = {"run_id": "r1", "status": "succeeded", "attempt": 1}
    row |= {"submitted_at": iso(T0), "started_at": iso(T0), "completed_at": iso(T0 + 1000)}
    stage.insert("tasks", *({**row, "task_id": n, "process": name} for n, name in enumerate(names)))
    for tab, rows, rest in (
        ("overview", r'<tr id="p-', "Page 1 of 20"),
        (
            "cost",
            r'<th scope="row" title="Q',
            'of 2,000; <a href="/api/v1/runs/r1/costs">all of them as JSON</a>',
        ),
        (
            "history",
            r'<th scope="row" title="Q',
            'of 2,000; <a href="/api/v1/runs/r2/processes">all of them as JSON</a>',
        ),
    ):
        text = page(stage, f"/runs/r1?tab={tab}")
        assert len(text) < 1_000_000 and len(re.findall(rows, text)) > 30, tab
        assert rest in text, tab
    assert len(page(stage, "/runs/r1?tab=all")) < 1_500_000


def test_only_a_failure_is_red(stage: Stage) -> None:
    for state, red in (("failed", True), ("cancelled", False)):
        stage.run(state, completed={"state": state, "error_message": "SIGINT"})
        text = page(stage, f"/runs/{state}?tab=error")
        [tab] = re.findall(r'<a [^>]*id="tab-error" class="([^"]*)"', text)
        assert ("is-failed" in tab) == ("banner bad" in text) == red


def test_a_page_opened_by_a_name_links_the_other_runs_of_it(stage: Stage) -> None:
    for n in range(3):
        stage.run(f"r{n}", at=T0 + 1000 * n, facts={"name": "nightly #1"}, completed={"state": "succeeded"})
    by_name = page(stage, "/runs/nightly%20%231")
    told = by_name.split('id="same-name"')[1].split("</p>")[0]
    assert re.findall(r'href="/runs/([^"]+)"', told) == ["r1", "r0"], "this one is the newest"
    assert "/?search=nightly%20%231" in told
    assert "same-name" not in page(stage, "/runs/r2")
    stage.run("r9", facts={"name": "alone"})
    assert "same-name" not in page(stage, "/runs/alone")


def test_the_page_of_a_run_of_a_thousand_processes_is_small_and_can_be_filtered(stage: Stage) -> None:
    names = [f"NFCORE_SAREK:SAREK:SUBWORKFLOW_{n % 20}:A_TOOL_WITH_A_LONG_NAME_{n}" for n in range(1000)]
    stage.run("r1", facts={"name": "giant"}, begun=1)
    rows = [
        {"run_id": "r1", "task_id": n, "process": name, "attempt": 1, "status": status, "name": f"{name} (x)"}
        for n, (name, status) in enumerate(
            (name, s) for name in names for s in ("succeeded", "failed", "running")
        )
    ]
    stage.insert("tasks", *rows)
    stage.figures("r1", tasks=3000, total=3000, succeeded=1000, failed=1000, running=1000)
    stage.insert(
        "run_processes",
        *(
            {
                "run_id": "r1",
                "process": name,
                "version": 1,
                "tasks": 3,
                "succeeded": 1,
                "failed": 1,
                "running": 1,
            }
            for name in names
        ),
    )
    text = page(stage, "/runs/r1?tab=overview")
    assert len(text.encode()) < 200_000 and "1,000 of 1,000" in text and "Page 1 of 10" in text
    for tab in re.findall(r'data-tab="(\w+)"', text):
        assert len(page(stage, f"/runs/r1?tab={tab}").encode()) < 200_000, tab
    assert text.count('<tr id="p-') == 100
    few = page(stage, "/runs/r1?tab=overview&process=name_99&sort=-failed")
    assert few.count('<tr id="p-') == 11 and "11 of 1,000" in few and "process=name_99&amp;sort=" in few
    assert "No process matches" in page(stage, "/runs/r1?tab=overview&process=nothing")


def test_about_a_run_has_no_empty_rows_and_long_texts_stand_once(stage: Stage) -> None:
    command = "nextflow run lab/x " + " ".join(f"--sample_{n} s3://lab/{n}.fastq" for n in range(20))
    stage.run(
        "r1",
        facts={"name": "n", "project_name": "lab/x", "user_name": "ann", "work_dir": "/scratch/work"},
        fact_texts={"command_line": command},
        completed={"state": "succeeded"},
    )
    text = page(stage, "/runs/r1")
    about = text.split('<details id="about">')[1].split("</details>")[0]
    assert re.findall("<dt>([^<]+)", about) == ["Run id", "Cycle"] and "\N{EN DASH}" not in about
    card = text.split('id="card-workflow"')[1].split("</section>")[0]
    assert 'href="/pipelines/lab%2Fx"' in card and 'href="/?user=ann"' in card
    assert text.count(command) == 1 == card.count(f'title="{command}"')
    assert text.count("/scratch/work") == 1
