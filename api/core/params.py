"""What readers ask for: query parameters, checked. Pure; raises Problem 400 that says what would be right."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Path, Query

from api.core.cursor import INT64_MAX
from api.core.problems import bad_request
from schemas.events import to_ms
from schemas.statuses import RunStatus

PAGE_SIZE = 50
PAGE_SIZE_MAX = 500

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
Moment = Annotated[str, Query(max_length=100, description="RFC 3339, such as 2026-01-31T08:00:00Z")]

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
    """The filter of a list of runs, from its query parameters."""
    return RunFilter(
        statuses_of(status, RunStatus),
        search,
        label,
        session_id,
        user,
        _moment("started_after", started_after, -INT64_MAX),
        _moment("started_before", started_before, INT64_MAX),
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
        raise bad_request(f"sort: give one of {', '.join(sorted(known))}, with - before it for descending")


def statuses_of(text: str, known: type[StrEnum]) -> list[str]:
    """The statuses of a comma-separated list. Raises Problem 400 for one that is not known."""
    asked = [s.strip() for s in text.split(",") if s.strip()]
    if unknown := [s for s in asked if s not in set(known)]:
        raise bad_request(f"status: {unknown[0][:100]!r} is unknown; give some of {', '.join(known)}")
    return asked


def _moment(name: str, text: str, default: int) -> int:
    if not text:
        return default
    try:
        value = to_ms(text)
    except (ValueError, OverflowError) as e:
        raise bad_request(
            f"{name}: give a time of RFC 3339, such as 2026-01-31T08:00:00Z (write + as %2B)"
        ) from e
    assert isinstance(value, int)
    return value
