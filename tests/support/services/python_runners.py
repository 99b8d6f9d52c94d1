"""Real runners that are written in Python, with our plugin for them, installed from a wheel that is built here."""

import os
import subprocess
import sys
from pathlib import Path

import hatchling

from tests.support.services import cache
from tests.support.services.process import Child

PLUGINS = cache.ROOT / "plugins"


def install_plugin(runner: str, folder: Path) -> Path:
    """A folder for PYTHONPATH that holds the plugin alone, as pip installs its wheel where nothing of this repository is."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    wheels, site = folder / "wheels", folder / "site"
    built = [
        *pip,
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(wheels),
        str(PLUGINS / runner),
    ]
    subprocess.run(built, check=True, timeout=120)
    [wheel] = wheels.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True, timeout=120)
    return site


def new_environment(runner: str, folder: Path) -> dict[str, str]:
    """The variables of a new virtual environment, where people install the plugin: it has pip and the runner, nothing of ours.

    pip asks no index there: the runner is lent by the environment that all tests share, and what builds the plugin by ours.
    """
    theirs = cache.python_of(runner)
    subprocess.run([theirs, "-m", "venv", folder], check=True, timeout=120)
    [lent] = theirs.parents[1].glob("lib/*/site-packages")
    [site] = folder.glob("lib/*/site-packages")
    (site / "lent.pth").write_text(f"{lent}\n{Path(hatchling.__file__).parents[1]}\n")
    _, _, script = theirs.with_name(runner).read_text().partition("\n")
    program = folder / "bin" / runner
    program.write_text(f"#!{folder / 'bin' / 'python'}\n{script}")
    program.chmod(0o755)
    pip = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return _environment() | pip | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}


def start(runner: str, arguments: list[str], folder: Path, **environment: str) -> Child:
    """`RUNNER …` in this folder, with nothing of our settings."""
    command = [str(cache.python_of(runner).with_name(runner)), *arguments]
    return Child(command, folder / "output.log", cwd=folder, env=_environment() | environment)


def _environment() -> dict[str, str]:
    ours = ("TRACKER_", "SNAKEMAKE_", "MINIWDL_", "PIP_", "PYTHONPATH")
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)}
