"""Configuration of Nextflow as text. Pure. A name that Nextflow could not have given to a process is never written into it."""

from collections.abc import Iterable
from math import ceil

GIB, MIB, HOUR_MS, MINUTE_MS = 2**30, 2**20, 3_600_000, 60_000
_NAME_MOST = 300


def selector(process: str) -> str | None:
    """Pure. `withName: '…'` for the full name of a process; None for what is no such name."""
    plain = process.replace(":", "").replace("_", "")
    if not plain or not plain.isascii() or not plain.isalnum() or len(process) > _NAME_MOST:
        return None
    return f"withName: '{process}'"


def of_process(process: str, lines: Iterable[str]) -> list[str]:
    """Pure. The lines within the selector of the process, or without one where its name cannot be written."""
    its = selector(process)
    return [*lines] if its is None else [f"{its} {{", *(f"    {line}" for line in lines), "}"]


def in_process_scope(lines: Iterable[str]) -> str:
    """Pure. `process { … }` around the lines."""
    return "\n".join(("process {", *(f"    {line}" for line in lines), "}"))


def memory_text(size: float) -> str:
    """Pure. Bytes, rounded up, as Nextflow writes memory; its units are powers of 1024."""
    return f"{ceil(size / GIB)}.GB" if size > GIB else f"{max(1, ceil(size / MIB))}.MB"


def time_text(ms: float) -> str:
    """Pure. A time, rounded up, as Nextflow writes it."""
    return f"{ceil(ms / HOUR_MS)}.h" if ms >= HOUR_MS else f"{max(1, ceil(ms / MINUTE_MS))}.m"
