"""A real Nextflow 22.10.6: runs a pipeline here, reports to a weblog address, keeps its own trace file."""

import csv
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.services import cache
from tests.support.services.process import Child

# Its libraries are older than this Java. Without the opened packages it runs, but its cache of tasks
# stays empty, and -resume runs everything again; the other two only keep warnings out of its output.
_OPENED = ("java.lang", "java.io", "java.net", "java.nio", "java.util", "sun.nio.ch", "sun.nio.fs")
_JVM = [
    "-Xmx512m",
    # Half of the CPU time of runs as short as ours.
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
]
TRACE_FIELDS = (
    "task_id,hash,native_id,process,tag,name,status,exit,attempt,submit,start,complete,duration,realtime,"
    "cpus,memory,%cpu,peak_rss,rchar,wchar,error_action"
)


@dataclass(frozen=True)
class Finished:
    """What a run of Nextflow left: its exit code, what it printed, and the rows of its trace file."""

    exit_code: int
    output: str
    trace: list[dict[str, str]]


def run_pipeline(
    script: str,
    directory: Path,
    weblog: str | None = None,
    config: str = "",
    arguments: tuple[str, ...] = (),
    timeout: float = 180,
) -> Finished:
    """Run `script` (the text of main.nf) in `directory`, which keeps the work and the session.

    Call it again on the same directory with arguments=("-resume",) for the next cycle of the session.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "main.nf").write_text(script)
    command = [*_launcher(), "run", "main.nf", "-ansi-log", "false", "-with-trace", "trace.txt", *arguments]
    if weblog is not None:
        command += ["-with-weblog", weblog]
    return _run(command, directory, config, _environment(directory), timeout)


#: The plugin nf-tower is not to be had for it: what would go to an address by `-with-tower` goes to the weblog there. A token
#: alone would make it want the plugin.
_BY_WEBLOG = """unset TOWER_ACCESS_TOKEN
before=
for word; do
  shift
  case "$before $word" in
    *" -with-tower") set -- "$@" -with-weblog ;;
    "-with-tower "*) set -- "$@" "$word/weblog" ;;
    *) set -- "$@" "$word" ;;
  esac
  before=$word
done
"""


def run_line(
    line: str, directory: Path, config: str = "", timeout: float = 180, **environment: str
) -> Finished:
    """Run this line in a shell in `directory`, which has a main.nf; it finds `nextflow` and `tracker` in its PATH."""
    return _run(["/bin/sh", "-c", line], directory, config, variables(directory) | environment, timeout)


def variables(directory: Path) -> dict[str, str]:
    """What a shell has that finds `nextflow` and `tracker`."""
    folder = directory / ".bin"
    folder.mkdir(exist_ok=True)
    tracker = [sys.executable, "-c", "from tracker.cli import app; app()"]
    for name, before, command in (("nextflow", _BY_WEBLOG, _launcher()), ("tracker", "", tracker)):
        (folder / name).write_text(f'#!/bin/sh\n{before}exec {shlex.join(command)} "$@"\n')
        (folder / name).chmod(0o755)
    own = _environment(directory)
    return own | {"PATH": f"{folder}:{own['PATH']}"}


def _launcher() -> list[str]:
    return [cache.java(), *_JVM, "-cp", cache.nextflow_classpath(), "nextflow.cli.Launcher"]


def _run(
    command: list[str], directory: Path, config: str, environment: dict[str, str], timeout: float
) -> Finished:
    # Raw numbers: times in ms since the epoch, sizes in bytes, as the weblog has them.
    trace = f"trace {{ raw = true; overwrite = true; fields = '{TRACE_FIELDS}' }}\n"
    (directory / "nextflow.config").write_text(trace + config)
    log = directory / "output.log"
    log.write_bytes(b"")
    child = Child(command, log, cwd=directory, env=environment)
    try:
        exit_code = child.wait(timeout)
    finally:
        child.kill()  # and the tasks that it may have left
    return Finished(exit_code, log.read_text(errors="replace"), _rows(directory / "trace.txt"))


def _environment(directory: Path) -> dict[str, str]:
    """Ours without what would steer Nextflow, and nothing that it could want to download."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NXF_", "TOWER_"))}
    return kept | {
        "JAVA_CMD": cache.java(),
        "NXF_HOME": str(directory / ".nextflow-home"),
        "NXF_OFFLINE": "true",
        "NXF_PLUGINS_DEFAULT": "false",
    }


def _rows(trace: Path) -> list[dict[str, str]]:
    if not trace.exists():  # Nextflow ended before it began the run
        return []
    with trace.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))
