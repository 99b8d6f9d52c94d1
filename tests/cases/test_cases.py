"""Situations of real people, as small inputs: what must be shown, in the API and on the pages."""

import re
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from stores.tables.client import Tables
from tests.support.projection import put_rates
from tests.support.reference.figures import Rate
from tests.support.whole import T0, Whole, case, whole

#: A time below zero, as a page would say it.
NEGATIVE = re.compile(r"(?<![\d-])[-\u2212]\d[\d,.]* ?(ms|s|min|h|d)\b")
CONSOLE = "https://eu-west-1.console.aws.amazon.com/codesuite"


@pytest.fixture
def tracker(tables: Tables, tmp_path: Path) -> Iterator[Whole]:
    with whole(tables, tmp_path) as started:
        yield started


def tasks_of(tracker: Whole, run: str) -> dict[int, Any]:
    """Task id → the task, with all that is known of it."""
    listed = tracker.get(f"/runs/{quote(run, safe='')}/tasks", page_size=500)["tasks"]
    return {t["task_id"]: tracker.get(f"/runs/{quote(run, safe='')}/tasks/{t['task_id']}") for t in listed}


def text_of(html: str) -> str:
    """What a page says, without its marks, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def links(html: str) -> list[str]:
    return [unescape(href) for href in re.findall(r'href="([^"]*)"', html)]


def test_links_to_repositories_lead_where_the_host_has_them(tracker: Whole) -> None:
    tracker.send(case("10"))
    for run, repository, revision in (
        ("bb_server", "https://bitbucket.mydomain.example/projects/PROJECT/repos/repo", "/browse?at=master"),
        ("azure_clone", "https://dev.azure.com/lab/variants/_git/pipeline", "?version=GBmain"),
        ("azure_user", "https://dev.azure.com/lab/variants/_git/pipeline", "?version=GBmain"),
        ("gh_ssh", "https://github.com/lab-org/repo_name", "/tree/v1.2.0"),
        ("gh_ssh_url", "https://github.com/lab-org/repo_name", "/tree/v1.2.0"),
        ("gl_ssh_port", "https://gitlab.lab.example/group/sub/repo", "/-/tree/feature/x"),
        ("gl_scp_port", "https://gitlab.lab.example/group/repo", "/-/tree/main"),
        ("gl_http", "http://gitlab.lab.example/group/repo", "/-/tree/feature/new-caller"),
        ("gl_https_port", "https://gitlab.lab.example:8443/group/repo", "/-/tree/main"),
        ("gl_relative", "http://server.example/gitlab/dmas/hello", None),
        ("gitea", "https://gitea.lab.example/ada/pipe", "/src/main"),
        ("codecommit", f"{CONSOLE}/codecommit/repositories/pipe/browse", "/refs/heads/main"),
        ("bb_cloud", "https://bitbucket.org/team/repo", "/src/release/2.0"),
        ("rev_hash", "https://github.com/lab/pipe", "/tree/feat/%2342%20fix%3F"),
        ("ghe_custom", "https://git.lab.example/lab/pipe", None),
        ("local_git", None, None),
    ):  # fmt: skip
        found = [link for link in links(tracker.page(f"/runs/repo_{run}")) if "://" in link]
        if repository is None:
            assert found == []
            continue
        assert any(link.startswith(repository) for link in found), found
        of_revision = [link for link in found if link.startswith(f"{repository}{revision}")]
        assert bool(of_revision) == (revision is not None), found
        assert all(link.startswith(("https://", "http://")) and "redacted" not in link for link in found)


def test_zero_means_never(tracker: Whole) -> None:
    put_rates(tracker.tables, [Rate("", "", "", None, Decimal("0.5"))])
    tracker.send(case("31"))
    [task] = tasks_of(tracker, "epoch_ms_client").values()
    assert task["started_at"] is None and task["submitted_at"] == "2026-11-26T10:00:01.000Z"
    run = tracker.run("epoch_ms_client")
    for point in tracker.get("/runs/epoch_ms_client/concurrency")["points"]:
        assert run["started_at"] <= point["at"] <= run["completed_at"]
    costs = tracker.get("/runs/epoch_ms_client/costs")
    for cost in (run["cost"], costs):
        assert (Decimal(cost["amount"]), cost["complete"]) == (Decimal(0), True)
    for address in ("", "/timeline", "/tasks", "/tasks/1"):
        page = tracker.page(f"/runs/epoch_ms_client{address}", tab="all")
        assert "1970" not in page and "2026-11-26" in page


def test_a_stub_run_and_a_preview_say_so(tracker: Whole) -> None:
    tracker.send(case("25"))
    stubbed, previewed = tracker.run("stubbed"), tracker.run("previewed")
    assert (stubbed["stub"], stubbed["preview"]) == (True, False)
    assert (previewed["stub"], previewed["preview"]) == (False, True)
    listed = text_of(tracker.page("/")).lower()
    assert "stub" in listed.replace("stubbed", "") and "preview" in listed.replace("previewed", "")
    assert "stub run" in text_of(tracker.page("/runs/stubbed")).lower()
    assert "preview" in text_of(tracker.page("/runs/previewed")).lower().replace("previewed", "")


def test_errors_are_shown_without_escape_codes(tracker: Whole) -> None:
    [run_id] = tracker.send(case("22"))
    assert "\x1b" not in str(tracker.run(run_id)) and "[0;31m" not in str(tracker.run(run_id))
    [alert] = tracker.alerts()
    assert alert["summary"].endswith("Missing required parameter(s): input, outdir")
    told = str(alert) + str(tracker.get("/runs"))
    told += "".join(tracker.page(f"/runs/{run_id}{of}") for of in ("", "?tab=error", "?tab=all", "/timeline"))
    told += "".join(tracker.request("GET", f"/runs/{run_id}/{of}.csv").text for of in ("tasks", "costs"))
    told += tracker.page("/") + tracker.request("GET", f"/runs/{run_id}/text/error-report").text
    assert not any(code in told for code in ("\x1b", "\\x1b", "[0;31m", "[0m", "]8;;"))
    assert "Missing required parameter(s): input, outdir" in text_of(tracker.page("/"))


def test_the_reason_is_shown_where_only_the_report_has_it(tracker: Whole) -> None:
    tracker.send(case("30"))
    run = tracker.run("k8s_left_running")
    assert {k: v for k, v in run["tasks"].items() if v} == {
        "failed": 1,
        "aborted": 1,
        "retried": 1,
        "total": 2,
    }
    assert (run["status"], run["error"]["message"]) == ("failed", None)
    assert run["error"]["summary"] == "K8s pod failed" in run["error"]["report"]
    banner = tracker.page("/runs/k8s_left_running").split('id="why"')[1]
    assert "K8s pod failed" in text_of(banner.split("</section>")[0])
    assert "K8s pod failed" in text_of(tracker.page("/"))
    [alert] = tracker.alerts()
    assert (alert["kind"], alert["run_id"]) == ("failed", run["id"]) and "K8s pod failed" in alert["summary"]


def test_a_run_without_tasks_cost_nothing_and_says_so(tracker: Whole) -> None:
    tracker.send(case("11"))
    run = tracker.run("empty_run")
    assert run["status"] == "succeeded" and run["tasks"]["total"] == 0
    assert (run["cost"]["amount"], run["cost"]["complete"]) == ("0", True)
    costs = tracker.get("/runs/empty_run/costs")
    assert (costs["amount"], costs["complete"], costs["unpriced_tasks"]) == ("0", True, 0)
    page = text_of(tracker.page("/runs/empty_run"))
    assert "this run had no tasks" in page.lower() and "Cost 0.00" in page and "at least" not in page


def test_a_task_with_any_further_attempt_was_retried(tracker: Whole) -> None:
    tracker.send(case("14"))
    run = tracker.run("many_attempts")
    assert run["status"] == "cancelled" and run["peak_concurrency"] == 2
    counts = {k: v for k, v in run["tasks"].items() if v}
    assert counts == {"succeeded": 1, "aborted": 1, "retried": 2, "total": 2}
    page = tracker.page("/runs/many_attempts", tab="overview")
    assert "Peak Concurrency 2 2 tasks succeeded 1 aborted 1 retried 2" in text_of(page)
    row = page.split('id="p-echo_it"')[1].split("</tr>")[0]
    assert [int(n) for n in re.findall(r">(?:<a[^>]*>)?(\d+)<", row) if n != "0"] == [1, 1, 2]
    assert "retried 2" in text_of(tracker.page("/runs/many_attempts/process", name="echo_it"))


def test_what_the_list_shows_as_pipeline_is_found(tracker: Whole) -> None:
    tracker.send(case("24"))
    tracker.send(case("11"))
    assert "lab/variants" in text_of(tracker.page("/"))
    for name, value in (("search", "LAB/var"), ("pipeline", "lab/variants")):
        params: dict[str, Any] = {name: value}
        assert [r["name"] for r in tracker.get("/runs", **params)["runs"]] == ["local_checkout"]
        page = tracker.page("/", **params)
        assert "local_checkout" in page and "empty_run" not in page
    assert tracker.get("/runs", pipeline="main.nf")["runs"] == []
    other = tracker.run("empty_run")["pipeline"]
    assert [r["name"] for r in tracker.get("/runs", pipeline=other)["runs"]] == ["empty_run"]


def test_a_silent_run_that_was_resumed_needs_no_attention(tracker: Whole) -> None:
    requests = case("40")
    tracker.send(requests[:3])
    tracker.wait(600)
    assert tracker.run("zombie-a")["status"] == "disconnected"
    assert 'id="needs-zombie-a"' in tracker.page("/")
    [alert] = tracker.alerts()
    assert (alert["kind"], alert["run_id"], alert["state"]) == ("disconnected", "zombie-a", "firing")
    tracker.send(requests[3:4])
    [alert] = tracker.alerts()
    assert alert["state"] == "resolved" and alert["summary"].endswith("resumed as zombie_second")
    assert 'id="needs-zombie-a"' not in tracker.page("/")
    tracker.send(requests[4:])
    tracker.wait(2 * 86_400, step=3600)
    assert 'id="needs-zombie-a"' not in tracker.page("/"), "nor long after the later cycle is over"
    assert tracker.run("zombie-a")["status"] == "disconnected"


def test_long_texts_are_cut_with_a_link_to_the_whole(tracker: Whole) -> None:
    tracker.send(case("35"))
    runs = {run["name"]: run["id"] for run in tracker.get("/runs")["runs"]}
    assert len(runs) == 2
    for name, run_id in runs.items():
        for query in ("", "?tab=all"):
            assert len(tracker.page(f"/runs/{run_id}{query}").encode()) < 1_000_000, (name, query)
    [failed] = [run_id for run_id in runs.values() if tracker.run(run_id)["status"] == "failed"]
    run, page = tracker.run(failed), tracker.page(f"/runs/{failed}?tab=all")
    wholes = {"config": run["workflow"]["config_text"], "error-report": run["error"]["report"]}
    for name, whole_text in wholes.items():
        assert f"/runs/{failed}/text/{name}" in links(page)
        answer = tracker.request("GET", f"/runs/{failed}/text/{name}")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8" and answer.text == whole_text
        assert page.count(whole_text[:40]) == 1
    assert tracker.request("GET", f"/runs/{failed}/text/params").json() == run["workflow"]["params"]
    assert page.count("/text/params") == 2 and page.count("sample_00007") <= 2
    [other] = set(runs.values()) - {failed}
    [task] = tasks_of(tracker, other).values()
    address = f"/runs/{other}/tasks/{task['task_id']}"
    page = tracker.page(address)
    assert len(page.encode()) < 200_000 and f"{address}/text/script" in links(page)
    assert tracker.request("GET", f"{address}/text/script").text == task["script"]
    assert tracker.page(f"{address}/text/nothing", 404)


def test_a_task_that_never_started_costs_nothing_and_is_a_mark(tracker: Whole) -> None:
    tracker.send(case("39"))  # without any price
    run = tracker.run("sbatch_refused")
    assert (run["tasks"]["succeeded"], run["tasks"]["failed"], run["peak_concurrency"]) == (1, 1, 1)
    assert tasks_of(tracker, "sbatch_refused")[2]["cost"] == "0"
    assert tracker.get("/runs/sbatch_refused/costs")["unpriced_tasks"] == 1
    drawn = tracker.request("GET", "/runs/sbatch_refused/timeline.json").json()
    [mark] = [b for b in drawn["bars"] if b["task_id"] == 2]
    assert {mark[k] - drawn["began"] for k in ("begin", "start", "execution_end", "end")} == {12_000}
    assert "MARKDUP (s)" in text_of(tracker.page("/runs/sbatch_refused/timeline"))


def test_a_task_that_never_started_leaves_no_gap_in_what_its_run_cost(tracker: Whole) -> None:
    put_rates(tracker.tables, [Rate("", "", "", None, Decimal("0.36"))])
    tracker.send(case("39"))
    run, costs = tracker.run("sbatch_refused"), tracker.get("/runs/sbatch_refused/costs")
    for cost in (run["cost"], costs):  # of the 10 s of the other
        assert (Decimal(cost["amount"]), cost["complete"]) == (Decimal("0.001"), True)
        assert cost["unpriced_tasks"] == 0
    assert "at least" not in text_of(tracker.page("/runs/sbatch_refused", tab="overview"))


def test_labels_in_one_table_can_be_told_apart(tracker: Whole) -> None:
    tracker.send(case("17"))
    labels = [p["label"] for p in tracker.get("/runs/same_labels/processes")["processes"]]
    page = tracker.page("/runs/same_labels", tab="overview")
    shown = re.findall(r'<tr id="p-[^"]*"><th[^>]*><a[^>]*>(.*?)</a>', page)
    assert [unescape(s) for s in shown] == labels and len(set(labels)) == 3


def test_clocks_that_differ_give_no_negative_time(tracker: Whole) -> None:
    tracker.send(case("19"))
    for task in tasks_of(tracker, "skewed_nodes").values():
        for name in ("duration_ms", "realtime_ms"):
            assert task[name] is None or task[name] >= 0, (task["task_id"], name)
        page = text_of(tracker.page(f"/runs/skewed_nodes/tasks/{task['task_id']}"))
        assert not NEGATIVE.search(page)
    run = tracker.run("skewed_nodes")
    points = tracker.get("/runs/skewed_nodes/concurrency")["points"]
    assert min(p["at"] for p in points) == run["started_at"]
    assert max(p["running"] for p in points) == run["peak_concurrency"] >= 1
    drawn = tracker.request("GET", "/runs/skewed_nodes/timeline.json").json()
    assert drawn["began"] == min(b["begin"] for b in drawn["bars"]) == T0
    for b in drawn["bars"]:
        assert T0 <= b["begin"] <= b["start"] <= b["execution_end"] <= b["end"] <= drawn["ended"]
    for address in ("", "/timeline", "/tasks"):
        assert not NEGATIVE.search(text_of(tracker.page(f"/runs/skewed_nodes{address}", tab="all")))


def test_tasks_that_share_a_name_stay_apart(tracker: Whole) -> None:
    tracker.send(case("06"))
    run = tracker.run("same_names")
    assert (run["tasks"]["total"], run["tasks"]["succeeded"], run["tasks"]["retried"]) == (4, 4, 1)
    page = tracker.page("/runs/same_names/process", name="NFLAB:VAR:SPLITN")
    boxes = text_of(page.split('id="boxes"')[1].split("</table>")[0])
    for box in (  # of 100, 200, 300 and 500 %, of 1, 2, 3 and 5 GiB, of 10, 20, 30 and 50 s
        "CPU 100.0 % 175.0 % 250.0 % 350.0 % 500.0 % 200.0 % 4",
        "Peak RSS 1.0 GiB 1.8 GiB 2.5 GiB 3.5 GiB 5.0 GiB \N{EN DASH} 4",
        "Execution 10 s 17 s 25 s 35 s 50 s \N{EN DASH} 4",
    ):
        assert box in boxes
    assert "Over the latest attempt of each of 4 tasks" in text_of(page) and "CPUs 1, 2 " in text_of(page)
    for task_id, attempts in ((1, set()), (2, set()), (3, set()), (4, {5}), (5, {4})):
        address = tracker.page(f"/runs/same_names/tasks/{task_id}")
        others = {int(n) for n in re.findall(r"/tasks/(\d+)$", "\n".join(links(address)), re.MULTILINE)}
        assert others - {task_id} == attempts
        assert ("Attempts" in text_of(address)) == bool(attempts)


def test_two_weblog_executions_of_one_name_are_two_runs(tracker: Whole) -> None:
    """The case has the first execution whole and the second a day later, both from task 1 on."""
    requests = case("32")
    tracker.send(requests[:5])
    tracker.now += 86_400_000
    tracker.send(requests[5:])
    newest, older = tracker.get("/runs")["runs"]
    assert [r["name"] for r in (newest, older)] == ["ci_nightly"] * 2 and newest["id"] != older["id"]
    assert (older["status"], older["cycle"], older["tasks"]["failed"]) == ("failed", 1, 1)
    assert (older["duration_ms"], older["error"]["message"]) == (6000, "T failed")
    assert (newest["status"], newest["cycle"], newest["tasks"]["succeeded"]) == ("succeeded", 2, 1)
    assert (newest["duration_ms"], newest["error"], newest["tasks"]["failed"]) == (10_000, None, 0)
    assert tasks_of(tracker, newest["id"])[1]["hash"] == "0b/000002"
    assert tasks_of(tracker, older["id"])[1]["hash"] == "0a/000001"
    page = tracker.page("/runs/ci_nightly")
    assert tracker.run("ci_nightly")["id"] == newest["id"] and f"/runs/{older['id']}" in links(page)
    assert "T failed" not in text_of(page) and "T failed" in text_of(tracker.page(f"/runs/{older['id']}"))
    answer = tracker.request("PUT", f"/api/v1/runs/{newest['id']}/labels", json={"labels": ["again"]})
    tracker.tick()
    assert answer.status_code == 202 and tracker.run(newest["id"])["labels"] == ["again"]
    assert tracker.run(older["id"])["labels"] == []
