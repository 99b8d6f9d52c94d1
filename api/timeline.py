"""The task timeline: what one window of it shows, laid out by the server so that a run of any size fits on a screen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel

from api.asking import Search, Statuses, statuses_of
from api.models import Run
from api.paging import INT64_MAX
from api.reader import Reader, Row
from api.show import ms_of
from schemas.statuses import TaskStatus

#: Bars that a window holds at most.
BARS_MAX = 2000
#: Groups that a timeline names at most.
GROUPS_MAX = 500

Group = Literal["", "process", "host", "machine", "capacity"]


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of the timeline: times in ms since 1970, rows from 0."""

    statuses: list[str]
    search: str = ""
    group: Group = ""
    from_ms: int = -INT64_MAX
    to_ms: int = INT64_MAX
    from_row: int = 0
    to_row: int = INT64_MAX
    bars: int = BARS_MAX


_Bound = Annotated[int, Query(ge=-INT64_MAX, le=INT64_MAX)]


def window(
    status: Statuses = "",
    search: Search = "",
    group: Group = "",
    from_ms: _Bound = -INT64_MAX,
    to_ms: _Bound = INT64_MAX,
    from_row: _Bound = 0,
    to_row: _Bound = INT64_MAX,
    bars: Annotated[int, Query(ge=1, le=BARS_MAX)] = BARS_MAX,
) -> Window:
    """The window of a timeline, from its query parameters. Raises Problem 400."""
    return Window(statuses_of(status, TaskStatus), search, group, from_ms, to_ms, from_row, to_row, bars)


class Bar(BaseModel):
    """One attempt, or several neighbours as one: rows top <= y < bottom, times in ms since 1970.

    Queue from `begin` to `start`, execution to `execution_end`, overhead to `end`.
    """

    top: int
    bottom: int
    attempts: int
    begin: int
    start: int
    execution_end: int
    end: int
    status: TaskStatus
    task_id: int
    name: str
    process: str
    attempt: int
    group: str


class GroupRow(BaseModel):
    """A group: its name stands in row `row`, its attempts below it."""

    name: str
    attempts: int
    row: int


class Timeline(BaseModel):
    """`total` attempts match, in `rows` rows; `began` and `ended` hold all of them and the run."""

    began: int
    ended: int
    total: int
    rows: int
    cached: int
    merged: bool
    groups: list[GroupRow]
    bars: list[Bar]


def timeline(reader: Reader, run: Run, wanted: Window) -> Timeline:
    """This window of the run's timeline."""
    last_word = reader.rows("last_word", run_id=run.id)
    last_ms = last_word[0]["at"] if last_word and last_word[0]["at"] is not None else reader.clock()
    rows = reader.rows(
        "timeline",
        run_id=run.id,
        last_ms=last_ms,
        statuses=wanted.statuses,
        search=wanted.search,
        group=wanted.group,
        from_ms=wanted.from_ms,
        to_ms=wanted.to_ms,
        from_row=wanted.from_row,
        to_row=wanted.to_row,
        bars=wanted.bars,
    )
    groups: list[Row] = []
    if wanted.group:
        groups = reader.rows(
            "timeline_groups",
            run_id=run.id,
            group=wanted.group,
            statuses=wanted.statuses,
            search=wanted.search,
            limit=GROUPS_MAX,
        )
    return lay_out(run, rows, groups, last_ms)


def lay_out(run: Run, rows: Sequence[Row], groups: Sequence[Row], last_ms: int) -> Timeline:
    """Pure. `rows` of `timeline.sql`, `groups` of `timeline_groups.sql`."""
    told = [ms_of(t) for t in (run.started_at or run.submitted_at, run.completed_at) if t]
    first, last = (rows[0]["all_begin_ms"], rows[0]["all_end_ms"]) if rows else (last_ms, last_ms)
    began = min([first, *told[:1]])
    ended = max([last, *told, began + 1])
    named, row = [], 0
    for g in groups:
        named.append(GroupRow(name=g["group_name"].strip() or "not told", attempts=g["attempts"], row=row))
        row += g["attempts"] + 1
    return Timeline(
        began=began,
        ended=ended,
        total=rows[0]["all_attempts"] if rows else 0,
        rows=rows[0]["all_rows"] if rows else 0,
        cached=run.tasks.cached,
        merged=any(r["attempts"] > 1 for r in rows),
        groups=named,
        bars=[_bar(r) for r in rows],
    )


def _bar(row: Row) -> Bar:
    return Bar(
        top=row["top"],
        bottom=row["bottom"],
        attempts=row["attempts"],
        begin=row["bar_begin_ms"],
        start=row["bar_start_ms"],
        execution_end=row["bar_execution_end_ms"],
        end=row["bar_end_ms"],
        status=row["bar_status"],
        task_id=row["first_task_id"],
        name=row["first_name"],
        process=row["first_process"],
        attempt=row["first_attempt"],
        group=row["group_name"],
    )
