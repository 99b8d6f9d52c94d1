"""Real runners that are written in Python, with our plugin for them, installed from a wheel that is built here."""

import os
import subprocess
import sys
from pathlib import Path

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


def environment_of(runner: str, plugin: Path, **more: str) -> dict[str, str]:
    """What is needed to start the runner by its name alone, with the plugin, and nothing of our settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TRACKER_", "SNAKEMAKE_", "MINIWDL_"))}
    programs = cache.python_of(runner).parent
    return kept | {"PATH": f"{programs}:{kept['PATH']}", "PYTHONPATH": f"{plugin}:{cache.ROOT}"} | more


def start(runner: str, arguments: list[str], folder: Path, **environment: str) -> Child:
    """`RUNNER …` in this folder, with nothing of our settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TRACKER_", "SNAKEMAKE_", "MINIWDL_"))}
    command = [str(cache.python_of(runner).with_name(runner)), *arguments]
    return Child(command, folder / "output.log", cwd=folder, env=kept | environment)
