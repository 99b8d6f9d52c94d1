"""One alert is one episode of something wrong: how it begins, fires and ends. Pure; all times are ms since 1970.

An alert fires once and is resolved once, and each receiver that was told of the first is owed the second. After it fired,
the same thing about the same run does not fire again for TEN_MINUTES: what is over by then passes in silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from schemas.statuses import AlertKind, AlertState

TEN_MINUTES = 600_000
DAY = 86_400_000

#: A failed run stays failed, so its alert ends by itself. So does one about dead letters, when none came for a while.
FAILED_LASTS = DAY
DEAD_LETTERS_LAST = TEN_MINUTES

#: What is older than this when we first hear of it is kept, and told to nobody: history is no alarm.
STALE = DAY

OPEN = frozenset({AlertState.PENDING, AlertState.FIRING, AlertState.GROUPED})

#: Kinds that people may end by acknowledging them: nothing else does.
_ENDED_BY_PEOPLE = frozenset({AlertKind.FAILED, AlertKind.DEAD_LETTERS})


@dataclass(frozen=True, slots=True)
class Notice:
    """What one receiver is to be told of one alert; None: not yet."""

    due: int  # the firing message does not go before
    firing: int | None = None  # since when the firing message is owed
    told: int | None = None  # when the receiver took it
    told_resolved: int | None = None  # when it took the resolved message


@dataclass(frozen=True, slots=True)
class Owed:
    """A message that a receiver has not taken yet. `state` is FIRING or RESOLVED; `at`: since when it is owed."""

    alert_id: str
    receiver: str
    state: AlertState
    at: int

    @property
    def key(self) -> str:
        """The same whenever the same is sent again."""
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
    held_until: int | None = None  # it may turn out to be one of many
    fired_at: int | None = None
    resolved_at: int | None = None
    expires_at: int | None = None
    last_fired: int | None = None  # when the episode before was told
    summary: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    group: str = ""  # the alert about many runs that tells of this one
    notices: Mapping[str, Notice] = field(default_factory=dict)
    acknowledged_at: int | None = None
    acknowledged_by: str = ""
    silenced_until: int | None = None
    version: int = 0

    @property
    def open(self) -> bool:
        return self.state in OPEN

    @property
    def last_told(self) -> int | None:
        """When anybody was last told of this subject, in this episode or before."""
        times = [self.last_fired, self.fired_at, *(n.firing for n in self.notices.values())]
        return max((t for t in times if t is not None), default=None)

    @property
    def finished(self) -> bool:
        """Nothing can come of it any more."""
        return not self.open and not owed(self)


def identity(*parts: object) -> str:
    """An alert's id: derived, so that the same episode found again is the same alert."""
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=10).hexdigest()


def begin(
    new: Alert,
    previous: Alert | None,
    delays: Mapping[str, int],
    now: int,
) -> Alert:
    """The episode `new`, pending: when it fires and who is to be told. `delays`: receiver → ms after its beginning.

    `previous`: the last episode of the same subject. `now` only tells history from news.
    """
    last = previous.last_told if previous else None
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
    """The alert at a later time: fires what is due, ends what has expired. The same alert where nothing changes."""
    if alert.held_until is not None or alert.state not in (AlertState.PENDING, AlertState.FIRING):
        return alert
    if alert.expires_at is not None and alert.expires_at <= time:
        return end(alert, alert.expires_at)
    return _fire(alert, time)


def end(alert: Alert, time: int) -> Alert:
    """The alert when what was wrong is over: resolved, or passed if nobody had heard of it."""
    if not alert.open:
        return alert
    if alert.expires_at is not None:
        time = min(time, alert.expires_at)
    if alert.held_until is None:
        alert = _fire(alert, time)
    told = alert.state is AlertState.FIRING
    return replace(
        alert,
        state=AlertState.RESOLVED if told else AlertState.PASSED,
        held_until=None,
        resolved_at=time,
        notices={r: n for r, n in alert.notices.items() if n.firing is not None},
    )


def hold(alert: Alert, until: int) -> Alert:
    """The alert waits, at most so long: others may follow, and then one alert tells of all."""
    return replace(alert, held_until=until)


def release(alert: Alert, time: int) -> Alert:
    """The alert that was held goes its way after all, from now on."""
    return replace(
        alert,
        held_until=None,
        fires_at=max(alert.fires_at, time),
        notices={r: replace(n, due=max(n.due, time)) for r, n in alert.notices.items()},
    )


def absorb(alert: Alert, group: str) -> Alert:
    """The alert becomes a part of the group, which tells of it. It must not have fired."""
    return replace(alert, state=AlertState.GROUPED, group=group, held_until=None, notices={})


def acknowledge(alert: Alert, time: int, by: str) -> Alert:
    """A person has seen it. That ends what nothing else would end."""
    if alert.acknowledged_at is not None:
        return alert
    alert = replace(alert, acknowledged_at=time, acknowledged_by=by)
    return end(alert, time) if alert.kind in _ENDED_BY_PEOPLE else alert


def silence(alert: Alert, until: int) -> Alert:
    """Nobody is told before `until` that it, or the next episode of the same, fires. Who was told is told of the end."""
    return alert if alert.silenced_until == until else replace(alert, silenced_until=until)


def told(alert: Alert, receiver: str, state: AlertState, time: int) -> Alert:
    """The receiver took the message."""
    notice = alert.notices.get(receiver)
    if notice is None:
        return alert
    done = replace(notice, told=time) if state is AlertState.FIRING else replace(notice, told_resolved=time)
    return replace(alert, notices={**alert.notices, receiver: done})


def forget_receivers(alert: Alert, known: frozenset[str]) -> Alert:
    """Nothing is owed to receivers that the settings no longer name."""
    if alert.notices.keys() <= known:
        return alert
    return replace(alert, notices={r: n for r, n in alert.notices.items() if r in known})


def owed(alert: Alert) -> list[Owed]:
    """What is still to be sent, per receiver in this order: firing, then resolved."""
    result = []
    for receiver, n in alert.notices.items():
        if n.firing is None:
            continue
        if n.told is None:
            result.append(Owed(alert.id, receiver, AlertState.FIRING, n.firing))
        if alert.state is AlertState.RESOLVED and n.told_resolved is None:
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
