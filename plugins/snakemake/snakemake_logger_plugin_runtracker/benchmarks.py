"""Reads the benchmark files of jobs. A file that is not there, or says nothing, gives nothing."""

import csv
import math
from typing import Any

_MIB = 2**20
_MOST_BYTES = 64 * 1024


def benchmark_figures(path: str) -> dict[str, Any]:
    """The figures of a `benchmark:` file in the units of the tracker. Of a job that is repeated the last line counts, `NA` not.

    Snakemake has s, MB of 2^20 bytes, and per cent of one core.
    """
    lines = _lines(path)
    rows = list(csv.DictReader(lines, delimiter="\t"))
    if not rows:
        return {}
    figures = {
        "realtime_ms": _number(rows[-1].get("s"), 1000),
        "peak_rss_bytes": _number(rows[-1].get("max_rss"), _MIB),
        "peak_vmem_bytes": _number(rows[-1].get("max_vms"), _MIB),
        "read_bytes": _number(rows[-1].get("io_in"), _MIB),
        "write_bytes": _number(rows[-1].get("io_out"), _MIB),
        "cpu_percent": _number(rows[-1].get("mean_load"), 1),
    }
    return {name: value for name, value in figures.items() if value is not None}


def _lines(path: str) -> list[str]:
    try:
        with open(path, "rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace").splitlines()
    except (OSError, ValueError):
        return []


def _number(text: str | None, factor: int) -> int | float | None:
    try:
        value = float(text or "") * factor
    except ValueError:
        return None
    if not math.isfinite(value) or value < 0:
        return None
    return value if factor == 1 else round(value)
