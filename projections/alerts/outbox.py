"""What is to be sent, one queue a receiver, each at its own pace: a receiver that is away holds up nobody else."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from projections.alerts import delivery as deliver
from projections.alerts import messages
from projections.alerts.delivery import Answer
from projections.alerts.episodes import Alert, Owed
from projections.alerts.rules import Receiver, Rules, secret_of
from schemas.metrics import ALERT_DELIVERIES, NOTIFIER_QUEUE
from schemas.settings import Settings
from schemas.statuses import AlertKind, AlertState

log = structlog.get_logger()

_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 300.0

#: Sends an alert to a receiver by name.
Send = Callable[[str, Alert, Owed], Awaitable[Answer]]


def backoff(failures: int, chance: float, asked: float | None) -> float:
    """Seconds until the next try: doubled each time up to five minutes, spread by a quarter, or what was asked. Pure."""
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
    """Tries until a receiver takes the message, firing before resolved. `done` is called for each that was taken."""

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
        """Begin to send."""
        self._tasks = [asyncio.create_task(self._run(r), name=f"alerts to {r}") for r in self._queues]

    async def stop(self) -> None:
        """Give up what is on its way; it is owed still."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        NOTIFIER_QUEUE.set(0)

    def check(self) -> None:
        """Raises what ended a queue that ought to run for ever."""
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
        """Messages that no receiver has taken yet."""
        return sum(map(len, self._queues.values()))

    def _count(self) -> None:
        NOTIFIER_QUEUE.set(self.waiting)

    async def _run(self, receiver: str) -> None:
        loop, queue, wake = asyncio.get_running_loop(), self._queues[receiver], self._wake[receiver]
        failures, not_before = 0, 0.0  # of the receiver as a whole
        while True:
            wake.clear()
            item = _next(queue)
            until = max(not_before, item.not_before) if item else None
            if item is None or (until or 0.0) > loop.time():
                await _woken(wake, None if until is None else until - loop.time())
                continue
            answer = await self._send(receiver, item.alert, item.owed)
            if answer.taken:
                failures = 0
                del queue[item.owed.alert_id, item.owed.state]
                ALERT_DELIVERIES.labels("taken").inc()
                self._count()
                self._done(item.owed)
                continue
            ALERT_DELIVERIES.labels("failed").inc()
            item.failures += 1
            if answer.blames_message:
                wait = self._backoff(item.failures, random.random(), answer.wait)
                item.not_before = loop.time() + wait
            else:
                failures += 1
                wait = self._backoff(failures, random.random(), answer.wait)
                not_before = loop.time() + wait
            log.warning(
                "alert not taken, trying again",
                receiver=receiver,
                alert=item.owed.key,
                answer=answer.detail,
                wait=round(wait, 1),
            )


def _next(queue: Queue) -> _Item | None:
    """The first of those that may go soonest; a resolved message not before the firing one of its alert is taken."""
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
    """Wait for the event, or so long; without end for None."""
    try:
        async with asyncio.timeout(seconds if seconds is None else max(0.0, seconds)):
            await wake.wait()
    except TimeoutError:
        return


def sender(
    rules: Rules, settings: Settings, now: Callable[[], int], timeout: float = deliver.TIMEOUT_SECONDS
) -> Send:
    """Sends over the network, as the receiver wants it."""

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
