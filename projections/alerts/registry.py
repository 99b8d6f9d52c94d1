"""The registry holds all alerts that may still change, and says how each event changes them. No I/O, no clock: times are
arguments, in ms. The same events in the same order give the same alerts, however they were batched.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from projections.alerts import episodes
from projections.alerts.episodes import Alert, identity
from projections.alerts.rules import Facts, Rules
from projections.project.outage_counts import OutageCounts
from projections.project.sweep import Transition
from schemas.statuses import AlertKind, AlertState

#: Statuses of a run that are alerts while they last.
_WRONG = {k.value: k for k in (AlertKind.DISCONNECTED, AlertKind.STALLED, AlertKind.FAILED)}

#: So many runs that fail within one threshold are told of by one alert: those before it have each had their own.
FAILURES_OF_A_GROUP = 10

#: Kept in memory for so long after its end: to hold the next episode of the same back.
_REMEMBERED = 6 * episodes.TEN_MINUTES

_Subject = tuple[AlertKind, str]


@dataclass
class EpisodeRegistry:
    """`threshold_ms`: the silence after which a run is disconnected. `lagging`: partitions that the others do not wait for → the
    time up to which they are swept. `changed`: ids of the alerts that are not written yet, in order."""

    rules: Rules
    threshold_ms: int
    alerts: dict[str, Alert] = field(default_factory=dict)
    changed: dict[str, None] = field(default_factory=dict)
    lagging: Mapping[int, int] = field(default_factory=dict)
    _newest: dict[_Subject, str] = field(default_factory=dict)
    #: The alerts by state, so that nothing has to look at all of them.
    _by_state: dict[AlertState, dict[str, None]] = field(default_factory=lambda: {s: {} for s in AlertState})
    _failures: dict[str, int] = field(default_factory=dict)  # run → since when it failed, the newest last
    _advanced: tuple[int, Mapping[int, int]] | None = None  # time and lagging partitions of the last advance
    _members: dict[str, set[str]] = field(default_factory=dict)  # group → its members that are open

    @classmethod
    def of(cls, rules: Rules, threshold_ms: int, stored: Iterable[Alert]) -> "EpisodeRegistry":
        """Restore the registry from stored alerts. Receivers that the rules no longer name are dropped."""
        registry = cls(rules, threshold_ms)
        receivers = frozenset(rules.receivers)
        for alert in sorted(stored, key=lambda a: (a.offset, a.since, a.id)):
            registry._start(alert)
            registry._update(alert, episodes.drop_receivers(alert, receivers))
        failed = [a for a in registry.alerts.values() if a.kind is AlertKind.FAILED and a.run_id]
        for alert in sorted(failed, key=lambda a: a.since):
            registry._count_failure(alert)
        return registry

    def newest(self, kind: AlertKind, run_id: str = "") -> Alert | None:
        """Return the newest alert of this kind about this run ('': about no run)."""
        alert_id = self._newest.get((kind, run_id))
        return self.alerts[alert_id] if alert_id else None

    def count(self, state: AlertState) -> int:
        """The number of alerts in this state."""
        return len(self._by_state[state])

    def begins(self, t: Transition) -> bool:
        """Whether the transition may begin an alert, so that the facts of its run are needed."""
        return t.to_status in _WRONG

    # --- events -----------------------------------------------------------------------------

    def transition(self, t: Transition, facts: Facts, outage_counts: OutageCounts, now: int) -> None:
        """Apply a change of a run's status. Transitions must come in the order of their times; a repeated one changes nothing.
        `outage_counts`: those of all partitions at that time; they matter only where the run became disconnected."""
        earlier = [a for kind in _WRONG.values() if (a := self.newest(kind, t.run_id))]
        if any(a.offset >= t.offset for a in earlier):
            return
        for alert in earlier:
            if alert.open and alert.kind != t.to_status:
                self._end(alert, t.appended_at, t.offset)
        kind = _WRONG.get(t.to_status)
        resumed = (
            kind is not AlertKind.FAILED
            and facts.resumed_at is not None
            and facts.resumed_at <= t.appended_at
        )
        if kind is None or facts.hidden or resumed or ((last := self.newest(kind, t.run_id)) and last.open):
            return
        if outage_counts.most_fell and self._advanced != (t.appended_at, self.lagging):
            # Those that have waited long enough are no part of a group, whether or not anybody has looked at them meanwhile.
            # Once for each time: of many transitions of one round each would look at all alerts again.
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
                summary=_summary(kind, facts, t),
                labels=_labels(kind, t.run_id, facts),
            ),
            [facts],
            now,
        )
        fresh = now - t.appended_at <= episodes.STALE
        if fresh and kind is AlertKind.DISCONNECTED:
            self._judge(alert, outage_counts, t.appended_at)
        elif fresh and kind is AlertKind.FAILED:
            self._judge_failure(alert, t.appended_at)
        else:
            self._update(alert, episodes.advance(alert, t.appended_at))

    def advance(self, time: int) -> None:
        """Fire what is due and end what has expired, now that all runs are known up to `time`."""
        self._advanced = (time, self.lagging)
        for alert_id in [*self._by_state[AlertState.PENDING], *self._by_state[AlertState.FIRING]]:
            alert = self.alerts[alert_id]
            if alert.kind is AlertKind.TRACKER_BEHIND:
                continue
            reached = min(time, self.lagging.get(alert.partition, time))
            if alert.held_until is not None and alert.held_until <= reached:
                self._fire_alone(alert, alert.held_until)
            else:
                self._update(alert, episodes.advance(alert, reached))

    def behind(self, since: int | None, now: int, summary: str = "") -> None:
        """Record since when the tracker is behind (None: it is not). By the wall clock, since log time may stand still then."""
        alert = self.newest(AlertKind.TRACKER_BEHIND)
        if since is None:
            if alert and alert.open:
                self._update(alert, episodes.end(alert, now))
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
        self._update(alert, episodes.advance(alert, now))

    def dead_letter(self, name: str, at: int, reason: str, now: int) -> None:
        """Record a dead letter. `name` identifies it on the log."""
        alert = self.newest(AlertKind.DEAD_LETTERS)
        expires = at + episodes.DEAD_LETTERS_LAST
        if alert and alert.open and (alert.expires_at or 0) > at:
            if expires > (alert.expires_at or 0):
                self._update(alert, replace(alert, expires_at=expires))
            return
        if alert and alert.open:
            self._update(alert, episodes.advance(alert, at))
        if alert and alert.expires_at and expires < alert.expires_at:
            return  # it counted for an earlier episode
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
        self._update(alert, episodes.advance(alert, at))

    def acknowledge(self, alert_id: str, at: int, by: str) -> None:
        """Record who acknowledged the alert. An alert that the registry no longer holds is ignored."""
        if alert := self.alerts.get(alert_id):
            self._update(alert, episodes.acknowledge(alert, at, by))

    def hide(self, run_id: str, at: int) -> None:
        """End the run's alerts that began before a person hid it. Harmless when repeated, as it is after a restart."""
        for kind in _WRONG.values():
            alert = self.newest(kind, run_id)
            if alert and alert.open and alert.since <= at:
                self._end(alert, at, alert.offset)

    def resume(self, run_id: str, at: int, name: str) -> None:
        """End the alerts about the run's silence: a later cycle of its session, of this name, runs. Harmless when repeated."""
        for alert in self._silent(run_id):
            if alert.since <= at:
                reason = f"{alert.summary}; resumed as {name[:200]}"
                self._end(replace(alert, summary=reason), at, alert.offset)

    def is_silent(self, run_id: str) -> bool:
        """Whether an alert about the run's silence is open."""
        return bool(self._silent(run_id))

    def silence(self, alert_id: str, until: int) -> None:
        """Notify nobody of the alert before `until`."""
        if alert := self.alerts.get(alert_id):
            self._update(alert, episodes.silence(alert, until))

    def delivered(self, alert_id: str, receiver: str, state: AlertState, at: int) -> None:
        """Record that a receiver accepted a message."""
        if alert := self.alerts.get(alert_id):
            self._update(alert, episodes.delivered(alert, receiver, state, at))

    def forget(self, time: int) -> None:
        """Drop alerts that ended long enough ago and owe no message."""
        for alert_id in [*self._by_state[AlertState.RESOLVED], *self._by_state[AlertState.PASSED]]:
            alert = self.alerts[alert_id]
            ended = alert.resolved_at
            silent = (alert.silenced_until or 0) > time
            if (
                ended is not None
                and ended < time - _REMEMBERED
                and alert.finished
                and not silent
                and alert.id not in self.changed
            ):
                del self.alerts[alert.id], self._by_state[alert.state][alert.id]
                self._members.pop(alert.id, None)
                if self._newest.get((alert.kind, alert.run_id)) == alert.id:
                    del self._newest[alert.kind, alert.run_id]

    def _silent(self, run_id: str) -> list[Alert]:
        found = (self.newest(kind, run_id) for kind in (AlertKind.DISCONNECTED, AlertKind.STALLED))
        return [a for a in found if a and a.open]

    # --- helpers ---------------------------------------------------------------------------------------

    def _begin(self, new: Alert, runs: list[Facts], now: int) -> Alert:
        alert = episodes.begin(new, self.newest(new.kind, new.run_id), self.rules.delays(new.kind, runs), now)
        self._start(alert)
        self.changed[alert.id] = None
        return alert

    def _judge(self, alert: Alert, outage_counts: OutageCounts, time: int) -> None:
        """Group the alert, fire it alone, or hold it while those about to fall silent may still make an outage."""
        group = self.newest(AlertKind.DISCONNECTED)
        if group and group.open and abs(alert.since - group.since) <= self.threshold_ms:
            self._absorb(alert, group)
        elif outage_counts.most_fell:
            summary = (
                f"{outage_counts.fallen} of {outage_counts.live} live runs have fallen silent within "
                f"{self.threshold_ms / 1000:g} s: look at what they share, before looking at each"
            )
            self._absorb(alert, self._new_group(alert, "RunsDisconnected", summary, time))
        elif outage_counts.most_may_fall:
            self._update(alert, episodes.hold(alert, alert.since + self.threshold_ms // 2))
        else:
            self._fire_alone(alert, time)

    def _fire_alone(self, alert: Alert, time: int) -> None:
        released = episodes.release(alert, time) if alert.held_until is not None else alert
        self._update(alert, episodes.advance(released, time))

    def _judge_failure(self, alert: Alert, time: int) -> None:
        """Group the failure with others of the same threshold, or fire it alone while they are few."""
        self._count_failure(alert)
        group = self.newest(AlertKind.FAILED)
        near = group and (
            group.state is AlertState.PENDING or abs(alert.since - group.since) <= self.threshold_ms
        )
        if group and group.open and near:
            self._absorb(alert, group)
        elif len(self._failures) >= FAILURES_OF_A_GROUP:
            summary = (
                f"{len(self._failures)} runs have failed within {self.threshold_ms / 1000:g} s, and those that follow are "
                "in this alert too: look at what they share, before looking at each"
            )
            self._absorb(alert, self._new_group(alert, "RunsFailed", summary, time))
        else:
            self._update(alert, episodes.advance(alert, time))

    def _count_failure(self, alert: Alert) -> None:
        self._failures.pop(alert.run_id, None)
        self._failures[alert.run_id] = alert.since
        while (oldest := next(iter(self._failures))) and self._failures[
            oldest
        ] < alert.since - self.threshold_ms:
            del self._failures[oldest]

    def _new_group(self, first: Alert, alertname: str, summary: str, time: int) -> Alert:
        """Begin an alert about many runs. It absorbs the pending alerts of runs that fell silent within this threshold."""
        quiet = [
            a
            for a in map(self.alerts.__getitem__, self._by_state[AlertState.PENDING])
            if a.kind is first.kind and a.run_id and first.since - a.since <= self.threshold_ms
        ]
        delays = self.rules.delays(first.kind, [_facts(a) for a in quiet])
        group = episodes.begin(
            Alert(
                identity("group", first.id),
                first.kind,
                "",
                since=first.since,
                fires_at=first.since,
                expires_at=first.expires_at,
                summary=summary,
                labels={"alertname": alertname, "severity": "critical"},
            ),
            self.newest(first.kind),
            delays,
            time,
        )
        self._start(group)
        self.changed[group.id] = None
        for alert in quiet:
            if alert.id != first.id:
                self._absorb(alert, group)
        self._update(group, episodes.advance(group, time))
        return group

    def _absorb(self, alert: Alert, group: Alert) -> None:
        group = self.alerts[group.id]
        if others := {r: n for r, n in alert.notices.items() if r not in group.notices}:
            self._update(group, replace(group, notices={**group.notices, **others}))
        self._update(alert, episodes.absorb(alert, group.id))

    def _end(self, alert: Alert, time: int, offset: int) -> None:
        self._update(alert, replace(episodes.end(alert, time), offset=offset))

    def _start(self, alert: Alert) -> None:
        """Make the alert the newest of its subject."""
        self._newest[alert.kind, alert.run_id] = alert.id
        self._store(alert)

    def _update(self, before: Alert, after: Alert) -> None:
        if after is before:
            return
        self._store(replace(after, version=after.version + 1))
        self.changed[after.id] = None
        if before.open and not after.open:
            self._end_group(before, after.resolved_at or 0)

    def _end_group(self, ended: Alert, time: int) -> None:
        """Members end with their group, and a group with the last of its members."""
        for member in [self.alerts[m] for m in self._members.get(ended.id, ())]:
            self._update(member, episodes.end(member, time))
        group = self.alerts.get(ended.group) if ended.state is AlertState.GROUPED else None
        if group and group.open and not self._members.get(group.id):
            self._update(group, episodes.end(group, time))

    def _store(self, alert: Alert) -> None:
        if before := self.alerts.get(alert.id):
            del self._by_state[before.state][alert.id]
        self._by_state[alert.state][alert.id] = None
        self.alerts[alert.id] = alert
        if alert.group:
            members = self._members.setdefault(alert.group, set())
            (members.add if alert.state is AlertState.GROUPED else members.discard)(alert.id)


def _labels(kind: AlertKind, run_id: str, facts: Facts) -> Mapping[str, str]:
    """Labels of a run's alert. They stay the same from firing to resolved."""
    severity = "critical" if kind is AlertKind.FAILED else "warning"
    labels = {"alertname": f"Run{kind.capitalize()}", "severity": severity, "run_id": run_id}
    facts_of_run = {"run": facts.name, "repository": facts.repository, "labels": ",".join(facts.labels)}
    return labels | {name: value[:300] for name, value in facts_of_run.items() if value}


def _facts(alert: Alert) -> Facts:
    labels = alert.labels
    return Facts(
        labels.get("run", ""),
        labels.get("repository", ""),
        tuple(filter(None, labels.get("labels", "").split(","))),
    )


def _summary(kind: AlertKind, facts: Facts, t: Transition) -> str:
    name = (facts.name or t.run_id)[:200]
    if kind is not AlertKind.FAILED:
        return f"{name} is {kind}: {t.reason[:300]}"
    error = facts.error[:300]
    if facts.cause:
        return f"{name} failed. {facts.cause}" + (f" The runner says: {error}" if error else "")
    return f"{name} failed" + (f": {error}" if error else "")
