"""A real miniwdl with our plugins, without containers, reports to `tracker up`; the API shows what miniwdl itself says."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.services.process import Child, free_port
from tests.support.services.python_runners import install_plugin, start
from tests.support.services.timed_plugin import held, timed
from tests.support.slow_tracker import slow_tracker
from tests.support.stacks.stack import EmbeddedStack
from tests.system.runners.support import ended

pytestmark = pytest.mark.runner

WDL = """
version 1.0
workflow w {
  input { Array[String] names = ["a", "b"] String bad = "" }
  scatter (n in names) { call greet { input: n = n, bad = bad } }
  output { Array[String] greetings = greet.greeting }
}
task greet {
  input { String n String bad Int retries = 1 }
  command <<<
    if [ "~{n}" = "~{bad}" ]; then echo "no such sample" >&2; exit 3; fi
    if [ "~{n}" = "slow" ]; then touch ../began; sleep 600; fi
    echo "hello ~{n}"
  >>>
  output { String greeting = read_string(stdout()) }
  runtime { cpu: 1 memory: "50 MB" maxRetries: retries }
}
"""
TIMEOUT = 120.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    with EmbeddedStack(tmp_path_factory.mktemp("miniwdl")) as running:
        yield running


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_plugin("miniwdl", tmp_path_factory.mktemp("plugin"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "w.wdl").write_text(WDL)
    return tmp_path


def miniwdl(plugin: Path, folder: Path, url: str, name: str, *arguments: str, **more: str) -> Child:
    cache = {f"MINIWDL__CALL_CACHE__{key}": "true" for key in ("GET", "PUT")}
    return start(
        "miniwdl",
        ["run", "w.wdl", *arguments, "--dir", str(folder / "out")],
        folder,
        MINIWDL__SCHEDULER__CONTAINER_BACKEND="bare",
        MINIWDL__CALL_CACHE__DIR=str(folder / "cache"),
        MINIWDL__RUNTRACKER__URL=url,
        MINIWDL__RUNTRACKER__RUN_NAME=name,
        **cache,
        **{"PYTHONPATH": str(plugin)} | more,
    )


def test_a_run_that_succeeds_and_is_then_cached(stack: EmbeddedStack, plugin: Path, folder: Path) -> None:
    child = miniwdl(plugin, folder, stack.api_url, "good")
    assert child.wait(TIMEOUT) == 0, child.log_tail()
    run, tasks = ended(stack, "good", "succeeded")
    assert run["runner"] == {"name": "miniwdl", "version": "1.16.0"} and run["pipeline"] == "w"
    assert Counter(t["status"] for t in tasks) == {"succeeded": 2} and run["reported"]["complete"]
    assert {t["tag"] for t in tasks} == {"greet-0-a", "greet-1-b"}
    assert all(
        (t["exit"], t["cpus"], t["memory_bytes"], t["attempt"]) == (0, 1, 50_000_000, 1) for t in tasks
    )
    assert run["resume_command"] is None

    again = miniwdl(plugin, folder, stack.api_url, "more", "names=a", "names=c")
    assert again.wait(TIMEOUT) == 0, again.log_tail()
    more, tasks = ended(stack, "more", "succeeded")
    assert {t["tag"]: t["status"] for t in tasks} == {"greet-0-a": "cached", "greet-1-c": "succeeded"}
    assert more["session_id"] == run["session_id"] and more["cycle"] == 2


def test_a_task_that_fails_after_a_retry(stack: EmbeddedStack, plugin: Path, folder: Path) -> None:
    child = miniwdl(plugin, folder, stack.api_url, "bad", "bad=b")
    assert child.wait(TIMEOUT) == 3, child.log_tail()
    run, tasks = ended(stack, "bad", "failed")
    attempts = [
        (t["attempt"], t["status"], t["exit"], t["error_action"]) for t in tasks if t["tag"] == "greet-1-b"
    ]
    assert attempts == [(1, "failed", 3, "RETRY"), (2, "failed", 3, None)]
    assert (run["tasks"]["failed"], run["tasks"]["retried"]) == (1, 1)
    assert run["error"]["exit_status"] == 3 and "no such sample" in run["error"]["report"]


def test_a_task_alone_is_a_run(stack: EmbeddedStack, plugin: Path, folder: Path) -> None:
    child = miniwdl(plugin, folder, stack.api_url, "alone", "n=z", "bad=z", "retries=0", "--task", "greet")
    assert child.wait(TIMEOUT) == 3, child.log_tail()
    run, [task] = ended(stack, "alone", "failed")
    assert (task["process"], task["status"], task["exit"]) == ("greet", "failed", 3) and run[
        "pipeline"
    ] == "greet"


def test_ctrl_c_is_a_cancelled_run(stack: EmbeddedStack, plugin: Path, folder: Path) -> None:
    child = miniwdl(plugin, folder, stack.api_url, "stopped", "names=slow", "names=a")
    child.wait_until(lambda: any(folder.glob("out/*/call-*/began")), "the task", TIMEOUT)
    os.killpg(child.pid, signal.SIGINT)
    assert child.wait(TIMEOUT) != 0, child.log_tail()
    _, tasks = ended(stack, "stopped", "cancelled")
    assert next(t["status"] for t in tasks if t["tag"].endswith("slow")) == "aborted"


def test_the_workflow_does_not_need_the_tracker(plugin: Path, folder: Path) -> None:
    child = miniwdl(plugin, folder, f"http://127.0.0.1:{free_port()}", "away")
    assert child.wait(TIMEOUT) == 0, child.log_tail()
    said = child.log.read_text()
    assert "were not delivered to" in said and "Traceback" not in said


def test_a_slow_tracker_holds_up_no_task_and_the_end_by_its_deadline(plugin: Path, folder: Path) -> None:
    """At most a second of a workflow of 100 tasks would be ours, and of its end no more than the deadline and a moment."""
    watch = timed(folder / "timed")
    tasks = 40
    with slow_tracker(8) as url:
        names = [f"names=n{n}" for n in range(tasks)]
        child = miniwdl(plugin, folder, url, "slow", *names, PYTHONPATH=f"{watch}:{plugin}")
        assert child.wait(TIMEOUT) == 0, child.log_tail()
    found = held(watch)
    assert found.calls > 3 * tasks and found.seconds < tasks / 100, found
    assert 4.0 < found.end_seconds < 6.5, found


def test_without_an_address_nothing_is_told(plugin: Path, folder: Path) -> None:
    child = miniwdl(plugin, folder, "", "nothing")
    assert child.wait(TIMEOUT) == 0 and "runtracker:" not in child.log.read_text(), child.log_tail()
