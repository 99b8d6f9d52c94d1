"""All alerts that something may still come of, and how each thing that happens changes them. No I/O, no clock: times are
arguments, in ms. Told the same things in the same order it says the same, however they were batched.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from projections.alerts import episodes
from projections.alerts.episodes import Alert, identity
from projections.alerts.rules import Facts, Rules
from projections.project.outage_counts import Census
from projections.project.sweep import Transition
from schemas.statuses import AlertKind, AlertState

#: Statuses of a run that are alerts while they last.
_WRONG = {k.value: k for k in (AlertKind.DISCONNECTED, AlertKind.STALLED, AlertKind.FAILED)}

#: Kept in memory for so long after its end: to hold the next episode of the same back.
_REMEMBERED = 6 * episodes.TEN_MINUTES

_Subject = tuple[AlertKind, str]


@dataclass
class Book:
    """`threshold_ms`: the silence after which a run is disconnected. `lagging`: partitions that the others do not wait for → the
    time up to which their runs are known."""

    rules: Rules
    threshold_ms: int
    alerts: dict[str, Alert] = field(default_factory=dict)
    changed: dict[str, None] = field(
        default_factory=dict
    )  # ids of which something is to be written, in order
    lagging: Mapping[int, int] = field(default_factory=dict)
    _newest: dict[_Subject, str] = field(default_factory=dict)
    _members: dict[str, set[str]] = field(default_factory=dict)  # group → its members that are open

    @classmethod
    def of(cls, rules: Rules, threshold_ms: int, stored: Iterable[Alert]) -> "Book":
        """The book as it was left. Nothing is owed to receivers that are no more."""
        book = cls(rules, threshold_ms)
        known = frozenset(rules.receivers)
        for alert in sorted(stored, key=lambda a: (a.offset, a.since, a.id)):
            book._start(alert)
            book._put(alert, episodes.forget_receivers(alert, known))
        return book

    def newest(self, kind: AlertKind, run_id: str = "") -> Alert | None:
        """The last alert of this kind about this run."""
        found = self._newest.get((kind, run_id))
        return self.alerts[found] if found else None

    def begins(self, t: Transition) -> bool:
        """Whether the transition may begin an alert, so that facts of the run are wanted."""
        return t.to_status in _WRONG

    # --- what happens -----------------------------------------------------------------------------

    def transition(self, t: Transition, facts: Facts, census: Census, now: int) -> None:
        """A run's status changed. Transitions come in the order of their times; one that came before changes nothing. `census`:
        at that time; counts only where the run became disconnected."""
        known = [a for kind in _WRONG.values() if (a := self.newest(kind, t.run_id))]
        if any(a.offset >= t.offset for a in known):
            return
        for alert in known:
            if alert.open and alert.kind != t.to_status:
                self._end(alert, t.appended_at, t.offset)
        kind = _WRONG.get(t.to_status)
        if kind is None or facts.hidden or ((last := self.newest(kind, t.run_id)) and last.open):
            return
        if census.most_fell:
            # Those that have waited long enough are no part of a group, whether or not anybody has looked at them meanwhile.
            self.advance(t.appended_at)
        alert = self._begin(
            Alert(
                identity(kind, t.run_id, t.offset),
                kind,
                t.run_id,
                since=t.appended_at,
                fires_at=t.appended_at,
                partition=t.partition,
                offset=t.offset,
                expires_at=t.appended_at + episodes.FAILED_LASTS if kind is AlertKind.FAILED else None,
                summary=_summary(kind, facts.name or t.run_id, t.reason, facts.error),
                labels=_labels(kind, t.run_id, facts),
            ),
            [facts],
            now,
        )
        if kind is AlertKind.DISCONNECTED and now - t.appended_at <= episodes.STALE:
            self._judge(alert, census, t.appended_at)
        else:
            self._put(alert, episodes.advance(alert, t.appended_at))

    def advance(self, time: int) -> None:
        """What is known of the runs reaches up to `time`: fire what is due, end what has expired."""
        for alert in list(self.alerts.values()):
            if alert.kind is AlertKind.TRACKER_BEHIND:
                continue
            known = min(time, self.lagging.get(alert.partition, time))
            if alert.held_until is not None and alert.held_until <= known:
                self._go_alone(alert, alert.held_until)
            else:
                self._put(alert, episodes.advance(alert, known))

    def behind(self, since: int | None, now: int, summary: str = "") -> None:
        """The tracker is behind since then; None: it is not. By the wall clock, since nothing else goes on then."""
        alert = self.newest(AlertKind.TRACKER_BEHIND)
        if since is None:
            if alert and alert.open:
                self._put(alert, episodes.end(alert, now))
            return
        if alert is None or not alert.open:
            alert = self._begin(
                Alert(
                    identity(AlertKind.TRACKER_BEHIND, since, alert.id if alert else ""),
                    AlertKind.TRACKER_BEHIND,
                    "",
                    since=now,
                    fires_at=now,
                    summary=summary,
                    labels={"alertname": "TrackerBehind", "severity": "critical"},
                ),
                [],
                now,
            )
        self._put(alert, episodes.advance(alert, now))

    def letter(self, name: str, at: int, reason: str, now: int) -> None:
        """Something was set aside. `name`: what identifies it on the log."""
        alert = self.newest(AlertKind.DEAD_LETTERS)
        expires = at + episodes.DEAD_LETTERS_LAST
        if alert and alert.open and (alert.expires_at or 0) > at:
            if expires > (alert.expires_at or 0):
                self._put(alert, replace(alert, expires_at=expires))
            return
        if alert and alert.open:
            self._put(alert, episodes.advance(alert, at))
        if alert and alert.expires_at and expires < alert.expires_at:
            return  # told before
        alert = self._begin(
            Alert(
                identity(AlertKind.DEAD_LETTERS, name),
                AlertKind.DEAD_LETTERS,
                "",
                since=at,
                fires_at=at,
                expires_at=expires,
                summary=f"requests could not be understood and are set aside: {reason[:300]}",
                labels={"alertname": "DeadLetters", "severity": "warning"},
            ),
            [],
            now,
        )
        self._put(alert, episodes.advance(alert, at))

    def acknowledge(self, alert_id: str, at: int, by: str) -> None:
        """A person has seen the alert. One that is not there is none of ours any more."""
        if alert := self.alerts.get(alert_id):
            self._put(alert, episodes.acknowledge(alert, at, by))

    def hide(self, run_id: str, at: int) -> None:
        """A person hid the run: what was wrong with it by then is over. Acts are told again after a restart."""
        for kind in _WRONG.values():
            alert = self.newest(kind, run_id)
            if alert and alert.open and alert.since <= at:
                self._end(alert, at, alert.offset)

    def silence(self, alert_id: str, until: int) -> None:
        """A person wants to hear no more of it before `until`."""
        if alert := self.alerts.get(alert_id):
            self._put(alert, episodes.silence(alert, until))

    def told(self, alert_id: str, receiver: str, state: AlertState, at: int) -> None:
        """A receiver took a message."""
        if alert := self.alerts.get(alert_id):
            self._put(alert, episodes.told(alert, receiver, state, at))

    def forget(self, time: int) -> None:
        """Drop what nothing can come of any more."""
        for alert in list(self.alerts.values()):
            ended = alert.resolved_at
            silent = (alert.silenced_until or 0) > time
            if (
                ended is not None
                and ended < time - _REMEMBERED
                and alert.finished
                and not silent
                and alert.id not in self.changed
            ):
                del self.alerts[alert.id]
                self._members.pop(alert.id, None)
                if self._newest.get((alert.kind, alert.run_id)) == alert.id:
                    del self._newest[alert.kind, alert.run_id]

    # --- how ---------------------------------------------------------------------------------------

    def _begin(self, new: Alert, runs: list[Facts], now: int) -> Alert:
        alert = episodes.begin(new, self.newest(new.kind, new.run_id), self.rules.delays(new.kind, runs), now)
        self._start(alert)
        self.changed[alert.id] = None
        return alert

    def _judge(self, alert: Alert, census: Census, time: int) -> None:
        """One of many, one alone, or to be seen: the next ones to fall silent may make them many."""
        group = self.newest(AlertKind.DISCONNECTED)
        if group and group.open and abs(alert.since - group.since) <= self.threshold_ms:
            self._absorb(alert, group)
        elif census.most_fell:
            self._absorb(alert, self._new_group(alert, census, time))
        elif census.most_may_fall:
            self._put(alert, episodes.hold(alert, alert.since + self.threshold_ms // 2))
        else:
            self._go_alone(alert, time)

    def _go_alone(self, alert: Alert, time: int) -> None:
        released = episodes.release(alert, time) if alert.held_until is not None else alert
        self._put(alert, episodes.advance(released, time))

    def _new_group(self, first: Alert, census: Census, time: int) -> Alert:
        """An alert about many runs, which takes in what the runs of this threshold have not told yet."""
        quiet = [
            a
            for a in self.alerts.values()
            if a.kind is AlertKind.DISCONNECTED
            and a.run_id
            and a.state is AlertState.PENDING
            and first.since - a.since <= self.threshold_ms
        ]
        delays = self.rules.delays(AlertKind.DISCONNECTED, [_facts(a) for a in quiet])
        group = episodes.begin(
            Alert(
                identity("group", first.id),
                AlertKind.DISCONNECTED,
                "",
                since=first.since,
                fires_at=first.since,
                summary=f"{census.fallen} of {census.live} live runs have fallen silent within "
                f"{self.threshold_ms / 1000:g} s: look at what they share, before looking at each",
                labels={"alertname": "RunsDisconnected", "severity": "critical"},
            ),
            self.newest(AlertKind.DISCONNECTED),
            delays,
            time,
        )
        self._start(group)
        self.changed[group.id] = None
        for alert in quiet:
            if alert.id != first.id:
                self._absorb(alert, group)
        self._put(group, episodes.advance(group, time))
        return group

    def _absorb(self, alert: Alert, group: Alert) -> None:
        self._put(alert, episodes.absorb(alert, group.id))

    def _end(self, alert: Alert, time: int, offset: int) -> None:
        group = self.alerts.get(alert.group) if alert.state is AlertState.GROUPED else None
        self._put(alert, replace(episodes.end(alert, time), offset=offset))
        if group and group.open and not self._members.get(group.id):
            self._put(group, episodes.end(group, time))

    def _start(self, alert: Alert) -> None:
        """It is the newest of its subject from now on."""
        self._newest[alert.kind, alert.run_id] = alert.id
        self._keep(alert)

    def _put(self, before: Alert, after: Alert) -> None:
        if after is before:
            return
        self._keep(replace(after, version=after.version + 1))
        self.changed[after.id] = None

    def _keep(self, alert: Alert) -> None:
        self.alerts[alert.id] = alert
        if alert.group:
            members = self._members.setdefault(alert.group, set())
            (members.add if alert.state is AlertState.GROUPED else members.discard)(alert.id)


def _labels(kind: AlertKind, run_id: str, facts: Facts) -> Mapping[str, str]:
    """What stays the same from firing to resolved, and tells receivers what it is about."""
    severity = "critical" if kind is AlertKind.FAILED else "warning"
    labels = {"alertname": f"Run{kind.capitalize()}", "severity": severity, "run_id": run_id}
    told = {"run": facts.name, "repository": facts.repository, "labels": ",".join(facts.labels)}
    return labels | {name: value[:300] for name, value in told.items() if value}


def _facts(alert: Alert) -> Facts:
    labels = alert.labels
    return Facts(
        labels.get("run", ""),
        labels.get("repository", ""),
        tuple(filter(None, labels.get("labels", "").split(","))),
    )


def _summary(kind: AlertKind, name: str, reason: str, error: str) -> str:
    if kind is AlertKind.FAILED:
        return f"{name[:200]} failed" + (f": {error[:300]}" if error else "")
    return f"{name[:200]} is {kind}: {reason[:300]}"
