"""Whose a run is and which labels it has: as the log orders it, whatever the batches, the deaths and what is remembered."""

from collections.abc import Sequence
from typing import Any
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from projections.project import known_runs
from projections.project.known_runs import KnownRuns, changed, makes_owner
from schemas import events as e
from schemas.access import may_report_on
from schemas.run_ids import log_key
from schemas.values import INT64_MAX
from stores.log.port import Record
from tests.support.projection import event

SENDERS = [("ann", False), ("ann", False), ("bob", False), ("", False), ("ops", True)]
#: The last two are executions of one weblog run.
RUNS = ["run0", "run1", "w" + "0" * 15, "w" + "0" * 15 + "-2"]
LABELS = st.lists(st.sampled_from("abc"), max_size=2)


class Tables:
    """What `runs` keeps of owners and labels: the greatest of each."""

    def __init__(self) -> None:
        self.owners: dict[str, tuple[int, str]] = {}
        self.labels: dict[str, tuple[int, tuple[str, ...]]] = {}

    def read(self, run_ids: Sequence[str]) -> list[dict[str, Any]]:
        rows = []
        for run_id in run_ids:
            earliness, owner = self.owners.get(run_id, (0, ""))
            offset, labels = self.labels.get(run_id, (0, ()))
            if run_id in self.owners or run_id in self.labels:
                row = {"run_id": run_id, "earliness": earliness, "owner": owner}
                rows.append(row | {"labels_offset": offset, "labels": list(labels)})
        return rows

    def write(self, offset: int, made: e.Event, judged: known_runs.Judged) -> None:
        if judged.foreign:
            return
        if makes_owner(made):
            owner = (INT64_MAX - offset, made.owner)
            self.owners[made.run_id] = max(self.owners.get(made.run_id, (0, "")), owner)
        if judged.labels is not None:
            labels = (offset + 1, judged.labels)
            self.labels[made.run_id] = max(self.labels.get(made.run_id, (0, ())), labels)


def said(kind: str, run: str, sender: tuple[str, bool], add: list[str], remove: list[str]) -> e.Event:
    data: Any = {
        "beat": e.Heartbeat(),
        "set": e.Labelled(labels=add),
        "change": e.LabelsChanged(add=add, remove=remove),
    }[kind]
    return event(run, data, owner=sender[0], on_any_run=sender[1])


EVENTS = st.lists(
    st.builds(
        said,
        st.sampled_from(["beat", "beat", "set", "change", "change"]),
        st.sampled_from(RUNS),
        st.sampled_from(SENDERS),
        LABELS,
        LABELS,
    ),
    min_size=1,
    max_size=30,
)
#: Messages of a batch; how many of them are written before the process dies, None if it lives; how many are read again then.
BATCHES = st.lists(
    st.tuples(st.integers(1, 6), st.none() | st.booleans(), st.integers(0, 8)), min_size=1, max_size=8
)


def expected(events: Sequence[e.Event]) -> list[tuple[bool, tuple[str, ...]]]:
    """Of each message whether it is foreign, and the labels of its run after it. One pass, nothing forgotten."""
    owners: dict[str, str] = {}
    labels: dict[str, tuple[str, ...]] = {}
    answers = []
    for made in events:
        owner = owners.get(log_key(made.run_id)) or owners.get(made.run_id)
        foreign = owner is not None and not may_report_on(owner, made.owner, made.on_any_run)
        if not foreign:
            if makes_owner(made):
                owners.setdefault(made.run_id, made.owner)
            if isinstance(made, e.RunLabelled):
                labels[made.run_id] = tuple(made.data.labels)
            if isinstance(made, e.RunLabelsChanged):
                labels[made.run_id], _ = changed(labels.get(made.run_id, ()), made.data)
        answers.append((foreign, labels.get(made.run_id, ())))
    return answers


@given(EVENTS, BATCHES, st.integers(1, 3))
def test_batches_deaths_and_memory_change_nothing(
    events: Sequence[e.Event], batches: Sequence[tuple[int, bool | None, int]], most: int
) -> None:
    wanted, tables, at, turn = expected(events), Tables(), 0, 0
    with mock.patch.multiple(known_runs, MOST_OWNERS=most, MOST_LABELLED=most, RUNS_AT_ONCE=2):
        known = KnownRuns(tables.read)
        while at < len(events):
            size, dies, back = batches[turn % len(batches)] if turn < 3 * len(batches) else (6, None, 0)
            turn += 1
            batch = list(enumerate(events))[at : at + size]
            records = [Record(0, n, 0, log_key(made.run_id), made.type, b"") for n, made in batch]
            known.expect(records)
            judged = [known.judge(r, made) for r, (_, made) in zip(records, batch, strict=True)]
            if dies is not False:
                for (n, made), verdict in zip(batch, judged, strict=True):
                    assert verdict.foreign == wanted[n][0], n
                    tables.write(n, made, verdict)
                known.written()
                at += size
            if dies is not None:
                at, known = max(0, at - back), KnownRuns(tables.read)
    last = {made.run_id: n for n, made in enumerate(events)}
    for run_id, n in last.items():
        assert tables.labels.get(run_id, (0, ()))[1] == wanted[n][1], run_id


def test_who_knows_a_weblog_run_can_not_begin_its_next_execution() -> None:
    """Its id is the base's with a number, which every viewer sees; else the owner's events would count for a run of another."""
    base = RUNS[2]
    known = KnownRuns(Tables().read)

    def foreign(offset: int, run_id: str, owner: str) -> bool:
        made = event(run_id, e.Heartbeat(), owner=owner)
        return known.judge(Record(0, offset, 0, base, made.type, b""), made).foreign

    assert [foreign(0, base, "ann"), foreign(1, f"{base}-2", "bob"), foreign(2, f"{base}-2", "ann")] == [
        *(False, True, False)
    ]
    assert foreign(3, f"{base}-2", "bob") and not foreign(4, f"{base}-x", "bob")


def test_the_tables_are_asked_once_for_many_and_not_at_all_while_nobody_has_a_token() -> None:
    asked: list[Sequence[str]] = []

    def read(run_ids: Sequence[str]) -> list[dict[str, Any]]:
        asked.append(run_ids)
        return []

    def judge(owner: str) -> None:
        known = KnownRuns(read)
        made = [event(f"run{n}", e.Heartbeat(), owner=owner) for n in range(500)]
        records = [Record(0, n, 0, m.run_id, m.type, b"") for n, m in enumerate(made)]
        known.expect(records)
        for record, m in zip(records, made, strict=True):
            assert not known.judge(record, m).foreign

    judge("")
    assert asked == []
    judge("ann")
    assert [len(ids) for ids in asked] == [500]


def test_of_labels_too_many_the_last_are_dropped() -> None:
    before = [str(n) for n in range(99)]
    assert changed(before, e.LabelsChanged(add=["a", "b"], remove=["3", "never"])) == (
        (*(label for label in before if label != "3"), "a", "b"),
        (),
    )
    assert changed(before, e.LabelsChanged(add=["a", "1", "b"])) == ((*before, "a"), ("b",))
    assert changed(["a"], e.LabelsChanged(add=["a"], remove=["a"])) == (("a",), ())
