"""State of the active notifier and its step. After a crash all of it can be read again."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import NamedTuple, Protocol, TypeVar

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError

from projections.alerts import conditions, messages
from projections.alerts.episodes import OPEN, Alert, Owed, owed
from projections.alerts.low_watermark import LowWatermark
from projections.alerts.outbox import Outbox, Send
from projections.alerts.registry import EpisodeRegistry
from projections.alerts.rules import Facts, Rules
from projections.alerts.silent_cycles import SilentCycles
from projections.alerts.storage import Act, Cycle, Mark, Storage
from projections.alerts.undecided import Undecided
from projections.project.outage_counts import NO_RUNS
from projections.project.sweep import Transition
from schemas.metrics import ALERTS, NOTIFIER_LAST_STEP
from schemas.settings import Settings
from schemas.statuses import AlertKind, AlertState
from schemas.topics import DEAD_LETTERS, EVENTS, NOTIFIER_GROUP, PROJECTOR_GROUP, TRANSITIONS
from schemas.values import to_ms
from stores.log.port import EventLog, LogUnavailable, Record
from stores.tables.client import TablesUnavailable

log = structlog.get_logger()
T = TypeVar("T")

_POLL_SECONDS = 0.2
_LOOK_SECONDS = 1.0  # between two looks at how far the projection is
_RETRY_SECONDS = 1.0
_MOST = 1000
#: So many transitions are decided, written and committed at once: a step that dies loses no more, and blocks nobody for long.
_MOST_DECIDED = 2000
#: Acts are read again for so long (ms): of two partitions the younger may be there first.
_ACTS_AGAIN_MS = 60_000

_AWAY = (LogUnavailable, TablesUnavailable, ClickHouseError)
_NO_MARK = Mark()


class Pending(NamedTuple):
    """A transition that waits until everything before it is known, and the record it was read from."""

    transition: Transition
    record: Record


class NotifierContext(Protocol):
    """What a NotifierState needs; the Notifier provides it."""

    event_log: EventLog
    settings: Settings
    rules: Rules
    now: Callable[[], int]
    storage: Storage
    send: Send
    problem: Callable[[], str]

    async def ask(self, call: Callable[[], T]) -> T:
        """Run a blocking call in a thread."""


class NotifierState:
    """Create it with `begin`, call `step` again and again, and stop `outbox` at the end."""

    def __init__(
        self, n: NotifierContext, registry: EpisodeRegistry, positions: dict[str, dict[int, int]]
    ) -> None:
        self._n, self.registry, self._positions = n, registry, positions
        self._started = n.now()
        self._uncommitted = False
        self._progress_read_at = float("-inf")
        self._projected: Mapping[
            int, int
        ] = {}  # what the projector had acknowledged when the tables were last read
        self._marks: Mapping[int, Mark] = {}
        self._watermark = LowWatermark(self._limit, round(n.settings.tick_seconds * 500))
        self._ends: Mapping[int, int] | None = (
            None  # of the topic of transitions, after the marks were read; None once they are decided
        )
        self._pending: list[Pending] = []
        self._ready: deque[Pending] = deque()  # to be decided in this order, before anything else is read
        self._decide_until = 0  # the low watermark of what is ready
        self._undecided = Undecided()
        self._silent = SilentCycles(registry.is_silent)
        self._deliveries: list[tuple[Owed, int]] = []  # and when (ms); applied in `_save`
        self._missing: list[str] = []
        self._acts_since = 0
        self._acts_done: dict[
            tuple[int, int], int
        ] = {}  # (partition, offset) → when (ms), of those that may be read again
        self._last_watchdog = -1
        self.outbox = Outbox(list(n.rules.receivers), n.send, self._delivered)

    @classmethod
    async def begin(cls, n: NotifierContext) -> "NotifierState":
        """Restore the state from log and tables. Raises what they raise when they are away."""
        positions = {}
        for topic in (TRANSITIONS, DEAD_LETTERS):
            committed = await n.event_log.committed(NOTIFIER_GROUP, topic)
            bounds = await n.event_log.bounds(topic)
            positions[topic] = {p: committed.get(p, b.first) for p, b in bounds.items()}
        now = n.now()
        stored = await n.ask(lambda: n.storage.load(now))
        threshold = round(n.settings.disconnected_after_seconds * 1000)
        registry = await n.ask(lambda: EpisodeRegistry.of(n.rules, threshold, stored))
        state = cls(n, registry, positions)
        silent = [a.run_id for a in registry.alerts.values() if a.run_id and registry.is_silent(a.run_id)]
        if silent:
            for cycle in (await n.ask(partial(n.storage.cycles, silent))).values():
                state._silent.note(cycle)
        known = [registry.alerts[a.id] for a in sorted(stored, key=lambda a: (a.since, a.id))]
        for alert, message in await n.ask(partial(_owed, known)):
            state.outbox.offer(alert, message)
        state.outbox.start()
        return state

    async def step(self) -> None:
        """Read, decide, queue and write once. What cannot be read or written now is left to a later step."""
        self.outbox.check()
        try:
            await self._read_progress()
            if not self._uncommitted:
                await self._read_on()
        except _AWAY as e:
            log.warning("the notifier cannot read, and tries again", error=str(e)[:300])
            await asyncio.sleep(_RETRY_SECONDS)
        self._check_tracker()
        self._send_watchdog()
        try:
            await self._save()
        except _AWAY as e:
            log.warning("the notifier cannot write, and tries again", error=str(e)[:300])
            await asyncio.sleep(_RETRY_SECONDS)
        self._set_metrics()

    async def _read_progress(self) -> None:
        """Read how far the projection is, and what people did."""
        loop, n = asyncio.get_running_loop(), self._n
        if loop.time() - self._progress_read_at < (_POLL_SECONDS if self._pending else _LOOK_SECONDS):
            return
        projected = await n.event_log.committed(PROJECTOR_GROUP, EVENTS)
        # The tables change with what is projected alone, so there is nothing new in them while nothing was: most of the time.
        is_new = projected != self._projected or not projected or bool(self._pending)
        if is_new:
            self._marks = await n.ask(n.storage.marks)
        # After the marks: so all transitions of their rounds lie below these ends.
        ends = {p: b.end for p, b in (await n.event_log.bounds(TRANSITIONS)).items()}
        # A partition of which nothing is projected must not be overlooked.
        known = {p: self._marks.get(p, _NO_MARK) for p in await n.event_log.bounds(EVENTS)}
        self._watermark.update(known, n.now())
        self._ends = ends
        self._missing = []
        for p in conditions.held_up(known, n.now(), self._limit):
            self._missing += await n.ask(partial(n.storage.missing, p, known[p].round))
        if is_new:
            self._apply_acts(await n.ask(partial(n.storage.acts, self._acts_since)))
        self._projected = projected
        self._progress_read_at = loop.time()

    def _apply_acts(self, acts: Sequence[Act]) -> None:
        """Apply each act of a person once."""
        for act in acts:
            if (act.partition, act.offset) in self._acts_done:
                continue
            self._acts_done[act.partition, act.offset] = act.at_ms
            self._acts_since = max(self._acts_since, act.at_ms - _ACTS_AGAIN_MS)
            if act.act == "run.hidden":
                self.registry.hide(act.alert_id, act.at_ms)
            elif act.until_ms is not None:
                self.registry.silence(act.alert_id, act.until_ms)
            else:
                self.registry.acknowledge(act.alert_id, act.at_ms, act.by)
        self._acts_done = {key: at for key, at in self._acts_done.items() if at >= self._acts_since}

    async def _read_on(self) -> None:
        """Read on and decide. Nothing is decided unless all that it needs could be read."""
        if self._ready:
            await self._decide()
            return
        n = self._n
        transitions, letters = await asyncio.gather(
            n.event_log.take(TRANSITIONS, self._positions[TRANSITIONS], _MOST, _POLL_SECONDS),
            n.event_log.take(DEAD_LETTERS, self._positions[DEAD_LETTERS], _MOST, _POLL_SECONDS),
        )
        for record in transitions:
            if transition := transition_of(record):
                self._pending.append(Pending(transition, record))
                self._undecided.add(record.partition, record.offset)
        for record in letters:
            name, reason = dead_letter_of(record)
            self.registry.dead_letter(name, record.appended_at, reason, n.now())
        for topic, records in ((TRANSITIONS, transitions), (DEAD_LETTERS, letters)):
            self._positions[topic] |= {r.partition: r.offset + 1 for r in records}
            self._uncommitted |= bool(records)
        await self._decide()

    async def _decide(self) -> None:
        """Decide in the order of log time, as far as everything is known: so the same log gives the same alerts."""
        n, now = self._n, self._n.now()
        if not self._ready and not self._make_ready(now):
            return
        chunk = [p.transition for p in islice(self._ready, _MOST_DECIDED)]
        last = len(chunk) == len(self._ready)
        facts: dict[str, Facts] = {}
        if run_ids := list(dict.fromkeys(t.run_id for t in chunk if self.registry.begins(t))):
            facts = await n.ask(partial(n.storage.facts, run_ids))
        cycles: dict[str, Cycle] = {}
        if run_ids or any(self.registry.count(s) for s in OPEN):
            cycles = await n.ask(partial(n.storage.cycles, list(dict.fromkeys(t.run_id for t in chunk))))
        fell = {(t.appended_at, t.partition) for t in chunk if t.to_status == AlertKind.DISCONNECTED}
        counts = await n.ask(
            partial(n.storage.outage_counts, fell, self._watermark.within, self._watermark.marks)
        )

        def apply() -> None:
            self.registry.lagging = self._watermark.lagging(now)
            for t in chunk:
                at_round = counts.get((t.appended_at, t.partition), NO_RUNS)
                cycle = cycles.get(t.run_id)
                its = replace(facts.get(t.run_id, Facts()), resumed_at=(cycle and cycle.resumed_ms) or None)
                self.registry.transition(t, its, at_round, now)
                if cycle:
                    for run_id in self._silent.before(cycle):
                        self.registry.resume(run_id, t.appended_at, cycle.name)
                    self._silent.note(cycle)
            if last:
                self.registry.advance(self._decide_until)
                self.registry.forget(self._decide_until)

        await n.ask(apply)
        for _ in chunk:
            record = self._ready.popleft().record
            self._undecided.done(record.partition, record.offset)
        self._uncommitted |= bool(chunk)

    def _make_ready(self, now: int) -> bool:
        """Take what can be decided from `_pending` to `_ready`, in the order of log time; whether the time is known."""
        time, read = self._watermark.time(now), self._positions[TRANSITIONS]
        if time is None or self._ends is None or any(read.get(p, 0) < end for p, end in self._ends.items()):
            return False
        limit = time + self._watermark.within
        ready = [p for p in self._pending if p.transition.appended_at <= limit]
        self._pending = [p for p in self._pending if p.transition.appended_at > limit]
        ready.sort(key=lambda p: _in_log_order(p.transition))
        self._ready, self._decide_until, self._ends = deque(ready), time, None
        return True

    @property
    def _limit(self) -> int:
        return round(self._n.settings.behind_after_seconds * 1000)

    def _check_tracker(self) -> None:
        now = self._n.now()
        verdict = conditions.judge(self._watermark.marks, now, self._started, self._limit, self._missing)
        if verdict.behind is not None:
            summary = "; ".join(filter(None, (verdict.summary, self._n.problem())))
            self.registry.behind(verdict.since if verdict.behind else None, now, summary)

    def _send_watchdog(self) -> None:
        """Send the watchdog message: it shows its receivers that alerts work."""
        every, now = round(self._n.settings.alert_watchdog_seconds * 1000), self._n.now()
        if not every or now // every == self._last_watchdog:
            return
        self._last_watchdog = now // every
        for receiver in self._n.rules.delays(AlertKind.WATCHDOG):
            self.outbox.offer(
                messages.watchdog(now),
                Owed(f"watchdog-{self._last_watchdog}", receiver, AlertState.FIRING, now),
            )

    async def _save(self) -> None:
        """Queue what is owed, write what changed, then commit the positions."""
        n = self._n
        for message, at in self._deliveries:
            self.registry.delivered(message.alert_id, message.receiver, message.state, at)
        self._deliveries = []
        changed, self.registry.changed = self.registry.changed, {}
        alerts = [self.registry.alerts[i] for i in changed]
        try:
            # In a thread: the members of a group that ends are all of them, and mostly nothing is owed of one.
            if alerts:
                found = await n.ask(partial(_owed, alerts))
                taken = {message for message, _ in self._deliveries}  # while it was looked for
                for alert, message in found:
                    if message not in taken:
                        self.outbox.offer(alert, message)
                await n.ask(partial(n.storage.save, alerts, n.now()))
            if self._uncommitted:
                await n.event_log.commit(NOTIFIER_GROUP, DEAD_LETTERS, self._positions[DEAD_LETTERS])
                await n.event_log.commit(
                    NOTIFIER_GROUP, TRANSITIONS, self._undecided.positions(self._positions[TRANSITIONS])
                )
        except BaseException:
            self.registry.changed = changed | self.registry.changed
            raise
        self._uncommitted = False

    def _delivered(self, message: Owed) -> None:
        # The registry may be at work in a thread.
        self._deliveries.append((message, self._n.now()))

    def _set_metrics(self) -> None:
        NOTIFIER_LAST_STEP.set(self._n.now() / 1000)
        for state in OPEN:
            ALERTS.labels(state).set(self.registry.count(state))


def _owed(alerts: Sequence[Alert]) -> list[tuple[Alert, Owed]]:
    return [(alert, message) for alert in alerts for message in owed(alert)]


def _in_log_order(t: Transition) -> tuple[int, int, int, str]:
    return t.appended_at, t.partition, t.offset, t.run_id


def transition_of(record: Record) -> Transition | None:
    """Parse a transition. Pure. Logs what is none and returns None: only projectors write to the topic."""
    try:
        row = json.loads(record.value)
        at = to_ms(row.pop("appended_at"))
        if not isinstance(at, int):
            raise ValueError("appended_at is no time")
        return Transition(appended_at=at, **row)
    except (ValueError, TypeError, KeyError, AttributeError) as e:
        log.error("not a transition", partition=record.partition, offset=record.offset, error=str(e)[:200])
        return None


def dead_letter_of(record: Record) -> tuple[str, str]:
    """Parse the name and the reason of a message's first dead letter. Pure."""
    try:
        letter, _ = json.JSONDecoder().raw_decode(record.value.decode("utf-8", "replace"))
        name = f"{letter['partition']}:{letter['offset']}:{letter['part']}"
        return name, str(letter["reason"])
    except (ValueError, TypeError, KeyError) as e:
        return f"message {record.partition}:{record.offset}", f"unreadable: {e}"[:200]
