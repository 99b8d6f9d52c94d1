"""From events to alerts in one machine: whatever the batches, crashes and restarts, the same transitions and the same messages,
and no run's silence is judged wrongly. The projector, the notifier's state and its registry are the real ones, on chDB.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st

from projections.alerts.episodes import DAY, TEN_MINUTES, identity
from projections.project import outage_counts
from projections.project.projector import Projector
from schemas import events as e
from schemas.statuses import AlertState, Dialect, RunStatus
from schemas.thresholds import own
from stores.tables.client import Tables
from tests.support import projection as help
from tests.support.alerts.notifier import (
    RUN_KINDS,
    Around,
    Published,
    UnhurriedLog,
    begun,
    rules,
    settings_of,
    step,
    without_waits,
)
from tests.support.examples import examples
from tests.support.projection import Crash
from tests.support.reference.clock import ObservedClock
from tests.support.reference.episodes import CRASHES, HISTORIES, NOTIFYING, TOGETHER, Notifying
from tests.support.reference.histories import (
    LIMITS,
    PLANS,
    PROCESSES,
    RUNS,
    Pass,
    Plan,
    Say,
    put_off,
    written,
)
from tests.support.reference.reducer import Message, Transition

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
#: Receiver → seconds (of log time) that an alert must last.
DELAYS = {"at-once": 0.0, "late": 10.0}
#: Half of the ticks' interval that the settings have.
WITHIN = 2500
#: The hours of one history are as nothing to the day after which news is history.
NOW = help.T0 + DAY // 2


class Told(NamedTuple):
    """A message, named as the receiver sees it."""

    receiver: str
    alert: str
    state: str


@dataclass
class Machine:
    """Both sides, one after the other. `took`: messages in the order in which receivers took them."""

    tables: Published
    around: Around
    messages: Sequence[Message]

    @classmethod
    def of(cls, tables: Tables, messages: Sequence[Message], partitions: int) -> "Machine":
        log = UnhurriedLog(partitions)
        around = Around(log, tables, rules(DELAYS), settings_of(LIMITS), NOW)
        return cls(Published(tables, log), around, messages)

    @property
    def took(self) -> list[Told]:
        return [Told(receiver, owed.alert_id, owed.state) for receiver, _, owed in self.around.took]

    async def play(self, plan: Plan, notifying: Notifying) -> None:
        batches = self.batches(plan)
        steps, dies = cycle(notifying.steps), cycle(notifying.dies)
        faults = zip(
            cycle(notifying.tables_fail),
            cycle(notifying.refused),
            cycle(notifying.commits_fail),
            strict=False,
        )
        projecting = True
        while projecting:
            async with begun(self.around) as state:
                while projecting := next(batches, False):
                    self.around.trouble(*next(faults))
                    for _ in range(next(steps)):
                        await step(state)
                    self.around.trouble()
                    if next(dies):
                        break
        async with begun(self.around) as state:
            for _ in range(3):
                await step(state)

    def batches(self, plan: Plan) -> Iterator[bool]:
        """Projects as planned, with crashes; stops after each batch."""
        records = [help.record(m) for m in self.messages]
        partitions = sorted({r.partition for r in records})
        sizes, workers, crashes = cycle(plan.sizes), cycle(plan.workers), iter(plan.crashes)
        living: dict[int, Projector] = {}
        current, done, back = None, 0, self._arm(crashes)
        while done < len(records):
            size, worker = next(sizes), next(workers)
            try:
                p = living.setdefault(worker, help.projector(self.tables, LIMITS))
                if worker != current:
                    p.assign(partitions)
                    current = worker
                p.project(records[done : done + size])
                done += size
            except Crash:
                living.pop(worker, None)
                current, done = None, max(0, done - back)
                back = self._arm(crashes)
            yield True

    def _arm(self, crashes: Iterator[tuple[int, bool, int]]) -> int:
        at, after, back = next(crashes, (None, False, 0))
        self.tables.arm(at, after)
        return back


# --- what must be told, from the transitions alone ------------------------------------------------


def must_be_told(transitions: Sequence[Transition], horizon: int) -> tuple[set[Told], dict[str, str]]:
    """The messages, and how each alert stands in the end. An episode lasts from a transition into what is wrong to the run's next
    one. Each receiver is told after its delay, and not before ten minutes after anybody was last told of the same. What came
    after the horizon, by more than the rounds of a tick may lie apart, is not known yet."""
    transitions = [t for t in transitions if t.appended_at <= horizon + WITHIN]
    told: set[Told] = set()
    stands: dict[str, str] = {}
    last: dict[tuple[str, str], int] = {}
    for n, t in enumerate(transitions):
        if t.to_status not in RUN_KINDS:
            continue
        following = next((x for x in transitions[n + 1 :] if x.run_id == t.run_id), None)
        over = following.appended_at if following else None
        subject = (t.run_id, t.to_status)
        alert = identity(t.to_status, t.run_id, t.offset)
        stands[alert] = AlertState.PENDING if over is None else AlertState.PASSED
        earliest = max(t.appended_at, last.get(subject, -TEN_MINUTES) + TEN_MINUTES)
        for receiver, seconds in DELAYS.items():
            due = max(earliest, t.appended_at + round(seconds * 1000))
            if due > (horizon if over is None else over):
                continue
            stands[alert] = AlertState.FIRING if over is None else AlertState.RESOLVED
            told.add(Told(receiver, alert, AlertState.FIRING))
            if over is not None:
                told.add(Told(receiver, alert, AlertState.RESOLVED))
            last[subject] = max(due, last.get(subject, 0))
    return told, stands


# --- what silence may say, from the messages alone ------------------------------------------------


def misjudged(messages: Sequence[Message], transitions: Sequence[Transition]) -> list[str]:
    """Rounds at which a run that was heard within its threshold is disconnected, or one that was silent for longer is not: a
    transition is due at the very round, so within one tick."""
    status: dict[str, str] = {}
    heard: dict[str, int] = {}
    over: set[str] = set()
    exempt: set[str] = set()
    labels: dict[str, list[str]] = {}
    clocks: dict[int, ObservedClock] = {}
    changes = {(t.partition, t.offset, t.run_id): t.to_status for t in transitions}
    homes: dict[str, int] = {}
    spoken: set[str] = set()  # runs of which a message came, also one that was read again
    found = []
    for m in messages:
        clock, said = clocks.setdefault(m.partition, ObservedClock(LIMITS.gone_ms)), m.event
        if isinstance(said, e.ClockLeft):
            clock.left(said.data.process)
        elif isinstance(said, e.RunLabelled):
            labels[said.run_id] = said.data.labels
        elif said is not None and isinstance(said.data, e.Payload):
            if isinstance(said, e.RunHidden | e.RunShown):
                continue
            if said.run_id not in spoken and said.data.dialect == Dialect.WEBLOG:
                exempt.add(said.run_id)
            spoken.add(said.run_id)
            if said.reread is None:
                heard[said.run_id], homes[said.run_id] = clock.observed(m.appended_at), m.partition
            over |= {said.run_id} if isinstance(said, e.RunCompleted) else set()
        elif isinstance(said, e.ClockTick) and clock.tick(
            said.data.process, said.data.interval_ms, m.appended_at
        ):
            for run, at in heard.items():
                if homes[run] != m.partition:
                    continue
                status[run] = changes.get((m.partition, m.offset, run), status.get(run, ""))
                if run in over or run in exempt:
                    continue
                limit = own(labels.get(run, [])).disconnected_ms or LIMITS.disconnected_ms
                silent = clock.now - at > limit
                if silent != (status[run] == RunStatus.DISCONNECTED):
                    found.append(f"{m.partition}:{m.offset} {run} {clock.now - at} ms silent: {status[run]}")
    return found


# --- what holds -----------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    without_waits(monkeypatch)


def test_the_same_transitions_and_alerts_for_every_batching(tables: Tables) -> None:
    @settings(UNHURRIED, max_examples=examples(5))
    @given(st.integers(1, 3), HISTORIES, st.builds(replace, PLANS, crashes=CRASHES), NOTIFYING)
    def holds(partitions: int, steps: Sequence[Any], plan: Plan, notifying: Notifying) -> None:
        messages = written(partitions, steps)
        help.empty(tables)
        tables.command("TRUNCATE TABLE alerts")
        expected = help.expect(tables, messages, LIMITS)
        machine = Machine.of(tables, messages, partitions)
        with put_off(plan):
            asyncio.run(machine.play(plan, notifying))
        for n, m in enumerate(messages):
            note(f"{n}: {m}")
        found = help.transitions(tables)
        assert found == expected.transitions
        assert misjudged(messages, found) == []
        rounds = {p: r.appended_at for (p, _), r in sorted(expected.rounds.items())}
        wanted, stands = must_be_told(in_order(found), min(rounds.values()))
        assert set(machine.took) == wanted
        rows = tables.rows("SELECT id, state FROM alerts FINAL WHERE run_id != ''")
        assert {r["id"]: r["state"] for r in rows} == stands
        for kind in {t.to_status for t in found if t.to_status in RUN_KINDS}:
            event(f"a run was {kind}")
        event(
            f"{len({t.alert for t in wanted})} of {sum(t.to_status in RUN_KINDS for t in found)} episodes told"
        )
        resolved_follows(machine.took)
        spaced(machine.around)

    holds()


def played_twice(
    tables: Tables, messages: Sequence[Message], partitions: int, plan: Plan, notifying: Notifying
) -> Iterator[Machine]:
    """The machine after the messages, into empty tables: once without any fault, then as planned."""
    undisturbed = (Plan((7,), (0,), (False,), (), False), Notifying((3,), (False,), ((),), ((),), (0,)))
    for p, n in (undisturbed, (plan, notifying)):
        help.empty(tables)
        tables.command("TRUNCATE TABLE alerts")
        machine = Machine.of(tables, messages, partitions)
        with put_off(p):
            asyncio.run(machine.play(p, n))
        yield machine


def test_many_that_fall_silent_together_are_the_same_for_every_batching(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs make a group here. Whatever the batches and crashes, and however late the notifier looks, the same alerts tell of
    the same runs."""
    monkeypatch.setattr(outage_counts, "GROUP_OF", 2)

    @settings(UNHURRIED, max_examples=examples(3))
    @given(st.integers(1, 3), TOGETHER, st.builds(replace, PLANS, crashes=CRASHES), NOTIFYING)
    def holds(partitions: int, steps: Sequence[Any], plan: Plan, notifying: Notifying) -> None:
        messages = written(partitions, steps)
        found = []
        for machine in played_twice(tables, messages, partitions, plan, notifying):
            rows = tables.rows(
                "SELECT id, run_id, kind, state, group_id, since, fired_at, resolved_at, "
                # A run's summary has its name as it was known when somebody looked.
                "if(run_id = '', summary, '') AS told FROM alerts FINAL WHERE kind != 'dead-letters' ORDER BY id"
            )
            ids = {r["id"] for r in rows}
            found.append(({told for told in machine.took if told.alert in ids}, rows))
            resolved_follows(machine.took)
        for one, other in (found, found[::-1]):
            assert [r for r in one[1] if r not in other[1]] == []
        assert found[0][0] == found[1][0]
        grouped = [r for r in found[0][1] if r["group_id"]]
        event(f"groups: {len({r['group_id'] for r in grouped})}, of {len(grouped)} alerts")

    holds()


