"""For tests that join projector and notifier: a log in memory, a state without waits, a receiver that keeps what it gets."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
from pydantic import SecretStr

from projections.alerts import notifier_state, outbox
from projections.alerts.delivery import Answer
from projections.alerts.episodes import Alert, Owed
from projections.alerts.notifier_state import NotifierState
from projections.alerts.outbox import Send
from projections.alerts.rules import Receiver, Rule, Rules
from projections.alerts.storage import Storage
from schemas.settings import Settings
from schemas.statuses import AlertKind
from schemas.topics import TRANSITIONS
from stores.log.port import EventLog, LogUnavailable, Record
from stores.tables.client import Tables, TablesUnavailable
from tests.support.log import MemoryLog
from tests.support.projection import Faulty
from tests.support.reference.reducer import Limits

T = TypeVar("T")

RUN_KINDS = [AlertKind.DISCONNECTED, AlertKind.STALLED, AlertKind.FAILED]
_URL = SecretStr("https://a.example/")


def rules(delays: Mapping[str, float], kinds: Sequence[AlertKind] = tuple(RUN_KINDS)) -> Rules:
    """Receiver → seconds that an alert must last before it is told."""
    return Rules(
        receivers={name: Receiver(url=_URL) for name in delays},
        rules=[
            Rule(kinds=list(kinds), receivers=[name], delay_seconds=wait) for name, wait in delays.items()
        ],
    )


class UnhurriedLog(MemoryLog):
    """A log in memory that gives what is there and waits for nothing. `commits_fail`: how many commits fail from now on."""

    commits_fail = 0

    async def take(
        self, topic: str, positions: Mapping[int, int], most: int, within: float
    ) -> Sequence[Record]:
        return await super().take(topic, positions, most, 0)

    async def commit(self, group: str, topic: str, positions: Mapping[int, int]) -> None:
        if self.commits_fail:
            self.commits_fail -= 1
            raise LogUnavailable("away")
        await super().commit(group, topic, positions)


class Published(Faulty):
    """What is published lands on the log, in the same step: before or after it the process may die."""

    def __init__(self, tables: Tables, log: UnhurriedLog) -> None:
        super().__init__(tables)
        self.log = log

    def publish(self, topic: str, messages: Sequence[tuple[str, bytes]]) -> None:
        def land() -> None:
            for key, value in messages:
                self.log.put(topic, value, key, topic=topic)
            self.published.extend(self.transitions_of(messages) if topic == TRANSITIONS else ())

        self._step(land)


class Around:
    """What a state works with: real tables, no threads, no wall clock. `took`: what receivers took, in order."""

    def __init__(self, log: UnhurriedLog, tables: Tables, rules: Rules, settings: Settings, at: int) -> None:
        """`at`: the wall clock, in ms."""
        self.memory = log
        self.event_log: EventLog = log
        self.storage = Storage(tables)
        self.rules, self.settings = rules, settings
        self.now: Callable[[], int] = lambda: at
        self.send: Send = self._send
        self.problem: Callable[[], str] = lambda: ""
        self.took: list[tuple[str, Alert, Owed]] = []
        self.asked = self.sent = 0
        self.trouble()

    async def _send(self, receiver: str, alert: Alert, owed: Owed) -> Answer:
        self.sent += 1
        if self.sent in self.refuse:
            return Answer(503)
        self.took.append((receiver, alert, owed))
        return Answer(204)

    async def ask(self, call: Callable[[], T]) -> T:
        self.asked += 1
        if self.asked in self.tables_fail:
            raise TablesUnavailable("away")
        return call()

    def trouble(self, tables: Iterable[int] = (), messages: Iterable[int] = (), commits: int = 0) -> None:
        """Which of the next calls to the tables and of the next messages fail, counted from 1, and how many commits."""
        self.tables_fail = {self.asked + n for n in tables}
        self.refuse = {self.sent + n for n in messages}
        self.memory.commits_fail = commits


@asynccontextmanager
async def begun(around: Around) -> AsyncIterator[NotifierState]:
    """A new notifier; at the end it dies."""
    started = await NotifierState.begin(around)
    try:
        yield started
    finally:
        await started.outbox.stop()


async def step(running: NotifierState) -> None:
    """One step, and all messages that can be sent are."""
    await running.step()
    while running.outbox.waiting:
        running.outbox.check()
        await asyncio.sleep(0)
    await running.step()


def tell(around: Around) -> None:
    """A notifier begins, tells all that is to be told, and ends."""

    async def notify() -> None:
        async with begun(around) as state:
            for _ in range(3):
                await step(state)

    asyncio.run(notify())


def settings_of(limits: Limits) -> Settings:
    """As the projector's; nothing depends on the wall clock."""
    return Settings(
        ingest_gone_seconds=limits.gone_ms / 1000,
        disconnected_after_seconds=limits.disconnected_ms / 1000,
        stalled_after_seconds=limits.stalled_ms / 1000,
        behind_after_seconds=31_536_000,
        alert_watchdog_seconds=0,
    )


def without_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for anything."""
    monkeypatch.setattr(notifier_state, "_LOOK_SECONDS", 0)
    monkeypatch.setattr(notifier_state, "_RETRY_SECONDS", 0)
    monkeypatch.setattr(outbox, "_FIRST_WAIT_SECONDS", 0)
