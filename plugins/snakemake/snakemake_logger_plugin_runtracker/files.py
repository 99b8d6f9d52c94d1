"""Reads what jobs leave on disk: benchmark files and ends of logs. A file that is not there, or says nothing, gives nothing."""

import csv
import math
import os
from typing import Any

_MIB = 2**20
_MOST_BYTES = 64 * 1024
_LOG_BYTES = 4096


def benchmark_figures(path: str) -> dict[str, Any]:
    """The figures of a `benchmark:` file in the units of the tracker. Of a job that is repeated the last line counts, `NA` not.

    Snakemake has s, MB of 2^20 bytes, and per cent of one core.
    """
    lines = _end_of(path, _MOST_BYTES, from_start=True).splitlines()
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


def end_of_log(path: str) -> str:
    """The last lines of a log, at most 4 KiB."""
    return _end_of(path, _LOG_BYTES, from_start=False)


def _end_of(path: str, most: int, from_start: bool) -> str:
    try:
        with open(path, "rb") as file:
            if not from_start:
                file.seek(max(0, file.seek(0, os.SEEK_END) - most))
            return file.read(most).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def _number(text: str | None, factor: int) -> int | float | None:
    try:
        value = float(text or "") * factor
    except ValueError:
        return None
    if not math.isfinite(value) or value < 0:
        return None
    return value if factor == 1 else round(value)
