"""A real Snakemake with our plugin reports to `tracker up`; the API shows what Snakemake itself says."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.services.process import Child, free_port
from tests.support.services.python_runners import install_plugin, start
from tests.support.services.timed_plugin import held, timed
from tests.support.slow_tracker import slow_tracker
from tests.support.stacks.client import Reader, until
from tests.support.stacks.stack import EmbeddedStack
from tests.system.runners.support import ended, shown

pytestmark = pytest.mark.runner

SNAKEFILE = """
rule all:
    input: "joined.txt"
rule make:
    output: "{n}.src"
    benchmark: "bench/{n}.tsv"
    resources: mem_mb=50
    threads: 2
    shell: "echo {wildcards.n} > {output}"
rule joined:
    input: "a.src", "b.src"
    output: "joined.txt"
    run:
        open(output[0], "w").write("done")
rule bad:
    output: "bad.txt"
    log: "bad.log"
    retries: 1
    shell: "echo no such sample > {log}; exit 3"
rule slow:
    output: "slow.txt"
    shell: "touch began; sleep 600"
"""
MANY = """
rule all:
    input: expand("{n}.txt", n=range(100))
rule one:
    output: "{n}.txt"
    shell: "touch {output}"
"""
TIMEOUT = 120.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    roots = tmp_path_factory.getbasetemp()
    with EmbeddedStack(tmp_path_factory.mktemp("snakemake"), local_roots=roots) as running:
        yield running


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_plugin("snakemake", tmp_path_factory.mktemp("plugin"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    return tmp_path


def snakemake(plugin: Path, folder: Path, url: str, name: str, *arguments: str, **more: str) -> Child:
    settings = {"SNAKEMAKE_LOGGER_RUNTRACKER_URL": url, "SNAKEMAKE_LOGGER_RUNTRACKER_RUN_NAME": name}
    settings |= {"PYTHONPATH": str(plugin)} | more
    return start(
        "snakemake",
        ["--cores", "2", *arguments, "--logger", "runtracker"],
        folder,
        **settings,
    )


def test_a_run_that_succeeds_and_is_then_up_to_date(stack: EmbeddedStack, plugin: Path, folder: Path) -> None:
    child = snakemake(plugin, folder, stack.api_url, "good", "--config", "password=hunter2")
    assert child.wait(TIMEOUT) == 0, child.log_tail()
    assert "4 of 4 steps (100%) done" in child.log.read_text()
    run, tasks = ended(stack, "good", "succeeded")
    assert run["tasks"]["total"] == run["tasks"]["succeeded"] == 4 and run["reported"]["complete"]
    assert run["runner"] == {"name": "snakemake", "version": "9.27.1"}
    assert "hunter2" not in run["workflow"]["command_line"] and run["resume_command"] == "--rerun-incomplete"
    first = next(t for t in tasks if t["tag"] == "n=a")
    assert (first["name"], first["cpus"], first["memory_bytes"]) == ("make (n=a)", 2, 50_000_000)
    assert (
        first["realtime_ms"] is not None
        and first["duration_ms"] is not None
        and first["started_at"]
        and first["completed_at"]
    )

    with Reader(stack.api_url) as reader:
        assert "4 of 4 steps (100%) done" in reader.get(f"/runs/{run['id']}/log")["text"]

    assert snakemake(plugin, folder, stack.api_url, "again").wait(TIMEOUT) == 0
    again, tasks = ended(stack, "again", "succeeded")
    assert tasks == [] and again["session_id"] == run["session_id"] and again["cycle"] == 2


def test_a_rule_that_fails_after_a_retry(stack: EmbeddedStack, plugin: Path, folder: Path) -> None:
    child = snakemake(
        plugin, folder, stack.api_url, "bad", "bad.txt", "joined.txt", "--keep-going", "--quiet", "all"
    )
    assert child.wait(TIMEOUT) == 1, child.log_tail()
    run, tasks = ended(stack, "bad", "failed")
    assert (run["tasks"]["succeeded"], run["tasks"]["failed"], run["tasks"]["retried"]) == (3, 1, 1)
    attempts = [
        (t["attempt"], t["status"], t["exit"], t["error_action"]) for t in tasks if t["process"] == "bad"
    ]
    assert attempts == [(1, "failed", 3, "RETRY"), (2, "failed", 3, None)]
    assert run["error"]["exit_status"] == 1 and "no such sample" in run["error"]["report"]


def test_ctrl_c_is_a_cancelled_run(stack: EmbeddedStack, plugin: Path, folder: Path) -> None:
    child = snakemake(plugin, folder, stack.api_url, "stopped", "slow.txt")
    child.wait_until((folder / "began").exists, "the job", TIMEOUT)
    os.killpg(child.pid, signal.SIGINT)
    assert child.wait(TIMEOUT) == 1, child.log_tail()
    run, tasks = ended(stack, "stopped", "cancelled")
    assert [t["status"] for t in tasks] == ["aborted"] and run["tasks"]["failed"] == 0


def test_a_head_that_is_killed_is_disconnected(
    plugin: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with EmbeddedStack(tmp_path_factory.mktemp("killed"), disconnected_after_seconds=20) as stack:
        child = snakemake(plugin, folder, stack.api_url, "killed", "slow.txt")
        child.wait_until((folder / "began").exists, "the job", TIMEOUT)
        with Reader(stack.api_url) as reader:
            until("the run is shown", lambda: shown(reader, "killed", "running"))
            child.kill()
            until("the run is lost", lambda: shown(reader, "killed", "disconnected"))


def test_the_workflow_does_not_need_the_tracker(plugin: Path, folder: Path) -> None:
    child = snakemake(plugin, folder, f"http://127.0.0.1:{free_port()}", "away")
    assert child.wait(TIMEOUT) == 0, child.log_tail()
    said = child.log.read_text()
    assert "4 of 4 steps (100%) done" in said and "were not delivered to" in said and "Traceback" not in said


def test_a_tracker_that_never_answers_holds_no_exit(plugin: Path, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and says nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        child = snakemake(plugin, folder, url, "silent", "--logger-runtracker-close-seconds", "2")
        assert child.wait(TIMEOUT) == 0, child.log_tail()
        work_done = (folder / "joined.txt").stat().st_mtime
        assert time.time() - work_done < 15, "the deadline, and what a busy machine takes to end"
        assert "were not delivered to" in child.log.read_text()


def test_a_slow_tracker_holds_up_no_job_and_the_end_by_its_deadline(plugin: Path, folder: Path) -> None:
    """At most a second of the workflow's 100 jobs is ours, and of its end no more than the deadline and a moment."""
    (folder / "Snakefile").write_text(MANY)
    watch = timed(folder / "timed")
    with slow_tracker(8) as url:
        child = snakemake(plugin, folder, url, "slow", "--quiet", "all", PYTHONPATH=f"{watch}:{plugin}")
        assert child.wait(TIMEOUT) == 0, child.log_tail()
    found = held(watch)
    assert found.calls > 300 and found.seconds < 1.0, found
    assert 4.0 < found.end_seconds < 6.5, found
    assert "were not delivered to" in child.log.read_text()


def test_a_dry_run_is_no_run(stack: EmbeddedStack, plugin: Path, folder: Path) -> None:
    child = snakemake(plugin, folder, stack.api_url, "dry", "--dry-run")
    assert child.wait(TIMEOUT) == 0, child.log_tail()
    assert snakemake(plugin, folder, stack.api_url, "after").wait(TIMEOUT) == 0
    ended(stack, "after", "succeeded")
    with Reader(stack.api_url) as reader:
        assert reader.request("GET", "/api/v1/runs/dry").status == 404
