"""The attempts of a run laid out in rows, light enough to be kept: windows of it are then answered without asking the tables.

Columns are arrays, so that 100,000 attempts take some 10 MB and a window of them milliseconds.
"""

import threading
import time
from array import array
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from api.core.intervals import critical_path
from schemas.statuses import TaskStatus

#: What most needs a look comes first: the colour of several attempts drawn as one.
SEVERITY = (
    TaskStatus.FAILED,
    TaskStatus.ABORTED,
    TaskStatus.RUNNING,
    TaskStatus.SUBMITTED,
    TaskStatus.SUCCEEDED,
    TaskStatus.PENDING,
    TaskStatus.CACHED,
)
_CODES = {status.value: code for code, status in enumerate(SEVERITY)}

#: A task that was submitted so soon after another ended, ms, may have waited for it: clocks of machines differ.
SLACK_MS = 1000

#: What all layouts that are kept may take; a larger one is made anew for each window.
LAYOUTS_BYTES = 128 * 2**20
#: A layout serves at least this many times as long as it took to make, also while its run goes on …
PATIENCE = 5
#: … and no longer than this, s: tables may be exchanged for others of the same version.
_AGE_MAX = 600.0


class Texts:
    """Texts by index, in one piece of memory."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("Q")

    def extend(self, texts: Iterable[str]) -> None:
        for text in texts:
            self._bytes += text.encode("utf-8", "replace")
            self._ends.append(len(self._bytes))

    def __getitem__(self, index: int) -> str:
        return self._bytes[self._ends[index - 1] if index else 0 : self._ends[index]].decode()

    @property
    def size(self) -> int:
        return len(self._bytes) + 8 * len(self._ends)


#: Places of attempts in a layout, ascending.
Places = range | list[int]


@dataclass(slots=True)
class Group:
    """Attempts `start` <= i < `end` (by place in the layout), which stand in rows i + `shift`."""

    name: str
    start: int
    end: int
    shift: int


@dataclass(frozen=True, slots=True)
class Lane:
    """What a group shows while it is folded: its begin and end, how many attempts failed, and its work as stretches of
    ms in order."""

    begin: int
    end: int
    failed: int
    busy: list[tuple[int, int]]


#: Attempts of one group.
Span = tuple[Group, Places]


@dataclass(slots=True)
class Layout:
    """Attempts by place, in the order of their rows; times in ms. With `grouped`, each group's name has a row of its own."""

    grouped: bool = False
    task_ids: "array[int]" = field(default_factory=lambda: array("q"))
    attempts: "array[int]" = field(default_factory=lambda: array("i"))
    begins: "array[int]" = field(default_factory=lambda: array("q"))
    starts: "array[int]" = field(default_factory=lambda: array("q"))
    execution_ends: "array[int]" = field(default_factory=lambda: array("q"))
    ends: "array[int]" = field(default_factory=lambda: array("q"))
    statuses: bytearray = field(default_factory=bytearray)  # places in SEVERITY
    names: Texts = field(default_factory=Texts)
    processes: "array[int]" = field(default_factory=lambda: array("I"))  # places in process_names
    process_names: list[str] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    first_ms: int = 2**63 - 1
    last_ms: int = -(2**63)
    _critical: frozenset[int] | None = None
    _lanes: dict[int, list[Lane]] = field(default_factory=dict)

    def extend(self, columns: Sequence[Sequence[Any]]) -> None:
        """Further attempts: the columns of `timeline.sql`."""
        ids, names, processes, attempts, statuses, begins, starts, execution_ends, ends, groups = columns
        place = len(self.ends)
        self.task_ids.extend(ids)
        self.attempts.extend(attempts)
        self.begins.extend(begins)
        self.starts.extend(starts)
        self.execution_ends.extend(execution_ends)
        self.ends.extend(ends)
        self.statuses.extend(map(_CODES.__getitem__, statuses))
        self.names.extend(names)
        indexes = {name: place for place, name in enumerate(self.process_names)}
        self.processes.extend(indexes.setdefault(name, len(indexes)) for name in processes)
        self.process_names = list(indexes)
        self.first_ms = min(self.first_ms, *begins)
        self.last_ms = max(self.last_ms, *ends)
        for name, run in groupby(groups):
            attempts_of_it = sum(1 for _ in run)
            if not self.groups or self.groups[-1].name != name:
                self.groups.append(Group(name, place, place, len(self.groups) + 1 if self.grouped else 0))
            place += attempts_of_it
            self.groups[-1].end = place

    def process_of(self, place: int) -> str:
        return self.process_names[self.processes[place]]

    @property
    def rows(self) -> int:
        return len(self.ends) + (len(self.groups) if self.grouped else 0)

    @property
    def size(self) -> int:
        """Bytes that it takes, about."""
        each = 5 * 8 + 4 + 4 + 1
        texts = sum(len(n) + 100 for n in self.process_names) + sum(len(g.name) + 200 for g in self.groups)
        return each * len(self.ends) + self.names.size + texts

    def critical(self) -> frozenset[int]:
        """Places of the attempts on the critical path. See `critical_path`; found once."""
        if self._critical is None:
            self._critical = frozenset(critical_path(self.begins, self.ends, SLACK_MS))
        return self._critical

    def lanes(self, most: int) -> list[Lane]:
        """Of each group its lane, with at most `most` stretches; made once."""
        if most not in self._lanes:
            self._lanes[most] = [self._lane(g, most) for g in self.groups]
        return self._lanes[most]

    def _lane(self, group: Group, most: int) -> Lane:
        begins, ends = self.begins[group.start : group.end], self.ends[group.start : group.end]
        failed = self.statuses[group.start : group.end].count(0)
        return Lane(min(begins), max(ends), failed, stretches(begins, ends, most))

    def spans_of(self, from_ms: int, to_ms: int, ranges: Iterable[tuple[int, int]]) -> list[Span]:
        """What lies within these times and any of these ranges of rows."""
        return [span for first, last in ranges for span in self.spans(from_ms, to_ms, first, last)]

    def spans(self, from_ms: int, to_ms: int, from_row: int, to_row: int) -> list[Span]:
        """What lies within these times and rows."""
        begins, ends = self.begins, self.ends
        whole = from_ms <= self.first_ms and to_ms >= self.last_ms
        spans: list[Span] = []
        for group in self.groups:
            places = range(max(group.start, from_row - group.shift), min(group.end, to_row - group.shift + 1))
            inside = places if whole else [i for i in places if ends[i] >= from_ms and begins[i] <= to_ms]
            if inside:
                spans.append((group, inside))
        return spans


