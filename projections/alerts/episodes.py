"""One alert is one episode of something wrong: how it begins, fires and ends. Pure; all times are ms since 1970.

An alert fires once and is resolved once, and each receiver that got the firing message is owed the resolved one. After it
fired, the same kind about the same run does not fire again for TEN_MINUTES: what is over by then notifies nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Annotated

from pydantic import Field

from schemas.statuses import AlertKind, AlertState

TEN_MINUTES = 600_000
DAY = 86_400_000

#: A failed run stays failed, so its alert ends by itself. So does one about dead letters, when none came for a while.
FAILED_LASTS = DAY
DEAD_LETTERS_LAST = TEN_MINUTES

#: What is older than this when the notifier first reads it is kept and notifies nobody: history is no alarm.
STALE = DAY

OPEN = frozenset({AlertState.PENDING, AlertState.FIRING, AlertState.GROUPED})

#: Kinds that people may end by acknowledging them: nothing else does.
_ENDED_BY_PEOPLE = frozenset({AlertKind.FAILED, AlertKind.DEAD_LETTERS})


@dataclass(frozen=True, slots=True)
class Notice:
    """The messages of one alert to one receiver, in ms; None: not yet. The aliases are the names in stored rows."""

    due: int  # the firing message is not sent before this
    firing: int | None = None  # since when the firing message is owed
    delivered: Annotated[int | None, Field(alias="told")] = None  # when the receiver accepted it
    resolved_delivered: Annotated[int | None, Field(alias="told_resolved")] = None


@dataclass(frozen=True, slots=True)
class Owed:
    """A message that a receiver has not accepted yet. `state` is FIRING or RESOLVED; `at`: since when it is owed (ms)."""

    alert_id: str
    receiver: str
    state: AlertState
    at: int

    @property
    def key(self) -> str:
        """The idempotency key: the same whenever the message is sent again."""
        return f"{self.alert_id}:{self.state}"


@dataclass(frozen=True, slots=True)
class Alert:
    """One episode. `run_id` is '' where it is not about one run. `version` rises with each change."""

    id: str
    kind: AlertKind
    run_id: str
    since: int
    fires_at: int
    state: AlertState = AlertState.PENDING
    partition: int = -1  # of the run; -1 where it is not about one run
    offset: int = -1  # of the last transition that was applied
    held_until: int | None = None  # it does not fire before, since it may become part of a group
    fired_at: int | None = None
    resolved_at: int | None = None
    expires_at: int | None = None
    last_fired: int | None = None  # when anybody was last notified of the episode before
    summary: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    group: str = ""  # the alert about many runs that notifies of this one
    notices: Mapping[str, Notice] = field(default_factory=dict)
    acknowledged_at: int | None = None
    acknowledged_by: str = ""
    silenced_until: int | None = None
    version: int = 0

    @property
    def open(self) -> bool:
        return self.state in OPEN

    @property
    def last_notified(self) -> int | None:
        """When anybody was last notified of this subject, in this episode or before."""
        times = [self.last_fired, self.fired_at, *(n.firing for n in self.notices.values())]
        return max((t for t in times if t is not None), default=None)

    @property
    def finished(self) -> bool:
        """The alert is over and owes no message."""
        return not self.open and not owed(self)


def identity(*parts: object) -> str:
    """Derive an alert's id, so that the same episode decided again is the same alert."""
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=10).hexdigest()


def begin(
    new: Alert,
    previous: Alert | None,
    delays: Mapping[str, int],
    now: int,
) -> Alert:
    """Begin the episode `new`: when it fires, whom it notifies. `delays`: receiver → ms after its beginning.

    `previous`: the last episode of the same subject. `now` only separates history from news.
    """
    last = previous.last_notified if previous else None
    earliest = new.since if last is None else max(new.since, last + TEN_MINUTES)
    if now - new.since > STALE:
        delays = {}
    notices = {r: Notice(max(earliest, new.since + d)) for r, d in delays.items()}
    return replace(
        new,
        fires_at=max(earliest, new.since + min(delays.values(), default=0)),
        last_fired=last,
        silenced_until=previous.silenced_until if previous else None,
        notices=notices,
    )


