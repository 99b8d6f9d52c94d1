"""Durations and sizes as people read them. Pure."""

DASH = "\N{EN DASH}"
UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))


def duration(ms: int | None) -> str:
    """As people read it: the two greatest units; where clocks differ, a negative difference is no duration."""
    if ms is None or ms < 0:
        return DASH
    if ms < 1000:
        return f"{ms} ms"
    if ms < 10_000 and ms % 1000:
        return f"{ms / 1000:.1f} s"
    parts: list[str] = []
    for size, unit in UNITS:
        count, ms = divmod(ms, size)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def size(count: float | None) -> str:
    """Bytes as people read them, in powers of 1024."""
    if count is None:
        return DASH
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while abs(value) >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"