def _cycles(waits: Sequence[tuple[int, int]]) -> list[Any]:
    """Runs of one session, each begun so many seconds after the one before was last heard; each is then heard so many times."""
    steps: list[Any] = []
    for run, (wait, beats) in enumerate(waits):
        workflow = e.Workflow(name=f"cycle {run}", session_id="s", started_at=1000 * (run + 1))
        steps += [Pass(wait, 1000, PROCESSES[:1]), Say(run, e.Begun(workflow=workflow))]
        steps += [Pass(1, 1000, PROCESSES[:1]), Say(run, e.Heartbeat(instant=run))] * beats
    return [*steps, Pass(12, 5000, PROCESSES[:1])]


#: Resumed before the threshold of silence, between it and the later receiver's delay, and after both.
CYCLES = st.lists(
    st.tuples(st.sampled_from([1, 10, 17, 30]), st.integers(0, 2)), min_size=RUNS, max_size=RUNS
).map(_cycles)


def test_an_alert_that_a_later_cycle_ends_is_the_same_for_every_batching(tables: Tables) -> None:
    @settings(UNHURRIED, max_examples=examples(3))
    @given(st.integers(1, 2), CYCLES, st.builds(replace, PLANS, crashes=CRASHES), NOTIFYING)
    def holds(partitions: int, steps: Sequence[Any], plan: Plan, notifying: Notifying) -> None:
        messages = [of_nobody(m) for m in written(partitions, steps)]
        found = []
        for machine in played_twice(tables, messages, partitions, plan, notifying):
            rows = tables.rows(
                "SELECT run_id, id, kind, state, since, fired_at, resolved_at, summary FROM alerts FINAL "
                "WHERE run_id != '' ORDER BY id"
            )
            found.append((set(machine.took), rows))
            resolved_follows(machine.took)
        for n_message, m in enumerate(messages):
            note(f"{n_message}: {m}")
        assert found[0] == found[1]
        event(f"resumed: {sum('resumed as cycle' in r['summary'] for r in found[0][1])}")

    holds()


