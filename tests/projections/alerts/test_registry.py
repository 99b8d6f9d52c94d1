"""The pure core of alerts: whatever happens in whatever batches, who is told of what."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, TypeAdapter

from projections.alerts.conditions import judge
from projections.alerts.episodes import DAY, TEN_MINUTES, Alert, owed
from projections.alerts.registry import EpisodeRegistry
from projections.alerts.rules import Facts, Receiver, Rule, Rules
from projections.alerts.storage import Mark
from projections.project.outage_counts import NO_RUNS, OutageCounts
from projections.project.sweep import Transition
from schemas.statuses import AlertKind, AlertState, RunStatus

T0 = 1_790_000_000_000
SECOND = 1000
THRESHOLD = 180 * SECOND
ALONE = OutageCounts(live=100, fallen=1, suspects=3)
AT_ONCE = Rules(receivers={"a": Receiver(url=SecretStr("https://a.example/"))}, rules=[Rule(receivers=["a"])])
TWO = Rules(
    receivers={**AT_ONCE.receivers, "late": Receiver(url=SecretStr("https://b.example/"))},
    rules=[Rule(receivers=["a"]), Rule(receivers=["late"], delay_seconds=120)],
)
ALERT: TypeAdapter[Alert] = TypeAdapter(Alert)

Message = tuple[str, str, str, str, str, int]  # run, kind, alert, receiver, state, owed since


@dataclass
class Told:
    """A registry whose receivers take everything at once; `messages` in the order in which they were sent."""

    registry: EpisodeRegistry
    messages: list[Message]

    @classmethod
    def fresh(cls, rules: Rules = AT_ONCE) -> "Told":
        return cls(EpisodeRegistry(rules, THRESHOLD), [])

    def send(self) -> None:
        for alert_id in list(self.registry.changed):
            alert = self.registry.alerts[alert_id]
            for m in owed(alert):
                self.messages.append((alert.run_id, alert.kind, alert.id, m.receiver, m.state, m.at))
                self.registry.delivered(alert.id, m.receiver, m.state, m.at)
        self.registry.changed.clear()

    def restart(self) -> None:
        stored = [
            ALERT.validate_json(ALERT.dump_json(a, by_alias=True)) for a in self.registry.alerts.values()
        ]
        self.registry = EpisodeRegistry.of(self.registry.rules, THRESHOLD, stored)
        self.send()

    def happen(self, *transitions: Transition, outage_counts: OutageCounts = ALONE) -> "Told":
        for t in transitions:
            self.registry.transition(t, Facts(t.run_id), outage_counts, t.appended_at)
        self.send()
        return self

    def pass_to(self, time: int) -> "Told":
        self.registry.advance(time)
        self.send()
        return self

    @property
    def said(self) -> list[tuple[str, str, str]]:
        return [(run, kind, state) for run, kind, _, _, state, _ in self.messages]


def change(run: str, at: int, to: str, offset: int | None = None) -> Transition:
    """`at`: seconds after T0."""
    return Transition(
        run, at if offset is None else offset, 0, T0 + at * SECOND, at * SECOND, "running", to, "because"
    )


STATUSES = [
    RunStatus.RUNNING,
    RunStatus.DISCONNECTED,
    RunStatus.STALLED,
    RunStatus.FAILED,
    RunStatus.SUCCEEDED,
]


@st.composite
def histories(draw: st.DrawFn) -> list[Transition]:
    """Transitions of three runs in the order of the log, over about an hour."""
    steps = draw(
        st.lists(
            st.tuples(st.integers(1, 240), st.sampled_from("xyz"), st.sampled_from(STATUSES)), max_size=25
        )
    )
    at, history, last = 0, [], dict.fromkeys("xyz", RunStatus.RUNNING)
    for wait, run, status in steps:
        at += wait
        if status is not last[run]:
            history.append(replace(change(run, at, status), from_status=last[run]))
            last[run] = status
    return history


def play(history: Sequence[Transition], cuts: Iterable[int], disturb: bool) -> Told:
    """The history in batches that end at the cuts; disturbed by restarts, repeats and looks at the time in between."""
    told = Told.fresh(TWO)
    ends = sorted({c for c in cuts if c < len(history)} | {len(history)})
    for start, end in pairwise([0, *ends]):
        batch = history[start:end]
        told.happen(*batch)
        if disturb and batch:
            told.happen(*batch)
            told.pass_to(batch[-1].appended_at)
            told.restart()
    told.pass_to(T0 + 2 * DAY)
    return told


@settings(max_examples=150, deadline=None)
@given(histories(), st.lists(st.integers(1, 25)))
def test_the_same_is_told_however_it_was_batched_repeated_and_restarted(
    history: list[Transition], cuts: list[int]
) -> None:
    whole = play(history, [], disturb=False)
    assert sorted(play(history, cuts, disturb=False).messages) == sorted(whole.messages)
    assert sorted(play(history, cuts, disturb=True).messages) == sorted(whole.messages)


@settings(max_examples=150, deadline=None)
@given(histories(), st.lists(st.integers(1, 25)))
def test_resolved_follows_fired_and_nothing_fires_twice_in_ten_minutes(
    history: list[Transition], cuts: list[int]
) -> None:
    told = play(history, cuts, disturb=True)
    assert len(set(told.messages)) == len(told.messages), "each message once, while receivers take them"
    fired: dict[tuple[str, str, str], list[int]] = {}
    for position, (run, kind, alert, receiver, state, at) in enumerate(told.messages):
        before = [m[4] for m in told.messages[:position] if m[2:4] == (alert, receiver)]
        assert before == ([] if state == AlertState.FIRING else [AlertState.FIRING])
        if state == AlertState.FIRING:
            fired.setdefault((run, kind, receiver), []).append(at)
    for times in fired.values():
        assert all(b - a >= TEN_MINUTES for a, b in pairwise(sorted(times)))
    last = {t.run_id: t.to_status for t in history}
    for run, kind, alert, receiver, state, _ in told.messages:
        if state == AlertState.FIRING and (last[run] != kind or kind == AlertKind.FAILED):
            assert (alert, receiver, AlertState.RESOLVED) in {m[2:5] for m in told.messages}


@settings(max_examples=100, deadline=None)
@given(histories())
def test_a_run_that_stays_wrong_is_told_to_all(history: list[Transition]) -> None:
    told = play(history, [], disturb=False)
    for t in {t.run_id: t for t in history}.values():
        if t.to_status in (RunStatus.DISCONNECTED, RunStatus.STALLED):
            alert = told.registry.newest(AlertKind(t.to_status), t.run_id)
            assert alert and alert.state is AlertState.FIRING
            assert all(n.delivered for n in alert.notices.values()) and set(alert.notices) == {"a", "late"}


def test_a_flapping_run_is_told_once_in_ten_minutes() -> None:
    told = Told.fresh()
    for n in range(20):
        told.happen(change("r", 60 * n, "disconnected"), change("r", 60 * n + 30, "running"))
    firing = [m for m in told.messages if m[4] == AlertState.FIRING]
    assert [(m[5] - T0) // SECOND for m in firing] == [0, 600]
    assert told.said[:2] == [("r", "disconnected", "firing"), ("r", "disconnected", "resolved")]


def test_what_lasts_is_told_when_the_ten_minutes_are_over() -> None:
    told = Told.fresh().happen(
        change("r", 0, "stalled"), change("r", 10, "running"), change("r", 20, "stalled")
    )
    told.pass_to(T0 + TEN_MINUTES - 1)
    assert len(told.said) == 2
    told.pass_to(T0 + TEN_MINUTES)
    assert told.said[2:] == [("r", "stalled", "firing")]


def test_a_completion_resolves_and_a_failure_is_another_alert() -> None:
    told = Told.fresh().happen(change("r", 0, "disconnected"), change("r", 5, "failed"))
    assert told.said == [
        ("r", "disconnected", "firing"),
        ("r", "disconnected", "resolved"),
        ("r", "failed", "firing"),
    ]
    told.pass_to(T0 + 5 * SECOND + DAY)
    assert told.said[3:] == [("r", "failed", "resolved")]


def test_a_transition_that_is_published_once_more_begins_nothing() -> None:
    """Else the run would be told of as silent ten minutes later, though it has long been heard."""
    silent, heard = change("r", 0, "disconnected"), change("r", 10, "running")
    for repeated in ([silent], [silent, heard], [heard]):
        told = Told.fresh().happen(silent, heard).happen(*repeated)
        told.restart()
        told.happen(*repeated).pass_to(T0 + DAY)
        assert told.said == [("r", "disconnected", "firing"), ("r", "disconnected", "resolved")]


def test_history_is_kept_and_told_to_nobody() -> None:
    told = Told.fresh()
    told.registry.transition(change("r", 0, "failed"), Facts(), NO_RUNS, T0 + DAY + 1)
    told.registry.transition(change("s", 0, "disconnected"), Facts(), NO_RUNS, T0 + DAY + 1)
    told.send()
    assert not told.messages and len(told.registry.alerts) == 2


def test_most_runs_fall_silent_together_and_one_alert_tells() -> None:
    runs = [f"r{n}" for n in range(6)]
    told = Told.fresh().happen(
        *(change(r, 0, "disconnected") for r in runs), outage_counts=OutageCounts(live=10, fallen=6)
    )
    assert told.said == [("", "disconnected", "firing")]
    assert "6 of 10" in next(a.summary for a in told.registry.alerts.values() if not a.run_id)
    told.happen(change("r9", 60, "disconnected"), outage_counts=OutageCounts(live=10, fallen=7))
    assert len(told.said) == 1, "one more of the same"
    told.restart()
    told.happen(*(change(r, 90, "running") for r in [*runs[1:], "r9"]))
    assert len(told.said) == 1, "one is silent still"
    told.happen(change("r0", 95, "succeeded"))
    assert told.said == [("", "disconnected", "firing"), ("", "disconnected", "resolved")]


def test_a_run_that_falls_silent_long_after_the_group_is_told_by_itself() -> None:
    told = Told.fresh().happen(
        *(change(f"r{n}", 0, "disconnected") for n in range(6)), outage_counts=OutageCounts(live=10, fallen=6)
    )
    told.happen(change("x", 400, "disconnected"))
    assert told.said[1:] == [("x", "disconnected", "firing")]


@pytest.mark.parametrize(
    ("outage_counts", "many"),
    [
        (OutageCounts(live=5, fallen=3), True),
        (OutageCounts(live=4, fallen=4), False),
        (OutageCounts(live=6, fallen=3), False),
        (OutageCounts(live=7, fallen=4), True),
    ],
)
def test_more_than_half_of_at_least_five(outage_counts: OutageCounts, many: bool) -> None:
    told = Told.fresh().happen(
        change("a", 0, "disconnected"), change("b", 0, "disconnected"), outage_counts=outage_counts
    )
    assert [run for run, _, _ in told.said] == ([""] if many else ["a", "b"])


def test_the_first_of_many_waits_for_the_others() -> None:
    told = Told.fresh().happen(
        change("a", 0, "disconnected"), outage_counts=OutageCounts(live=9, fallen=1, suspects=6)
    )
    assert not told.said
    told.restart()
    told.happen(change("b", 40, "disconnected"), outage_counts=OutageCounts(live=9, fallen=5, suspects=2))
    assert told.said == [("", "disconnected", "firing")]
    assert sum(a.state is AlertState.GROUPED for a in told.registry.alerts.values()) == 2


def test_the_first_goes_alone_when_it_waited_long_enough() -> None:
    suspicious = OutageCounts(live=9, fallen=1, suspects=6)
    waited = Told.fresh().happen(change("a", 0, "disconnected"), outage_counts=suspicious)
    assert not waited.pass_to(T0 + THRESHOLD // 2 - 1).said
    assert waited.pass_to(T0 + THRESHOLD // 2).said == [("a", "disconnected", "firing")]
    late = Told.fresh().happen(change("a", 0, "disconnected"), outage_counts=suspicious)
    late.happen(change("b", THRESHOLD // 2000, "disconnected"), outage_counts=OutageCounts(live=9, fallen=5))
    assert late.said[0] == ("a", "disconnected", "firing"), (
        "not one of them, whoever looked or did not look meanwhile"
    )
    healed = Told.fresh().happen(change("a", 0, "disconnected"), outage_counts=suspicious)
    healed.happen(change("a", 5, "running")).pass_to(T0 + DAY)
    assert not healed.said


def test_dead_letters_are_one_alert_until_none_come_for_ten_minutes() -> None:
    told = Told.fresh()
    for n in range(5):
        told.registry.dead_letter(f"0:{n}:", T0 + n * 60 * SECOND, "no JSON", T0)
    told.send()
    assert told.said == [("", "dead-letters", "firing")]
    assert len(told.pass_to(T0 + 240 * SECOND + TEN_MINUTES - 1).said) == 1
    assert told.pass_to(T0 + 240 * SECOND + TEN_MINUTES).said[1:] == [("", "dead-letters", "resolved")]
    told.registry.dead_letter("0:4:", T0 + 240 * SECOND, "no JSON", T0)  # published once more
    told.send()
    assert len(told.said) == 2


def test_acknowledging_ends_what_nothing_else_ends() -> None:
    told = Told.fresh().happen(change("r", 0, "failed"), change("s", 0, "disconnected"))
    for alert in list(told.registry.alerts.values()):
        told.registry.acknowledge(alert.id, T0 + 5, "ada")
        told.registry.acknowledge(alert.id, T0 + 9, "bob")
    told.registry.acknowledge("none", T0, "ada")
    told.send()
    assert ("r", "failed", "resolved") in told.said and ("s", "disconnected", "resolved") not in told.said
    assert {a.acknowledged_by for a in told.registry.alerts.values()} == {"ada"}


def test_silence_keeps_the_next_episode_quiet_and_still_tells_the_end_of_this_one() -> None:
    told = Told.fresh().happen(change("r", 0, "disconnected"))
    [alert] = told.registry.alerts
    told.registry.silence(alert, T0 + 3000 * SECOND)
    told.happen(change("r", 10, "running"), change("r", 700, "disconnected")).pass_to(T0 + 2999 * SECOND)
    assert told.said == [("r", "disconnected", "firing"), ("r", "disconnected", "resolved")]
    assert told.pass_to(T0 + 3000 * SECOND).said[2:] == [("r", "disconnected", "firing")]


def test_receivers_that_are_gone_are_owed_nothing() -> None:
    told = Told.fresh(TWO).happen(change("r", 0, "failed"))
    registry = EpisodeRegistry.of(AT_ONCE, THRESHOLD, told.registry.alerts.values())
    assert {r for a in registry.alerts.values() for r in a.notices} == {"a"}


def test_the_book_forgets_what_is_over() -> None:
    told = Told.fresh().happen(change("r", 0, "disconnected"), change("r", 1, "running"))
    told.registry.forget(T0 + TEN_MINUTES)
    assert told.registry.alerts
    told.registry.forget(T0 + DAY)
    assert not told.registry.alerts and not told.registry.newest(AlertKind.DISCONNECTED, "r")


def test_the_tracker_is_behind_by_the_wall_clock() -> None:
    marks = {0: Mark(T0, 5, T0), 1: Mark(T0 - 40_000, 5, T0 - 40_000)}
    assert judge({}, T0, T0, 30_000).behind is None
    assert judge(marks, T0 + 1, T0 - DAY, 50_000).behind is False
    behind = judge(marks, T0, T0 - DAY, 30_000)
    assert behind.behind and behind.since == T0 - 40_000 and "partition 1" in behind.summary
    assert judge(marks, T0, T0 - 30_000, 30_000).behind is None, "only just started"
    held = judge({0: Mark(T0, 5, T0 - 31_000)}, T0, T0 - DAY, 30_000, ["ingest-b"])
    assert held.behind and "ingest-b" in held.summary


def test_behind_is_one_episode_and_the_next_is_another() -> None:
    told = Told.fresh()
    for now in range(0, 5000, 1000):
        told.registry.behind(T0 - 40_000, T0 + now, "behind")
    told.registry.behind(None, T0 + 6000)
    told.send()
    told.restart()
    told.registry.behind(T0 - 40_000, T0 + 2 * TEN_MINUTES, "behind")
    told.send()
    assert [state for _, _, state in told.said] == ["firing", "resolved", "firing"]
    assert len({m[2] for m in told.messages}) == 2
