"""What readers ask for: query parameters, checked. Pure; raises Problem 400 that says what would be right."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Path, Query, Request

from api.core.cursor import INT64_MAX
from api.core.problems import bad_parameter
from schemas.statuses import RunStatus
from schemas.values import to_ms

PAGE_SIZE = 50
PAGE_SIZE_MAX = 500
#: Processes of a run that one answer tells of: a run of a million tasks may name as many.
PROCESSES_MAX = 2_000

Ref = Annotated[str, Path(description="The run's id, or its name, which means the newest run of that name")]
PageSize = Annotated[int, Query(ge=1, le=PAGE_SIZE_MAX, description="Most items of one answer")]
PageToken = Annotated[
    str,
    Query(
        max_length=2000,
        description="`next_page_token` of the page before; keep the other parameters the same",
    ),
]
Text = Annotated[str, Query(max_length=1000)]
Search = Annotated[
    str, Query(max_length=1000, description="Case does not matter; every character stands for itself")
]
Statuses = Annotated[str, Query(max_length=1000, description="One or several, comma-separated")]
Moment = Annotated[
    str,
    Query(
        max_length=100,
        description="RFC 3339, such as 2026-01-31T08:00:00Z; or a date, which begins in UTC; or -7d, -24h, -30m before now",
    ),
]
_AGO = re.compile(r"-(\d{1,6})([mhdw])")
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")

#: What runs may be sorted by: fields of Run and of what is in it; `pipeline` is what people see of the workflow's names.
RUN_SORTS = frozenset(
    ("name", "status", "total", "failed", "pipeline", "started_at", "completed_at", "duration_ms",
     "peak_concurrency", "cost", "user_name")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs; empty texts and lists do not filter. after_ms <= start < before_ms."""

    statuses: list[str]
    search: str = ""
    label: str = ""
    session_id: str = ""
    user: str = ""
    after_ms: int = -INT64_MAX
    before_ms: int = INT64_MAX
    hidden: bool = False
    pipeline: str = ""


def run_filter(
    request: Request,
    status: Statuses = "",
    search: Search = "",
    label: Text = "",
    session_id: Text = "",
    user: Annotated[str, Query(max_length=1000, description="By whom, exactly")] = "",
    started_after: Moment = "",
    started_before: Moment = "",
    hidden: Annotated[bool, Query(description="List hidden runs too")] = False,
    pipeline: Annotated[str, Query(max_length=1000, description="As lists show it, exactly")] = "",
) -> RunFilter:
    """The filter of a list of runs, from its query parameters. On pages, which show UTC, a time without a zone is UTC."""
    zone_needed = request.url.path.startswith("/api/")

    def moment(name: str, text: str, default: int) -> int:
        return moment_ms(name, text, request.app.state.clock(), zone_needed) if text.strip() else default

    return RunFilter(
        statuses_of(status, RunStatus),
        search,
        label,
        session_id,
        user,
        moment("started_after", started_after, -INT64_MAX),
        moment("started_before", started_before, INT64_MAX),
        hidden,
        pipeline,
    )


def run_sort(
    sort: Annotated[
        str,
        Query(
            max_length=100,
            description=f"One of {', '.join(sorted(RUN_SORTS))}, with `-` before it for descending",
        ),
    ] = "",
) -> str:
    """The order of a list of runs; '' is latest first append first."""
    check_sort(sort, RUN_SORTS)
    return sort


def check_sort(sort: str, known: frozenset[str]) -> None:
    """Raises Problem 400 for an order by another field; '' is the list's own order."""
    if sort and sort.removeprefix("-") not in known:
        raise bad_parameter(
            "sort", f"give one of {', '.join(sorted(known))}, with - before it for descending"
        )


def statuses_of(text: str, known: type[StrEnum], name: str = "status") -> list[str]:
    """The statuses of a comma-separated list. Raises Problem 400 for one that is not known."""
    asked = [s.strip() for s in text.split(",") if s.strip()]
    if unknown := [s for s in asked if s not in set(known)]:
        raise bad_parameter(name, f"{unknown[0][:100]!r} is unknown; give some of {', '.join(known)}")
    return asked


def moment_ms(name: str, text: str, now_ms: int, zone_needed: bool) -> int:
    """Pure. What people write for a time, in ms since 1970. Raises Problem 400."""
    text = text.strip()
    if ago := _AGO.fullmatch(text):
        return now_ms - int(ago[1]) * _UNIT_MS[ago[2]]
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None and (_DATE.fullmatch(text) or not zone_needed):
            time = time.replace(tzinfo=UTC)
        value = to_ms(time)
    except (ValueError, OverflowError) as e:
        zone = (
            "with its zone (write + as %2B), such as 2026-01-31T08:00:00Z"
            if zone_needed
            else "such as 2026-01-31 08:00"
        )
        raise bad_parameter(
            name, f"give a date such as 2026-01-31, a time {zone}, or -7d, -24h or -30m before now"
        ) from e
    assert isinstance(value, int)
    return value
