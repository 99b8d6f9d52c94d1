"""nextflow-turret 0.1.0, the other tracker that speaks Nextflow's Tower dialect, in a virtual environment of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load import Wire
from tests.support.services.cache import cache_dir
from tests.support.services.process import Child, free_port

TURRET = "nextflow-turret==0.1.0"
_READY_SECONDS = 60.0


@contextmanager
def turret(folder: Path) -> Iterator[str]:
    """Its address, while it runs, with its database in the folder."""
    folder.mkdir(parents=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(_installed()), "--host", "127.0.0.1", "--port", str(port), "--db", "turret.db"]
    child = Child(command, folder / "turret.log", cwd=folder)

    def answers() -> bool:
        try:
            with Wire(url) as wire:
                wire.get("/user-info")
        except OSError:
            return False
        return True

    try:
        child.wait_until(answers, TURRET, _READY_SECONDS)
        yield url
    finally:
        child.terminate(grace=5)


def _installed() -> Path:
    """Its command; installed with pip from the package index the first time."""
    venv = cache_dir() / "turret"
    command = venv / "bin" / "turret"
    if not (venv / "made").exists():
        print(f"installing {TURRET} into {venv}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        pip = [str(venv / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", TURRET], check=True)
        # Its wheel lacks the folder that it serves files from.
        (server,) = venv.glob("lib/python*/site-packages/nextflow_turret/server")
        (server / "static").mkdir(exist_ok=True)
        (venv / "made").touch()
    return command
