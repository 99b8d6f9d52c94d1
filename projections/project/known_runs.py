"""What a message needs to know of the messages of its run before it: whose the run is, and its labels.

Both are as the log orders them, so that every projection of it agrees. They are read back from the tables, which hold all
messages before a batch, and remembered; what a batch says itself is known before it is written.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from schemas.access import may_report_on
from schemas.events import (
    MOST_LABELS,
    Event,
    LabelsChanged,
    Payload,
    RunHidden,
    RunLabelled,
    RunLabelsChanged,
    RunShown,
)
from schemas.run_ids import log_key
from schemas.values import INT64_MAX
from stores.log.port import Record

K = TypeVar("K")
V = TypeVar("V")

#: Runs whose owners, and whose labels, are remembered between batches. The labels of a run take 20 KB at most.
MOST_OWNERS, MOST_LABELLED = 50_000, 1_000
#: Runs that one question to the tables names.
RUNS_AT_ONCE = 1_000

_LABEL_TYPES = frozenset({"run.labelled", "labels.changed"})

#: Reads the rows of known_runs.sql of these runs.
Read = Callable[[Sequence[str]], Sequence[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Judged:
    """How a message stands to its run. `labels`: the run's labels after it, None if it changes none; `dropped`: those that it
    adds to as many as a run may have."""

    foreign: bool = False
    labels: tuple[str, ...] | None = None
    dropped: tuple[str, ...] = ()


@dataclass(slots=True)
class KnownRuns:
    """It belongs to one projector, and is made anew when another may have had the partitions."""

    read: Read
    #: Run → offset of its first message, and whose it was; None: it has none yet.
    _first: OrderedDict[str, tuple[int, str] | None] = field(default_factory=OrderedDict)
    #: Run → offset after that of its newest labels, and the labels.
    _labels: OrderedDict[str, tuple[int, tuple[str, ...]]] = field(default_factory=OrderedDict)
    #: First messages of this batch of runs of which the tables were not asked.
    _unasked: dict[str, tuple[int, str]] = field(default_factory=dict)
    #: Runs of messages that come soon, so that the tables are asked once for many; and whether their labels change.
    _upcoming: dict[str, bool] = field(default_factory=dict)

    def expect(self, records: Iterable[Record]) -> None:
        """Record which messages come next."""
        self._upcoming = {}
        for record in records:
            labels = record.type in _LABEL_TYPES
            self._upcoming[record.key] = labels or self._upcoming.get(record.key, False)

    def written(self) -> None:
        """Record that all messages that were judged are in the tables: what is too much to remember is forgotten."""
        self._unasked.clear()
        _keep(self._first, MOST_OWNERS)
        _keep(self._labels, MOST_LABELLED)

    def judge(self, record: Record, event: Event) -> Judged:
        """Judge the next message of its partition."""
        if not event.run_id or not isinstance(event.data, Payload):
            return Judged()  # of no run, or what a person wrote about one
        if self._is_foreign(record.offset, event):
            return Judged(foreign=True)
        match event:
            case RunLabelled():
                return self._relabelled(event.run_id, record.offset, tuple(event.data.labels))
            case RunLabelsChanged():
                _, before = self._labels_of(event.run_id)
                after, dropped = changed(before, event.data)
                return self._relabelled(event.run_id, record.offset, after, dropped)
        return Judged()

    def _is_foreign(self, offset: int, event: Event) -> bool:
        trusted = event.on_any_run or not event.owner or event.reread is not None
        if trusted and event.run_id not in self._first:
            if makes_owner(event):  # nobody need be asked for it, and mostly nobody is
                self._unasked.setdefault(event.run_id, (offset, event.owner))
            return False
        if not trusted and not may_report_on(self._owner_before(offset, event.run_id), event.owner, False):
            return True
        first = self._first_of(event.run_id)
        if (first is None or first[0] > offset) and makes_owner(event):
            self._first[event.run_id] = (offset, event.owner)
        return False

    def _owner_before(self, offset: int, run_id: str) -> str:
        """Whose the run was when the message came, '' for nobody's.

        Executions of one base are its owner's: who knows the base's id knows what the next is called, and could begin it.
        """
        firsts = [self._first_of(id) for id in dict.fromkeys((log_key(run_id), run_id))]
        return next((f[1] for f in firsts if f is not None and f[0] <= offset and f[1]), "")

    def _relabelled(
        self, run_id: str, offset: int, labels: tuple[str, ...], dropped: tuple[str, ...] = ()
    ) -> Judged:
        if self._labels_of(run_id)[0] > offset:  # read again, and counted before
            return Judged()
        self._labels[run_id] = (offset + 1, labels)
        return Judged(labels=labels, dropped=dropped)

    def _first_of(self, run_id: str) -> tuple[int, str] | None:
        if run_id not in self._first:
            self._ask(run_id)
        self._first.move_to_end(run_id)
        return self._first[run_id]

    def _labels_of(self, run_id: str) -> tuple[int, tuple[str, ...]]:
        if run_id not in self._labels:
            self._ask(run_id, its_labels=True)
        self._labels.move_to_end(run_id)
        return self._labels[run_id]

    def _ask(self, run_id: str, its_labels: bool = False) -> None:
        """Read what the tables know of the run, and of those that come soon."""
        upcoming, self._upcoming = self._upcoming, {}
        wanted = [r for r in upcoming if r not in self._first and r != run_id]
        rows: dict[str, dict[str, Any]] = {}
        for at in range(0, len(wanted) + 1, RUNS_AT_ONCE):
            some = [run_id, *wanted][at : at + RUNS_AT_ONCE]
            rows |= {r["run_id"]: r for r in self.read(some)}
        for asked in (run_id, *wanted):
            if asked not in self._first:
                row = rows.get(asked)
                known = (INT64_MAX - row["earliness"], row["owner"]) if row and row["earliness"] else None
                firsts = [f for f in (known, self._unasked.get(asked)) if f is not None]
                self._first[asked] = min(firsts, default=None)
            if asked not in self._labels and (its_labels if asked == run_id else upcoming[asked]):
                row = rows.get(asked)
                self._labels[asked] = (row["labels_offset"], tuple(row["labels"])) if row else (0, ())


def makes_owner(event: Event) -> bool:
    """Whether the message, as the first of its run, says whose the run is: what a runner sent does, its own labels too."""
    if event.reread is not None or not isinstance(event.data, Payload):
        return False
    if isinstance(event, RunLabelled | RunLabelsChanged):
        return bool(event.owner) and not event.on_any_run
    return not isinstance(event, RunHidden | RunShown)


def changed(before: Sequence[str], change: LabelsChanged) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The labels after the change, and those that it adds to as many as a run may have. Pure."""
    removed = set(change.remove)
    kept = [label for label in before if label not in removed]
    there = set(kept)
    new = [label for label in dict.fromkeys(change.add) if label not in there]
    free = max(0, MOST_LABELS - len(kept))
    return (*kept, *new[:free]), tuple(new[free:])


def _keep(known: OrderedDict[K, V], most: int) -> None:
    while len(known) > most:
        known.popitem(last=False)
