"""Sends alerts: each receiver has a queue of its own, so that one that is away holds up nobody else.

A receiver gets at most MOST_PER_MINUTE messages a minute. The last of them is a summary of all that wait, if more than one does.
"""

import asyncio
import json
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from projections.alerts import delivery as deliver
from projections.alerts import messages
from projections.alerts.delivery import Answer
from projections.alerts.episodes import Alert, Owed, identity
from projections.alerts.rules import Receiver, Rules, secret_of
from schemas.metrics import ALERT_DELIVERIES, NOTIFIER_QUEUE
from schemas.settings import Settings
from schemas.statuses import AlertKind, AlertState

log = structlog.get_logger()

_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 300.0
#: Messages to one receiver within a minute; the watchdog's do not count.
MOST_PER_MINUTE = 30
_MINUTE = 60.0

#: Sends an alert to a receiver by name.
Send = Callable[[str, Alert, Owed], Awaitable[Answer]]


def backoff(failures: int, chance: float, asked: float | None) -> float:
    """Seconds until the next try: doubled each time up to five minutes, spread by a quarter, or as the receiver asked. Pure."""
    wait = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, 20))
    return max(wait * (0.75 + 0.5 * chance), asked or 0.0)


@dataclass(slots=True)
class _Item:
    alert: Alert
    owed: Owed
    failures: int = 0
    not_before: float = 0.0  # seconds of the loop's clock


Queue = dict[tuple[str, AlertState], _Item]


