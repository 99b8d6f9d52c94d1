"""Finds the runs whose outputs are to be looked at or deleted, and does that, a few at a time.

It keeps no state that it could lose: what is due, and how far a listing came, is read from the tables, which say it because the
collector said so on the log. The topic of transitions only makes it look at once when a run ends: `agents.py` reads it on Kafka,
`loop.py` elsewhere. Collectors of one group share the runs by the partitions of that topic. Where two work on the same run for a
moment, as while partitions move, the same is done twice, without harm.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError

from projections.outputs.deleting import LIVE_MS, Deletion
from projections.outputs.listing import Listing, run_folder
from projections.sql import sql
from schemas.events import Event
from schemas.files.events import JobState, OutputsState
from schemas.metrics import COLLECTOR_ERRORS, COLLECTOR_LAST_STEP, OUTPUTS_DELETIONS, OUTPUTS_LISTED
from schemas.settings import Settings
from schemas.statuses import TERMINAL
from schemas.topics import EVENTS
from schemas.wire import encode
from stores.log.port import EventLog, LogUnavailable
from stores.objects.open import ObjectStores
from stores.tables.client import Tables, TablesUnavailable

log = structlog.get_logger(__name__)

#: Between two looks at what people ask for.
POLL_SECONDS = 2.0
_AT_ONCE = 4
_LOOK_MS = 60_000
_DUE_MAX = 200
#: Runs that ended longer ago than this are not looked at by themselves: a tracker that is new here would look at all at once.
_NEWS_MS = 7 * 86_400_000
#: What was done is not done again while the projection may not have caught up (ms).
_SETTLED_MS = 600_000
_FIRST_WAIT_MS, _LONGEST_WAIT_MS = 30_000, 900_000

#: What is raised while log or tables cannot be reached.
AWAY = (LogUnavailable, TablesUnavailable, ClickHouseError)


@dataclass(frozen=True, slots=True)
class Share:
    """The runs whose ids are keys of these partitions, of so many, of the topic of transitions."""

    partitions: int
    own: frozenset[int]


#: Every run.
ALL = Share(1, frozenset({0}))


@dataclass(frozen=True, slots=True)
class _Job:
    """What is done in the background for a run of this partition."""

    partition: int
    task: asyncio.Task[None]


class Collector:
    """`now` gives the wall clock in ms."""

    def __init__(
        self,
        event_log: EventLog,
        tables: Tables,
        stores: ObjectStores,
        settings: Settings,
        now: Callable[[], int],
    ) -> None:
        self.event_log, self.tables, self.stores, self.settings, self.now = (
            event_log,
            tables,
            stores,
            settings,
            now,
        )
        #: Whether it could read what is due at least once.
        self.ready = False
        #: Whether log or tables were away at the last try.
        self.waiting = False
        self._share = ALL
        self._look_at = 0
        self._working: dict[str, _Job] = {}
        self._steps = asyncio.Lock()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._settled: dict[str, int] = {}  # by what was done, when it may be done again (ms)
        self._waits: dict[str, int] = {}  # by run, how long the last wait for an absent store was (ms)

    def assign(self, share: Share) -> None:
        """Work for these runs from now on, and leave the others to who has them now: they go on where this one came to."""
        self._share, self._look_at = share, 0
        for job in self._working.values():
            if job.partition not in share.own:
                job.task.cancel()

    async def try_step(self, woken: bool) -> bool:
        """A step, and whether it could be made. Whatever fails is logged, counted, and to be tried again."""
        try:
            await self.step(woken)
        except AWAY as e:
            self.waiting = True
            log.warning("the collector waits for log and tables", error=str(e)[:300])
            return False
        except Exception:
            self.waiting = False
            COLLECTOR_ERRORS.inc()
            log.exception("the collector failed unexpectedly and goes on")
            return False
        self.waiting = False
        return True

    async def step(self, woken: bool = True) -> None:
        """Begin what is due; it goes on in the background. Raises what the tables raise.

        `woken`: whether runs may have ended; else all runs are looked through only once a minute.
        """
        async with self._steps:
            now = self.now()
            self._settled = {k: at for k, at in self._settled.items() if at > now}
            rows = await self._rows("outputs/asked")
            if woken or now >= self._look_at:
                rows += await self._rows(
                    "outputs/due",
                    ended_since=now - _NEWS_MS,
                    retry_since=now - round(self.settings.outputs_retry_hours * 3_600_000),
                )
                self._look_at = now + _LOOK_MS
            for row in rows:
                self._begin(row["run_id"], row["partition"], self._list(row["run_id"]))
            for job in await self._rows("outputs/jobs"):
                self._begin(job["job_id"], job["partition"], self._delete(job))
            self.ready = True
            COLLECTOR_LAST_STEP.set(now / 1000)

    async def drain(self) -> None:
        """Wait for the end of all that was begun."""
        while self._working:
            await asyncio.gather(*(job.task for job in self._working.values()), return_exceptions=True)

    async def stop(self) -> None:
        """Cancel what was begun, and wait for its end."""
        for job in self._working.values():
            job.task.cancel()
        await self.drain()

    def _begin(self, name: str, partition: int, work: Coroutine[Any, Any, None]) -> None:
        moved = partition not in self._share.own  # while the tables were read
        if moved or name in self._working or self._settled.get(name, 0) > self.now():
            work.close()
            return

        async def do() -> None:
            try:
                async with self._slots:
                    await work
            except AWAY as e:
                log.warning("outputs wait for log and tables", name=name, error=str(e)[:300])
            except Exception:
                COLLECTOR_ERRORS.inc()
                self._settled[name] = self.now() + _SETTLED_MS
                log.exception("outputs could not be collected", name=name)

        def done(_: asyncio.Task[None]) -> None:  # also of one that was cancelled before it began
            work.close()
            self._working.pop(name, None)

        task = asyncio.create_task(do())
        task.add_done_callback(done)
        self._working[name] = _Job(partition, task)

    async def _list(self, run_id: str) -> None:
        rows = await asyncio.to_thread(self.tables.rows, sql("outputs/run_folder"), run_id=run_id)
        if not rows:
            return
        folder = run_folder(run_id, rows[0], self.now())
        request = f"{run_id}@{folder.requested}"
        if self._settled.get(request, 0) > self.now():
            return  # it is done, and the tables do not say so yet

        state = await Listing(self.stores, self._append, self.settings.outputs_most, self.now, folder).run()
        OUTPUTS_LISTED.labels(state).inc()
        if state is OutputsState.AWAY:
            self._wait(run_id)
        else:
            self._waits.pop(run_id, None)
            self._settled[request] = self.now() + _SETTLED_MS

    async def _delete(self, job: dict[str, Any]) -> None:
        run_id, job_id = job["run_id"], job["job_id"]
        in_use = await asyncio.to_thread(
            self.tables.rows, sql("outputs/in_use"), run_id=run_id, live_since=self.now() - LIVE_MS
        )
        state = await Deletion(self.stores, self._append, self.now, self.settings, job, in_use).run()
        OUTPUTS_DELETIONS.labels(state).inc()
        if state is JobState.RUNNING:
            self._wait(job_id)
        else:
            self._settled[job_id] = self.now() + _SETTLED_MS

    async def _append(self, event: Event) -> None:
        await self.event_log.append(EVENTS, event.run_id, event.type, encode(event))

    def _wait(self, name: str) -> None:
        """Leave it alone for a while, twice as long as the last time: its store is away."""
        wait = min(_LONGEST_WAIT_MS, 2 * self._waits.get(name, _FIRST_WAIT_MS // 2))
        self._waits[name] = wait
        self._settled[name] = self.now() + wait

    async def _rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        share = {"partitions": self._share.partitions, "own": sorted(self._share.own)}
        return await asyncio.to_thread(self.tables.rows, sql(query), most=_DUE_MAX, **share, **parameters)


def ends_a_run(transition: bytes) -> bool:
    """Pure. Whether a message of the topic of transitions says that a run is over."""
    try:
        data = json.loads(transition)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and str(data.get("to_status")) in TERMINAL