def stretches(begins: Sequence[int], ends: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Pure. When at least one of these was there, as at most `most` stretches: gaps too short to be seen are closed."""
    whole = max(ends) - min(begins)
    gap = whole // most
    found: list[tuple[int, int]] = []
    for begin, end in sorted(zip(begins, ends, strict=True)):
        if found and begin <= found[-1][1] + gap:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


def pieces(spans: Sequence[Span], most: int) -> Iterator[Span]:
    """Pure. The spans cut so that there are at most `most` pieces, and one more for each group."""
    step = max(1, -(-sum(len(places) for _, places in spans) // most))
    passed = 0
    for group, places in spans:
        start, size = 0, step - passed % step
        while start < len(places):
            yield group, places[start : start + size]
            start, size = start + size, step
        passed += len(places)


def part(column: Sequence[int], places: Places) -> Sequence[int]:
    """The column's values at these places."""
    if isinstance(places, range):
        return column[places.start : places.stop]
    return [column[i] for i in places]


@dataclass(slots=True)
class _Kept:
    version: int
    made_at: float
    took: float
    layout: Layout


class Layouts:
    """Layouts that are kept, by run and filter, the least lately used going first. May be used from several threads."""

    def __init__(self, most_bytes: int = LAYOUTS_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_bytes = most_bytes
        self._clock = clock
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, version: int, make: Callable[[], Layout]) -> Layout:
        """The layout of this key at this version of the run's figures (0: not indexes, so nothing is kept), made where need be.

        One of an earlier version serves as well for a while: a giant live run is not laid out anew each second.
        """
        if version == 0:
            return make()
        if kept := self._find(key, version):
            return kept
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:  # whoever else asks the same waits for the one who makes it
            if kept := self._find(key, version):
                return kept
            began = self._clock()
            layout = make()
            now = self._clock()
            self._keep(key, _Kept(version, now, now - began, layout))
        return layout

    def _find(self, key: Hashable, version: int) -> Layout | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            age = self._clock() - kept.made_at
            if age > (_AGE_MAX if kept.version == version else PATIENCE * kept.took):
                return None
            self._kept.move_to_end(key)
            return kept.layout

    def _keep(self, key: Hashable, made: _Kept) -> None:
        with self._lock:
            self._making.pop(key, None)
            self._kept.pop(key, None)
            if made.layout.size > self._most_bytes:
                return
            self._kept[key] = made
            while sum(k.layout.size for k in self._kept.values()) > self._most_bytes:
                self._kept.popitem(last=False)
