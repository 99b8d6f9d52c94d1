"""The commands of docs/runners, run as they stand, in a shell, by real runners."""

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.services import cache
from tests.support.services.nextflow import run_line
from tests.support.services.process import Child
from tests.support.services.python_runners import new_environment
from tests.support.stacks.client import Reader, until
from tests.support.stacks.stack import COMMAND, EmbeddedStack

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


def shell(script: str, folder: Path, environment: Mapping[str, str]) -> str:
    """What it printed; it must succeed."""
    child = Child(["/bin/sh", "-ec", script], folder / "output.log", cwd=folder, env=environment)
    assert child.wait(180) == 0, child.log_tail()
    return child.log.read_text()


@pytest.mark.parametrize(
    ("page", "runner", "command"),
    [("snakemake.md", "snakemake", "snakemake --cores 1"), ("wdl.md", "miniwdl", "miniwdl run workflow.wdl")],
)
def test_a_runner_with_a_plugin(
    stack: EmbeddedStack, tmp_path: Path, page: str, runner: str, command: str
) -> None:
    """In an environment that has nothing of ours but what the lines of the page install; then by `tracker run`."""
    folders = tmp_path / "first", tmp_path / "second"
    for folder in folders:
        folder.mkdir()
        name, content = FILES[runner]
        (folder / name).write_text(content)
    (folders[0] / "plugins").symlink_to(cache.ROOT / "plugins")
    environment = new_environment(runner, tmp_path / "venv")
    environment["MINIWDL__SCHEDULER__CONTAINER_BACKEND"] = "bare"
    # As if this tracker were at the port that is the default.
    addressed = environment | {"SNAKEMAKE_LOGGER_RUNTRACKER_URL": stack.api_url}
    shell(block(page, 0, stack.api_url), folders[0], addressed)
    succeeded(stack, runner, 1)
    tracker = f"{shlex.join(COMMAND)} run --url {stack.api_url} --"
    said = shell(f"{tracker} {command}", folders[1], environment)
    link = said.splitlines()[0]
    assert link.startswith(f"Follow the run at {stack.api_url}/runs/")
    succeeded(stack, runner, 1, name=link.rpartition("/")[2])


@pytest.mark.parametrize("number", [0, 1, 2])
def test_nextflow(stack: EmbeddedStack, tmp_path: Path, number: int) -> None:
    """By `tracker run`, with `-with-tower` (which reports by weblog here: nf-tower is not to be had) and with `-with-weblog`."""
    (tmp_path / "main.nf").write_text(
        'nextflow.enable.dsl = 2\nprocess HELLO { script: "true" }\nworkflow { HELLO() }\n'
    )
    line = block("nextflow.md", number, stack.api_url)
    finished = run_line(line, tmp_path, TRACKER_PUBLIC_URL=stack.api_url)
    assert finished.exit_code == 0, finished.output
    [name] = re.findall(r"^Launching `main.nf` \[(\S+)\]", finished.output, re.MULTILINE)
    succeeded(stack, "nextflow", 1, name)


def test_anything_by_http(stack: EmbeddedStack, tmp_path: Path) -> None:
    shell(block("http.md", 0, stack.api_url), tmp_path, os.environ)
    succeeded(stack, "cron", 1)