def of_nobody(message: Message) -> Message:
    """The message without a token, so that all runs are of one owner."""
    event = message.event
    return message if event is None else replace(message, event=event.model_copy(update={"owner": ""}))


def test_a_run_that_never_began_is_told_in_those_words(tables: Tables) -> None:
    created = e.Created(name="typo", dialect=Dialect.TOWER, instant=0)
    messages = written(1, [Say(0, created), Pass(6, 5000, PROCESSES[:1])])
    help.empty(tables)
    tables.command("TRUNCATE TABLE alerts")
    machine = Machine.of(tables, messages, 1)
    asyncio.run(
        machine.play(Plan((50,), (0,), (False,), (), False), Notifying((3,), (False,), ((),), ((),), (0,)))
    )
    [row] = tables.rows("SELECT kind, state, summary FROM alerts FINAL WHERE run_id = 'run0'")
    words = "typo is disconnected: it never began: see .nextflow.log where it was started"
    assert (row["kind"], row["state"], row["summary"]) == ("disconnected", "firing", words)
    assert {alert.summary for _, alert, _ in machine.around.took} == {words}


def in_order(found: Sequence[Transition]) -> list[Transition]:
    """Each run's in the order of its partition."""
    return sorted(found, key=lambda t: (t.partition, t.offset))


def resolved_follows(took: Sequence[Told]) -> None:
    """For each receiver and alert: firing first; and nothing comes twice but after a crash, under the same name."""
    seen: set[Told] = set()
    for told in took:
        if told.state == AlertState.RESOLVED:
            assert told._replace(state=AlertState.FIRING) in seen
        seen.add(told)


def spaced(around: Around) -> None:
    """Of one run and kind at most one firing message in ten minutes of log time goes to a receiver."""
    fired: dict[tuple[str, str, str], dict[str, int]] = {}
    for receiver, alert, owed in around.took:
        if owed.state == AlertState.FIRING:
            fired.setdefault((receiver, alert.run_id, alert.kind), {})[alert.id] = owed.at
    for times in fired.values():
        ordered = sorted(times.values())
        assert all(b - a >= TEN_MINUTES for a, b in pairwise(ordered))
