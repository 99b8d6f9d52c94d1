"""Many alerts at once: the work grows with their number, few messages are sent, and nobody is left out."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TypeVar, cast

import pytest
from pydantic import SecretStr

from projections.alerts import episodes
from projections.alerts.delivery import Answer
from projections.alerts.episodes import DAY, Alert, Owed, owed
from projections.alerts.outbox import MOST_PER_MINUTE, Outbox
from projections.alerts.registry import EpisodeRegistry
from projections.alerts.rules import Facts, Receiver, Rule, Rules
from projections.alerts.silent_cycles import SilentCycles
from projections.alerts.storage import Act, Cycle, Mark, Storage
from projections.project.outage_counts import NO_RUNS, OutageCounts
from projections.project.sweep import Transition
from schemas.settings import Settings
from schemas.statuses import AlertKind, AlertState
from schemas.topics import NOTIFIER_GROUP, TRANSITIONS
from stores.tables.client import Tables
from tests.support.alerts.notifier import Around, UnhurriedLog, begun, step, tell, without_waits
from tests.support.api.stage import Stage
from tests.support.api.stage import stage as stage

T = TypeVar("T")
T0 = 1_790_000_000_000
THRESHOLD = 180_000
_URL = SecretStr("https://a.example/")
RULES = Rules(receivers={"a": Receiver(url=_URL)}, rules=[Rule(receivers=["a"])])


def change(run: str, to: str, at: int, offset: int) -> Transition:
    return Transition(run, offset, 0, T0 + at, at, "running", to, "because")


def silent_together(runs: int) -> EpisodeRegistry:
    """All runs fall silent over twenty rounds of one threshold, are heard again, and are forgotten."""
    registry = EpisodeRegistry(RULES, THRESHOLD)
    counts = OutageCounts(live=runs, fallen=runs)
    for n in range(runs):
        at = 5000 * (n * 20 // runs)
        registry.transition(change(f"r{n}", "disconnected", at, at), Facts(f"r{n}"), counts, T0 + at)
    registry.advance(T0 + THRESHOLD)
    for n in range(runs):
        registry.transition(change(f"r{n}", "running", 200_000, 200_000), Facts(), NO_RUNS, T0 + 200_000)
    registry.changed.clear()
    registry.forget(T0 + DAY)
    return registry


def failed_together(runs: int) -> EpisodeRegistry:
    registry = EpisodeRegistry(RULES, THRESHOLD)
    for n in range(runs):
        registry.transition(change(f"r{n}", "failed", n // 100, n // 100), Facts(f"r{n}"), NO_RUNS, T0)
        registry.advance(T0 + n // 100) if n % 100 == 99 else None
    return registry


@pytest.mark.parametrize("flood", [silent_together, failed_together])
def test_twice_as_many_runs_cost_at_most_two_and_a_half_times_the_work(
    flood: Callable[[int], EpisodeRegistry],
) -> None:
    def cpu_seconds(runs: int) -> float:
        began = time.process_time()
        flood(runs)
        return time.process_time() - began

    cpu_seconds(200)
    growth = min(cpu_seconds(4000) / cpu_seconds(2000) for _ in range(3))
    assert growth < 2.5


def test_open_alerts_alone_are_looked_at_and_once_for_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    advances: list[int] = []
    looked_at = 0
    advance, advance_one = EpisodeRegistry.advance, episodes.advance

    def noting(registry: EpisodeRegistry, time: int) -> None:
        advances.append(time)
        advance(registry, time)

    def counting(alert: Alert, time: int) -> Alert:
        nonlocal looked_at
        looked_at += 1
        return advance_one(alert, time)

    monkeypatch.setattr(EpisodeRegistry, "advance", noting)
    monkeypatch.setattr(episodes, "advance", counting)
    silent_together(1000)
    assert len(advances) == 20 + 1 and len(set(advances)) == 20 + 1, "once a round, and once at the end"
    assert looked_at <= 3 * 1000, "of those that ended and of members of a group nobody asks again"


def messages(registry: EpisodeRegistry) -> list[tuple[str, str, str]]:
    """The owed messages (run, kind, state), all of them accepted."""
    sent = []
    for alert in list(registry.alerts.values()):
        for message in owed(alert):
            sent.append((alert.run_id, str(alert.kind), str(message.state)))
            registry.delivered(alert.id, message.receiver, message.state, message.at)
    return sent


def test_many_runs_that_fail_together_are_one_alert() -> None:
    registry = failed_together(2000)
    firing = messages(registry)
    assert ("", "failed", "firing") in firing and len(firing) <= 10, firing
    group = registry.newest(AlertKind.FAILED)
    assert group and "runs have failed within 180 s" in group.summary

    restored = EpisodeRegistry.of(RULES, THRESHOLD, registry.alerts.values())
    restored.transition(change("late", "failed", 60, 10**6), Facts("late"), NO_RUNS, T0 + 60)
    assert messages(restored) == [], "one more of the same, after a restart too"
    restored.advance(T0 + 60 + DAY)
    assert not any(a.open for a in restored.alerts.values()), "the members end with their group"
    assert {m[2] for m in messages(restored)} == {"resolved"}


def test_acknowledging_the_group_ends_its_members_and_a_failure_alone_still_fires() -> None:
    registry = failed_together(200)
    messages(registry)
    group = registry.newest(AlertKind.FAILED)
    assert group
    registry.acknowledge(group.id, T0 + 10, "ada")
    members = [a for a in registry.alerts.values() if a.group == group.id]
    assert members and all(a.state is AlertState.PASSED for a in members)
    messages(registry)
    later = THRESHOLD + 60_000
    registry.transition(change("alone", "failed", later, later), Facts("alone"), NO_RUNS, T0 + later)
    assert messages(registry) == [("alone", "failed", "firing")]


def test_a_receiver_of_one_member_is_notified_of_the_group() -> None:
    rules = Rules(
        receivers={name: Receiver(url=_URL) for name in ("ops", "team")},
        rules=[Rule(receivers=["ops"], name="r*"), Rule(receivers=["team"], name="team-*")],
    )
    registry = EpisodeRegistry(rules, THRESHOLD)
    for n in range(50):
        registry.transition(change(f"r{n}", "failed", 0, 1), Facts(f"r{n}"), NO_RUNS, T0)
    registry.transition(change("t", "failed", 1000, 2), Facts("team-1"), NO_RUNS, T0 + 1000)
    registry.advance(T0 + 2000)
    group: Alert | None = registry.newest(AlertKind.FAILED)
    assert group and {m.receiver for m in owed(group)} == {"ops", "team"}


class Receiver2001:
    """Takes what it gets, but refuses the summary once."""

    def __init__(self) -> None:
        self.got: list[tuple[Alert, Owed]] = []
        self.refused = 0

    async def send(self, _receiver: str, alert: Alert, message: Owed) -> Answer:
        if alert.labels.get("alertname") == "ManyAlerts" and not self.refused:
            self.refused += 1
            return Answer(404)
        self.got.append((alert, message))
        return Answer(204)


def test_a_flood_is_a_few_messages_and_one_summary_of_the_rest() -> None:
    target, delivered = Receiver2001(), list[Owed]()

    async def flood() -> None:
        outbox = Outbox(["a"], target.send, delivered.append, wait=lambda *_: 0.0)
        for n in range(2001):
            alert = Alert(
                f"{n}",
                AlertKind.STALLED,
                f"r{n}",
                T0,
                T0,
                state=AlertState.FIRING,
                summary=f"r{n} is stalled",
            )
            outbox.offer(alert, Owed(alert.id, "a", AlertState.FIRING, T0 + n))
        outbox.start()
        while outbox.waiting:
            outbox.check()
            await asyncio.sleep(0)
        await outbox.stop()

    asyncio.run(flood())
    assert len(target.got) == MOST_PER_MINUTE and target.refused == 1
    assert {m.alert_id for m in delivered} == {str(n) for n in range(2001)}, "all count as notified of"
    summary = target.got[-1][0]
    assert "1972 stalled firing" in summary.summary and "r29 is stalled" in summary.summary


def test_of_a_second_flood_within_the_minute_nothing_is_sent() -> None:
    target = Receiver2001()

    async def flood(most: int) -> int:
        outbox = Outbox(["a"], target.send, lambda _: None, wait=lambda *_: 0.0)
        outbox.start()
        for n in range(most):
            alert = Alert(f"{n}", AlertKind.STALLED, f"r{n}", T0, T0, state=AlertState.FIRING)
            outbox.offer(alert, Owed(alert.id, "a", AlertState.FIRING, T0 + n))
            for _ in range(10):  # each is sent before the next one comes, so none is in a summary
                await asyncio.sleep(0)
        waiting = outbox.waiting
        await outbox.stop()
        return waiting

    assert asyncio.run(flood(MOST_PER_MINUTE + 10)) == 10
    assert len(target.got) == MOST_PER_MINUTE


class NoTables:
    """A storage that keeps alerts in memory, of one partition that is swept up to long after T0."""

    def __init__(self) -> None:
        self.alerts: dict[str, Alert] = {}

    def load(self, _now: int) -> list[Alert]:
        return list(self.alerts.values())

    def save(self, alerts: Iterable[Alert], _now: int) -> None:
        self.alerts |= {a.id: a for a in alerts}

    def facts(self, run_ids: Sequence[str]) -> dict[str, Facts]:
        return {r: Facts(r) for r in run_ids}

    def cycles(self, _run_ids: Sequence[str]) -> dict[str, Cycle]:
        return {}

    def outage_counts(
        self, rounds: Iterable[tuple[int, int]], *_: object
    ) -> dict[tuple[int, int], OutageCounts]:
        return dict.fromkeys(rounds, OutageCounts(live=9000, fallen=9000))

    def marks(self) -> dict[int, Mark]:
        return {0: Mark(T0 + 10_000, 10_000, T0 + 10_000)}

    def missing(self, _partition: int, _round: int) -> list[str]:
        return []

    def acts(self, _since: int) -> list[Act]:
        return []


def test_a_flood_is_committed_in_steps_that_a_restart_does_not_repeat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_waits(monkeypatch)
    log = UnhurriedLog(1)
    around = Around(log, cast(Tables, None), RULES, Settings(alert_watchdog_seconds=0), T0 + 10_000)
    around.storage = cast(Storage, NoTables())
    for n in range(9000):
        log.put(
            "", change(f"r{n}", "disconnected", n // 1000, n // 1000).as_json(), f"r{n}", topic=TRANSITIONS
        )
    committed = [0]

    def position() -> int:
        return log.groups.get((NOTIFIER_GROUP, TRANSITIONS), {}).get(0, 0)

    async def until(target: int) -> None:
        async with begun(around) as state:
            while position() < target:
                await state.step()
                committed.append(position())
            for _ in range(3):
                await step(state)

    asyncio.run(until(3000))
    reached = committed[-1]
    asyncio.run(until(9000))
    assert 3000 <= reached < 9000 and committed == sorted(committed), "it goes on where it was"
    assert max(b - a for a, b in pairwise(committed)) <= 2000
    assert [alert.labels["alertname"] for _, alert, _ in around.took] == ["RunsDisconnected"]


class Threaded(Around):
    """Notes which of the registry's work is done beside the event loop's thread, and which in it."""

    in_thread = False

    async def ask(self, call: Callable[[], T]) -> T:
        self.in_thread = True
        try:
            return await super().ask(call)
        finally:
            self.in_thread = False


def test_a_flood_is_decided_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    without_waits(monkeypatch)
    log = UnhurriedLog(1)
    around = Threaded(log, cast(Tables, None), RULES, Settings(alert_watchdog_seconds=0), T0 + 10_000)
    around.storage = cast(Storage, NoTables())
    for n in range(50):
        log.put("", change(f"r{n}", "disconnected", n, n).as_json(), f"r{n}", topic=TRANSITIONS)
    done: Counter[tuple[str, bool]] = Counter()

    def noting(name: str, work: Callable[..., object]) -> Callable[..., object]:
        def noted(*arguments: object) -> object:
            done[name, around.in_thread] += 1
            return work(*arguments)

        return noted

    for name in ("transition", "advance", "forget"):
        monkeypatch.setattr(EpisodeRegistry, name, noting(name, getattr(EpisodeRegistry, name)))
    monkeypatch.setattr("projections.alerts.notifier_state.owed", noting("owed", owed))
    tell(around)
    assert {name for name, _ in done} == {"transition", "advance", "forget", "owed"}
    assert all(in_thread for _, in_thread in done), done


def test_a_session_of_very_many_cycles_costs_linear_work() -> None:
    """Each cycle falls silent and the next one ends its alert; of those before it none is looked at again."""
    silent: set[str] = set()
    looks = ended = 0

    def is_silent(run_id: str) -> bool:
        nonlocal looks
        looks += 1
        return run_id in silent

    cycles = SilentCycles(is_silent)
    for n in range(5000):
        cycle = Cycle(f"r{n}", "nightly", ("", "ann", "s"), (n, n, f"r{n}"), 0)
        for run_id in cycles.before(cycle):
            silent.remove(run_id)
            ended += 1
        silent.add(cycle.run_id)
        cycles.note(cycle)
    assert ended == 4999 and looks <= 4 * 5000
    assert cycles.before(Cycle("earlier", "nightly", ("", "ann", "s"), (0, 0, ""), 0)) == []


def test_the_places_of_few_runs_are_asked_for_alone(stage: Stage) -> None:
    """All cycles of their sessions came before: each step of a flood in one session read all of it again."""
    for n in range(20):
        stage.run(f"r{n:02}", at=T0 + n, facts={"session_id": "s", "name": f"n{n}"})
    found = Storage(stage.tables).cycles(["r03", "r19", "elsewhere"])
    assert {r: (c.name, c.resumed_ms) for r, c in found.items()} == {
        "r03": ("n3", T0 + 4),
        "r19": ("n19", 0),
    }
    assert found["r03"].place < found["r19"].place and found["r03"].session == found["r19"].session
