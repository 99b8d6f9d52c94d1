"""Reports: what a pipeline's `tracker.yml` says of its outputs. Pure, and linear in what a pipeline may write."""

from dataclasses import dataclass
from typing import Any

import yaml

#: A larger file is not read; what it may hold.
YML_BYTES = 65_536
_PATTERNS_MAX, _PATTERN_LENGTH, _DISPLAY_LENGTH = 100, 1000, 200
NAME = "tracker.yml"


@dataclass(frozen=True, slots=True)
class ReportPattern:
    """Files whose paths below the output folder match are reports of this name."""

    pattern: str
    display: str


def patterns_of(data: bytes) -> list[ReportPattern]:
    """The patterns of a `tracker.yml`, in its order; what is not of its shape is left out. Raises ValueError for no YAML."""
    try:
        document: Any = yaml.safe_load(data)
    except (
        yaml.YAMLError,
        RecursionError,
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as e:
        raise ValueError(f"{NAME} is no YAML: {str(e)[:300]}") from e
    reports = document.get("reports") if isinstance(document, dict) else None
    if not isinstance(reports, dict):
        return []
    found = []
    for pattern, about in list(reports.items())[:_PATTERNS_MAX]:
        display = about.get("display") if isinstance(about, dict) else None
        if isinstance(pattern, str) and 0 < len(pattern) <= _PATTERN_LENGTH and isinstance(display, str):
            found.append(ReportPattern(pattern, display.strip()[:_DISPLAY_LENGTH] or pattern))
    return found


def matches(pattern: str, path: str) -> bool:
    """Whether the path matches: `*` stands for any characters of one segment, `?` for one, `**` for any number of segments.

    A pattern without `/` names a file directly in the folder.
    """
    segments = path.split("/")
    # For each number of segments: whether what was read of the pattern can match so many of them.
    reached = [True] + [False] * len(segments)
    for part in pattern.split("/"):
        if part == "**":
            first = next((n for n, ok in enumerate(reached) if ok), len(reached))
            reached = [n >= first for n in range(len(reached))]
        else:
            reached = [False] + [
                ok and _matches_segment(part, segment)
                for ok, segment in zip(reached[:-1], segments, strict=True)
            ]
    return reached[-1]


def _matches_segment(pattern: str, text: str) -> bool:
    """Goes back to the last `*` alone, so that no pattern takes more than the product of both lengths."""
    p = t = 0
    star = mark = -1
    while t < len(text):
        if p < len(pattern) and pattern[p] == "*":
            star, mark = p, t
            p += 1
        elif p < len(pattern) and pattern[p] in ("?", text[t]):
            p, t = p + 1, t + 1
        elif star >= 0:
            mark += 1
            p, t = star + 1, mark
        else:
            return False
    return all(c == "*" for c in pattern[p:])
