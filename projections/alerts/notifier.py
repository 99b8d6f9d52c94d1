"""The notifier: reads what happened, keeps the registry of alerts and sees that receivers are told. One is active at a time.

In this order: read, decide, write the alerts, commit the positions. So after a crash the same is decided again, and sent again
under the same key. Sending goes on beside it (`outbox.py`), and what was taken is written with the next step. Nothing here
holds up the projector: it reads what the projector has published, in the event loop and in threads of its own.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError

from projections.alerts.notifier_state import NotifierState
from projections.alerts.outbox import Send, sender
from projections.alerts.rules import Rules
from projections.alerts.storage import Storage
from schemas.metrics import NOTIFIER_ERRORS, NOTIFIER_LAST_STEP
from schemas.settings import Settings
from stores.log.port import EventLog, LogUnavailable
from stores.tables.client import Tables, TablesUnavailable

log = structlog.get_logger()
T = TypeVar("T")

_PAUSE_SECONDS = 1.0


class Notifier:
    """`now` gives the wall clock in ms. `send` stands in for the network in tests.

    `problem` says what this process finds wrong with the projection; empty if nothing. `tracker-behind` repeats it.
    """

    def __init__(
        self,
        event_log: EventLog,
        tables: Tables,
        settings: Settings,
        rules: Rules,
        now: Callable[[], int],
        send: Send | None = None,
        problem: Callable[[], str] = lambda: "",
    ) -> None:
        self.event_log, self.settings, self.rules, self.now = event_log, settings, rules, now
        self.problem = problem
        self.storage = Storage(tables)
        self._embedded = tables.embedded
        self.send = send or sender(rules, settings, now)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="notifier")

    async def run(self, active: Callable[[], bool] = lambda: True) -> None:
        """Notify while it is the active one, until cancelled. A failure begins anew from what is written."""
        try:
            while True:
                if active():
                    await self._watch_over(active)
                else:
                    NOTIFIER_LAST_STEP.set(0)
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            # Embedded tables must not be closed under a query; one to a server may hang, and would hold up the loop.
            self._threads.shutdown(wait=self._embedded, cancel_futures=True)

    async def ask(self, call: Callable[[], T]) -> T:
        """Run what blocks in a thread of ours."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def _watch_over(self, active: Callable[[], bool]) -> None:
        try:
            state = await NotifierState.begin(self)
            log.info("the notifier watches", receivers=sorted(self.rules.receivers))
            try:
                while active():
                    await state.step()
            finally:
                await state.outbox.stop()
        except (LogUnavailable, TablesUnavailable, ClickHouseError) as e:
            log.warning(
                "the notifier waits for log and tables, and tells nobody of anything until they answer",
                error=str(e)[:300],
            )
        except Exception:
            NOTIFIER_ERRORS.inc()
            log.exception("the notifier begins anew")