class Outbox:
    """Tries until a receiver accepts the message, firing before resolved. `done` is called for each that was accepted."""

    def __init__(
        self,
        receivers: list[str],
        send: Send,
        done: Callable[[Owed], None],
        wait: Callable[..., float] = backoff,
    ) -> None:
        self._send, self._done, self._backoff = send, done, wait
        self._queues: dict[str, Queue] = {r: {} for r in receivers}
        self._wake = {r: asyncio.Event() for r in receivers}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the tasks that send."""
        self._tasks = [asyncio.create_task(self._run(r), name=f"alerts to {r}") for r in self._queues]

    async def stop(self) -> None:
        """Stop sending. What is on its way is still owed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        NOTIFIER_QUEUE.set(0)

    def check(self) -> None:
        """Raise the exception that ended a sending task, if one did."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error

    def offer(self, alert: Alert, owed: Owed) -> None:
        """Queue the message, once; of the watchdog one at a time, since an old one says nothing."""
        queue = self._queues.get(owed.receiver)
        key = (owed.alert_id, owed.state)
        if queue is None or (
            alert.kind is AlertKind.WATCHDOG
            and any(i.alert.kind is AlertKind.WATCHDOG for i in queue.values())
        ):
            return
        if key in queue:
            queue[key].alert = alert
            return
        queue[key] = _Item(alert, owed)
        self._wake[owed.receiver].set()
        self._count()

    @property
    def waiting(self) -> int:
        """The number of messages that are not accepted yet."""
        return sum(map(len, self._queues.values()))

    def _count(self) -> None:
        NOTIFIER_QUEUE.set(self.waiting)

    async def _run(self, receiver: str) -> None:
        loop, queue, wake = asyncio.get_running_loop(), self._queues[receiver], self._wake[receiver]
        failures, not_before = 0, 0.0  # of the receiver as a whole
        accepted: deque[float] = deque()  # when, within the last minute
        while True:
            wake.clear()
            item = _next(queue)
            while accepted and accepted[0] <= loop.time() - _MINUTE:
                accepted.popleft()
            free_at = accepted[0] + _MINUTE if len(accepted) >= MOST_PER_MINUTE else 0.0
            capped = item is not None and item.alert.kind is not AlertKind.WATCHDOG
            until = max(not_before, item.not_before, free_at if capped else 0.0) if item else None
            if item is None or (until or 0.0) > loop.time():
                await _woken(wake, None if until is None else until - loop.time())
                continue
            items = [item]
            if capped and len(accepted) == MOST_PER_MINUTE - 1:
                items = [i for i in queue.values() if i.alert.kind is not AlertKind.WATCHDOG]
            alert, owed = (item.alert, item.owed) if len(items) == 1 else _summary(items)
            answer = await self._send(receiver, alert, owed)
            if answer.taken:
                failures = 0
                ALERT_DELIVERIES.labels("taken").inc()
                if capped:
                    accepted.append(loop.time())
                for sent in items:
                    del queue[sent.owed.alert_id, sent.owed.state]
                    self._done(sent.owed)
                self._count()
                continue
            ALERT_DELIVERIES.labels("failed").inc()
            item.failures += 1
            if answer.blames_message and len(items) == 1:
                wait = self._backoff(item.failures, random.random(), answer.wait)
                item.not_before = loop.time() + wait
            else:
                failures += 1
                wait = self._backoff(failures, random.random(), answer.wait)
                not_before = loop.time() + wait
            log.warning(
                "alert not taken, trying again",
                receiver=receiver,
                alert=owed.key,
                answer=answer.detail,
                wait=round(wait, 1),
            )


def _summary(items: Sequence[_Item]) -> tuple[Alert, Owed]:
    """One message in place of many: how many alerts of each kind, and the first of them by name."""
    firing = [i for i in items if i.owed.state is AlertState.FIRING]
    counts = Counter(f"{i.alert.kind} {i.owed.state}" for i in items)
    summary = (
        f"{len(items)} messages of alerts in one, since more than {MOST_PER_MINUTE} came within a minute: "
        + ", ".join(f"{n} {what}" for what, n in counts.most_common())
        + "; such as: "
        + "; ".join(i.alert.summary[:100] for i in (firing or items)[:3])
    )
    first = min((i.owed for i in firing or items), key=lambda owed: owed.at)
    alert_id = identity("summary", *(i.owed.key for i in items))
    state = AlertState.FIRING if firing else AlertState.RESOLVED
    alert = Alert(
        alert_id,
        items[0].alert.kind,
        "",
        since=first.at,
        fires_at=first.at,
        state=state,
        fired_at=first.at,
        resolved_at=None if firing else max(i.owed.at for i in items),
        summary=summary,
        labels={"alertname": "ManyAlerts", "severity": "critical"},
    )
    return alert, Owed(alert_id, first.receiver, state, first.at)


def _next(queue: Queue) -> _Item | None:
    """The first of those that may be sent soonest; a resolved message waits until the firing one of its alert is accepted."""
    soonest: _Item | None = None
    for (alert_id, state), item in queue.items():
        if state is AlertState.RESOLVED and (alert_id, AlertState.FIRING) in queue:
            continue
        if item.not_before == 0.0:
            return item
        if soonest is None or item.not_before < soonest.not_before:
            soonest = item
    return soonest


async def _woken(wake: asyncio.Event, seconds: float | None) -> None:
    """Wait for the event for so many seconds at most; None: without end."""
    try:
        async with asyncio.timeout(seconds if seconds is None else max(0.0, seconds)):
            await wake.wait()
    except TimeoutError:
        return


def sender(
    rules: Rules, settings: Settings, now: Callable[[], int], timeout: float = deliver.TIMEOUT_SECONDS
) -> Send:
    """Return a function that sends over the network, in the format of the receiver."""

    async def send(name: str, alert: Alert, owed: Owed) -> Answer:
        receiver = rules.receivers[name]
        body = json.dumps(_message(receiver, name, alert, owed, settings.base_url)).encode()
        headers = messages.headers(body, owed.key, secret_of(receiver, settings))
        return await deliver.post(
            receiver.url.get_secret_value(),
            body,
            headers,
            settings.alert_allow_private,
            now,
            timeout=timeout,
        )

    return send


def _message(receiver: Receiver, name: str, alert: Alert, owed: Owed, base_url: str) -> object:
    if receiver.type == "slack":
        return messages.slack(alert, owed.state, base_url)
    return messages.webhook(alert, owed.state, name, owed.key, base_url)
