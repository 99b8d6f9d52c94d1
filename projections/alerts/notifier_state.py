"""State of the active notifier and its step. After a crash all of it can be read again."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError

from projections.alerts import conditions, messages
from projections.alerts.episodes import OPEN, Owed, owed
from projections.alerts.low_watermark import LowWatermark
from projections.alerts.outbox import Outbox, Send
from projections.alerts.registry import EpisodeRegistry
from projections.alerts.rules import Facts, Rules
from projections.alerts.storage import Act, Mark, Storage
from projections.project.outage_counts import NO_RUNS
from projections.project.sweep import Transition
from schemas.events import to_ms
from schemas.metrics import ALERTS, NOTIFIER_LAST_STEP
from schemas.settings import Settings
from schemas.statuses import AlertKind, AlertState
from schemas.topics import DEAD_LETTERS, EVENTS, NOTIFIER_GROUP, TRANSITIONS
from stores.log.port import EventLog, LogUnavailable, Record
from stores.tables.client import TablesUnavailable

log = structlog.get_logger()
T = TypeVar("T")

_POLL_SECONDS = 0.2
_LOOK_SECONDS = 1.0  # between two looks at how far the projection is
_RETRY_SECONDS = 1.0
_MOST = 1000
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
        self._watermark = LowWatermark(self._limit, round(n.settings.tick_seconds * 500))
        self._ends: Mapping[int, int] | None = (
            None  # of the topic of transitions, after the marks were read; None once they are decided
        )
        self._pending: list[Pending] = []
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
        state = cls(n, EpisodeRegistry.of(n.rules, threshold, stored), positions)
        for alert in sorted(stored, key=lambda a: (a.since, a.id)):
            state._offer(alert.id)
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
        marks = await n.ask(n.storage.marks)
        # After the marks: so all transitions of their rounds lie below these ends.
        ends = {p: b.end for p, b in (await n.event_log.bounds(TRANSITIONS)).items()}
        # A partition of which nothing is projected must not be overlooked.
        known = {p: marks.get(p, _NO_MARK) for p in await n.event_log.bounds(EVENTS)}
        self._watermark.update(known, n.now())
        self._ends = ends
        self._missing = []
        for p in conditions.held_up(known, n.now(), self._limit):
            self._missing += await n.ask(partial(n.storage.missing, p, known[p].round))
        self._apply_acts(await n.ask(partial(n.storage.acts, self._acts_since)))
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
        n = self._n
        transitions, letters = await asyncio.gather(
            n.event_log.take(TRANSITIONS, self._positions[TRANSITIONS], _MOST, _POLL_SECONDS),
            n.event_log.take(DEAD_LETTERS, self._positions[DEAD_LETTERS], _MOST, _POLL_SECONDS),
        )
        self._pending += [Pending(t, r) for r in transitions if (t := transition_of(r))]
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
        time = self._watermark.time(now)
        read = self._positions[TRANSITIONS]
        if time is None or self._ends is None or any(read.get(p, 0) < end for p, end in self._ends.items()):
            return
        ready = [
            p.transition for p in self._pending if p.transition.appended_at <= time + self._watermark.within
        ]
        ready.sort(key=lambda t: (t.appended_at, t.partition, t.offset, t.run_id))
        facts: dict[str, Facts] = {}
        if run_ids := list(dict.fromkeys(t.run_id for t in ready if self.registry.begins(t))):
            facts = await n.ask(partial(n.storage.facts, run_ids))
        fell = {(t.appended_at, t.partition) for t in ready if t.to_status == AlertKind.DISCONNECTED}
        outage_counts = await n.ask(
            partial(n.storage.outage_counts, fell, self._watermark.within, self._watermark.marks)
        )
        self.registry.lagging = self._watermark.lagging(now)
        for t in ready:
            counted = outage_counts.get((t.appended_at, t.partition), NO_RUNS)
            self.registry.transition(t, facts.get(t.run_id, Facts()), counted, now)
        self.registry.advance(time)
        self.registry.forget(time)
        done = set(ready)
        self._pending = [p for p in self._pending if p.transition not in done]
        self._uncommitted |= bool(done)
        self._ends = None

    @property
    def _limit(self) -> int:
        return round(self._n.settings.behind_after_seconds * 1000)

    def _check_tracker(self) -> None:
        now = self._n.now()
        verdict = conditions.judge(self._watermark.marks, now, self._started, self._limit, self._missing)
        if verdict.behind is not None:
            self.registry.behind(verdict.since if verdict.behind else None, now, verdict.summary)

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
        changed, self.registry.changed = self.registry.changed, {}
        alerts = [self.registry.alerts[i] for i in changed]
        for alert in alerts:
            self._offer(alert.id)
        try:
            if alerts:
                await n.ask(partial(n.storage.save, alerts, n.now()))
            if self._uncommitted:
                await n.event_log.commit(NOTIFIER_GROUP, DEAD_LETTERS, self._positions[DEAD_LETTERS])
                await n.event_log.commit(NOTIFIER_GROUP, TRANSITIONS, self._decided())
        except BaseException:
            self.registry.changed = changed | self.registry.changed
            raise
        self._uncommitted = False

    def _decided(self) -> dict[int, int]:
        """Positions in the topic of transitions, before the first one that is not decided."""
        positions = dict(self._positions[TRANSITIONS])
        for _, record in self._pending:
            positions[record.partition] = min(positions[record.partition], record.offset)
        return positions

    def _offer(self, alert_id: str) -> None:
        alert = self.registry.alerts[alert_id]
        for message in owed(alert):
            self.outbox.offer(alert, message)

    def _delivered(self, message: Owed) -> None:
        self.registry.delivered(message.alert_id, message.receiver, message.state, self._n.now())

    def _set_metrics(self) -> None:
        NOTIFIER_LAST_STEP.set(self._n.now() / 1000)
        counts = dict.fromkeys(sorted(OPEN), 0)
        for alert in self.registry.alerts.values():
            if alert.open:
                counts[alert.state] += 1
        for state, count in counts.items():
            ALERTS.labels(state).set(count)


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