def advance(alert: Alert, time: int) -> Alert:
    """Return the alert at a later time: fired where due, ended where expired, the same object where nothing changes."""
    if alert.held_until is not None or alert.state not in (AlertState.PENDING, AlertState.FIRING):
        return alert
    if alert.expires_at is not None and alert.expires_at <= time:
        return end(alert, alert.expires_at)
    return _fire(alert, time)


def end(alert: Alert, time: int) -> Alert:
    """End the alert: it is resolved, or passed if nobody was notified of it."""
    if not alert.open:
        return alert
    if alert.expires_at is not None:
        time = min(time, alert.expires_at)
    if alert.held_until is None:
        alert = _fire(alert, time)
    fired = alert.state is AlertState.FIRING
    return replace(
        alert,
        state=AlertState.RESOLVED if fired else AlertState.PASSED,
        held_until=None,
        resolved_at=time,
        notices={r: n for r, n in alert.notices.items() if n.firing is not None},
    )


def hold(alert: Alert, until: int) -> Alert:
    """Hold the alert until then: others may follow, and then one alert notifies of all."""
    return replace(alert, held_until=until)


def release(alert: Alert, time: int) -> Alert:
    """Release a held alert: it may fire from `time` on."""
    return replace(
        alert,
        held_until=None,
        fires_at=max(alert.fires_at, time),
        notices={r: replace(n, due=max(n.due, time)) for r, n in alert.notices.items()},
    )


def absorb(alert: Alert, group: str) -> Alert:
    """Make the alert part of a group, which notifies of it. It must not have fired."""
    return replace(alert, state=AlertState.GROUPED, group=group, held_until=None, notices={})


def acknowledge(alert: Alert, time: int, by: str) -> Alert:
    """Acknowledge the alert, and end it if nothing else would end its kind."""
    if alert.acknowledged_at is not None:
        return alert
    alert = replace(alert, acknowledged_at=time, acknowledged_by=by)
    return end(alert, time) if alert.kind in _ENDED_BY_PEOPLE else alert


def silence(alert: Alert, until: int) -> Alert:
    """Hold back firing messages of this and the next episode until then. Resolved messages still go to who got the firing one."""
    return alert if alert.silenced_until == until else replace(alert, silenced_until=until)


def delivered(alert: Alert, receiver: str, state: AlertState, time: int) -> Alert:
    """Record that the receiver accepted the message."""
    notice = alert.notices.get(receiver)
    if notice is None:
        return alert
    field_name = "delivered" if state is AlertState.FIRING else "resolved_delivered"
    done = replace(notice, **{field_name: time})
    return replace(alert, notices={**alert.notices, receiver: done})


def drop_receivers(alert: Alert, known: frozenset[str]) -> Alert:
    """Drop the notices of receivers that are not known any more."""
    if alert.notices.keys() <= known:
        return alert
    return replace(alert, notices={r: n for r, n in alert.notices.items() if r in known})


def owed(alert: Alert) -> list[Owed]:
    """Messages still to be sent; to each receiver the firing one before the resolved one."""
    result = []
    for receiver, n in alert.notices.items():
        if n.firing is None:
            continue
        if n.delivered is None:
            result.append(Owed(alert.id, receiver, AlertState.FIRING, n.firing))
        if alert.state is AlertState.RESOLVED and n.resolved_delivered is None:
            result.append(Owed(alert.id, receiver, AlertState.RESOLVED, alert.resolved_at or n.firing))
    return result


def _fire(alert: Alert, time: int) -> Alert:
    if alert.state is AlertState.PENDING and alert.fires_at <= time:
        alert = replace(alert, state=AlertState.FIRING, fired_at=alert.fires_at)
    if alert.state is not AlertState.FIRING:
        return alert
    due = {r: max(n.due, alert.silenced_until or 0) for r, n in alert.notices.items() if n.firing is None}
    now_due = {r: replace(alert.notices[r], firing=at) for r, at in due.items() if at <= time}
    return replace(alert, notices={**alert.notices, **now_due}) if now_due else alert
