"""The commands of docs/runners, run as they stand, in a shell, by real runners."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.services import cache
from tests.support.services.nextflow import run_line, run_pipeline
from tests.support.services.process import Child
from tests.support.services.python_runners import environment_of, install_plugin
from tests.system.e2e.client import Reader, until
from tests.system.e2e.stack import COMMAND, EmbeddedStack

pytestmark = pytest.mark.runner

PAGES = cache.ROOT / "docs" / "runners"
FILES = {
    "snakemake": ("Snakefile", 'rule all:\n    output: "a.txt"\n    shell: "echo a > {output}"\n'),
    "miniwdl": (
        "workflow.wdl",
        "version 1.0\ntask hello { command { echo hello } output { String o = read_string(stdout()) } }\n"
        "workflow w { call hello }\n",
    ),
}


def block(page: str, number: int, url: str) -> str:
    """A block of shell of a page, with the address of this tracker."""
    blocks: list[str] = re.findall(
        r"^```sh\n(.*?)^```$", (PAGES / page).read_text(), re.DOTALL | re.MULTILINE
    )
    return blocks[number].replace("http://127.0.0.1:8000", url)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    with EmbeddedStack(tmp_path_factory.mktemp("pages")) as running:
        yield running


def succeeded(stack: EmbeddedStack, runner: str, tasks: int, name: str = "") -> None:
    """The newest run of this runner, or the one of this name, is over, with so many tasks."""

    def missing() -> list[str]:
        runs = [
            r
            for r in reader.get("/runs")["runs"]
            if r["runner"]["name"] == runner and name in ("", r["name"])
        ]
        found = [(r["status"], r["tasks"]["succeeded"]) for r in runs[:1]]
        return [] if found == [("succeeded", tasks)] else [f"runs {found}"]

    with Reader(stack.api_url) as reader:
        until("the run is shown", missing)


def shell(script: str, folder: Path, **environment: str) -> None:
    child = Child(["/bin/sh", "-ec", script], folder / "output.log", cwd=folder, env=os.environ | environment)
    assert child.wait(180) == 0, child.log_tail()


@pytest.mark.parametrize(("page", "runner"), [("snakemake.md", "snakemake"), ("wdl.md", "miniwdl")])
def test_a_runner_with_a_plugin(stack: EmbeddedStack, tmp_path: Path, page: str, runner: str) -> None:
    name, content = FILES[runner]
    (tmp_path / name).write_text(content)
    (tmp_path / "plugins").symlink_to(cache.ROOT / "plugins")
    programs, site = tmp_path / "bin", tmp_path / "site"
    programs.mkdir()
    (programs / runner).symlink_to(cache.python_of(runner).with_name(runner))
    # The runner's environment is shared by all tests, so pip puts the plugin beside it; what builds it is here already.
    pip = f'#!/bin/sh\nexec {sys.executable} -m pip "$@" --no-deps --no-build-isolation --quiet --target {site}\n'
    (programs / "pip").write_text(pip)
    (programs / "pip").chmod(0o755)
    shell(
        block(page, 0, stack.api_url),
        tmp_path,
        PATH=f"{programs}:{os.environ['PATH']}",
        PYTHONPATH=str(site),
        SNAKEMAKE_LOGGER_RUNTRACKER_URL=stack.api_url,
        MINIWDL__SCHEDULER__CONTAINER_BACKEND="bare",
    )
    succeeded(stack, runner, 1)


@pytest.mark.parametrize("runner", ["snakemake", "miniwdl"])
def test_tracker_run_starts_it_and_names_the_run(stack: EmbeddedStack, tmp_path: Path, runner: str) -> None:
    name, content = FILES[runner]
    (tmp_path / name).write_text(content)
    plugin = install_plugin(runner, tmp_path)
    command = {"snakemake": ["snakemake", "--cores", "1"], "miniwdl": ["miniwdl", "run", name]}[runner]
    bare = {"MINIWDL__SCHEDULER__CONTAINER_BACKEND": "bare"}
    log = tmp_path / "output.log"
    child = Child(
        [*COMMAND, "run", "--url", stack.api_url, "--", *command],
        log,
        cwd=tmp_path,
        env=environment_of(runner, plugin, **bare),
    )
    assert child.wait(180) == 0, child.log_tail()
    link = log.read_text().splitlines()[0]
    assert link.startswith(f"Follow the run at {stack.api_url}/runs/")
    succeeded(stack, runner, 1, name=link.rpartition("/")[2])


def test_nextflow_by_weblog(stack: EmbeddedStack, tmp_path: Path) -> None:
    pipeline = 'nextflow.enable.dsl = 2\nprocess HELLO { script: "true" }\nworkflow { HELLO() }\n'
    assert run_pipeline(pipeline, tmp_path).exit_code == 0
    finished = run_line(block("nextflow.md", 2, stack.api_url), tmp_path)
    assert finished.exit_code == 0, finished.output
    succeeded(stack, "nextflow", 1)


def test_anything_by_http(stack: EmbeddedStack, tmp_path: Path) -> None:
    shell(block("http.md", 0, stack.api_url), tmp_path)
    succeeded(stack, "cron", 1)
