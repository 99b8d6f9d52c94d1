"""The task timeline: what one window of it shows, laid out by the server so that a run of any size fits on a screen."""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel

from api.core.cursor import INT64_MAX
from api.core.db import Reader, Row
from api.core.params import Search, Statuses, statuses_of
from api.core.problems import bad_parameter
from api.timeline.layout import SEVERITY, Layout, Layouts, Span, part, pieces
from schemas.statuses import TaskStatus

#: Bars that a window holds at most.
BARS_MAX = 2000
#: Groups that a timeline names at most, and the stretches of all their lanes together.
GROUPS_MAX = 2000
_STRETCHES_MAX = 4000
#: Ranges of rows that one window has at most.
_RANGES_MAX = 50
_RANGES = re.compile(r"(\d{1,9}-\d{1,9})(,\d{1,9}-\d{1,9})*")

Group = Literal["", "process", "host", "machine", "capacity"]


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of the timeline: times in ms since 1970, ranges of rows from 0, both ends among them."""

    statuses: list[str]
    search: str = ""
    group: Group = ""
    from_ms: int = -INT64_MAX
    to_ms: int = INT64_MAX
    rows: tuple[tuple[int, int], ...] = ((0, INT64_MAX),)
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
    rows: Annotated[str, Query(max_length=1000, description="Ranges of rows, such as 0-39,120-140")] = "",
    bars: Annotated[int, Query(ge=1, le=BARS_MAX)] = BARS_MAX,
) -> Window:
    """The window of a timeline, from its query parameters. Raises Problem 400."""
    ranges = _ranges(rows) if rows else ((from_row, to_row),)
    return Window(statuses_of(status, TaskStatus), search, group, from_ms, to_ms, ranges, bars)


def _ranges(text: str) -> tuple[tuple[int, int], ...]:
    if not _RANGES.fullmatch(text) or text.count(",") >= _RANGES_MAX:
        raise bad_parameter("rows", f"give at most {_RANGES_MAX} ranges, such as 0-39,120-140")
    return tuple((int(first), int(last)) for first, _, last in (r.partition("-") for r in text.split(",")))


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
    critical: bool


class GroupRow(BaseModel):
    """A group: its name stands in row `row`, its attempts below it. `key` is the name as it was told. Folded it shows the other
    fields; `busy` is when it was at work."""

    name: str
    key: str
    attempts: int
    row: int
    begin: int
    end: int
    failed: int
    busy: list[tuple[int, int]]


class Timeline(BaseModel):
    """`total` attempts match, in `rows` rows; `began` and `ended` hold all of them and the run. `missing` tasks of the run were
    not reported one by one; `peak`: the most that ran at once; `more_groups`: those that are too many to be named."""

    began: int
    ended: int
    total: int
    rows: int
    cached: int
    missing: int
    peak: int
    merged: bool
    more_groups: int
    groups: list[GroupRow]
    bars: list[Bar]


def timeline(reader: Reader, layouts: Layouts, run_id: str, view: Window) -> Timeline:
    """This window of the run's timeline; the run must be known."""
    [run] = reader.rows("timeline/timeline_run", run_id=run_id)
    last_ms = reader.clock() if run["last_ms"] is None else run["last_ms"]

    def make() -> Layout:
        made = Layout(grouped=bool(view.group))
        filter = {"statuses": view.statuses, "search": view.search, "group": view.group}
        began_ms = last_ms if run["began_ms"] is None else run["began_ms"]
        times = {"began_ms": began_ms, "last_ms": last_ms}
        for columns in reader.columns("timeline/timeline", run_id=run_id, **times, **filter):
            made.extend(columns)
        return made

    key = (run_id, tuple(view.statuses), view.search, view.group)
    return timeline_of(run, layouts.get(key, run["version"], make), view, last_ms)


def timeline_of(run: Row, layout: Layout, view: Window, last_ms: int) -> Timeline:
    """Pure. `run`: the row of `timeline_run.sql`."""
    bounds = [ms for ms in (run["began_ms"], run["completed_ms"]) if ms is not None]
    first, last = (layout.first_ms, layout.last_ms) if layout.ends else (last_ms, last_ms)
    # Clocks of machines that are behind the runner's begin no timeline before its run.
    began = run["began_ms"] if run["began_ms"] is not None else first
    spans = layout.spans_of(view.from_ms, view.to_ms, view.rows)
    bars = [_bar(layout, piece, began) for piece in pieces(spans, view.bars)]
    return Timeline(
        began=began,
        ended=max([last, *bounds, began + 1]),
        total=len(layout.ends),
        rows=layout.rows,
        cached=run["cached"],
        missing=run["missing"],
        peak=run["peak"],
        merged=any(b.attempts > 1 for b in bars),
        more_groups=max(0, len(layout.groups) - GROUPS_MAX) if layout.grouped else 0,
        groups=_groups(layout, began) if layout.grouped else [],
        bars=bars,
    )


def _groups(layout: Layout, began: int) -> list[GroupRow]:
    most = max(1, min(60, _STRETCHES_MAX // max(1, len(layout.groups))))
    return [
        GroupRow(
            name=g.name.strip() or "not reported",
            key=g.name,
            attempts=g.end - g.start,
            row=g.start + g.shift - 1,
            begin=max(began, lane.begin),
            end=max(began, lane.end),
            failed=lane.failed,
            busy=[(max(began, first), max(began, last)) for first, last in lane.busy],
        )
        for g, lane in zip(layout.groups[:GROUPS_MAX], layout.lanes(most), strict=False)
    ]


def _bar(layout: Layout, neighbours: Span, began: int) -> Bar:
    """These neighbours as one bar, in the colour of what most needs a look, by the name of the first task."""
    group, places = neighbours
    ids = part(layout.task_ids, places)
    named = places[ids.index(min(ids))]
    critical = layout.critical()
    return Bar(
        top=places[0] + group.shift,
        bottom=places[-1] + group.shift + 1,
        attempts=len(places),
        begin=max(began, min(part(layout.begins, places))),
        start=max(began, min(part(layout.starts, places))),
        execution_end=max(began, max(part(layout.execution_ends, places))),
        end=max(began, max(part(layout.ends, places))),
        status=SEVERITY[min(part(layout.statuses, places))],
        task_id=layout.task_ids[named],
        name=layout.names[named],
        process=layout.process_of(named),
        attempt=layout.attempts[named],
        group=group.name,
        critical=any(place in critical for place in places),
    )
