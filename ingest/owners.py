"""Whose the runs of a native request are, as far as the tables say so at once; the projector judges every event anyway.

No run waits for ClickHouse: what is not answered in time is taken as not known, and then nobody is refused here.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError

from stores.tables.client import Tables, TablesUnavailable

_log = structlog.get_logger(__name__)

#: How long a request waits for the answer, and for how long nobody is asked again after one that did not come (s).
ANSWER_SECONDS, PAUSE_SECONDS = 1.0, 10.0
#: Runs that are remembered, and for how long (s): an owner never changes, but a run that retention deleted may begin anew.
MOST_RUNS, REMEMBERED_SECONDS = 20_000, 600.0

#: Reads the owners of the runs of these ids that are there. Blocking.
Read = Callable[[Sequence[str]], Mapping[str, str]]

_SQL = "SELECT run_id, tupleElement(max(owner), 'name') AS name FROM runs WHERE run_id IN {ids:Array(String)} GROUP BY run_id"


def reading(tables: Tables) -> Read:
    """Reads them from the tables."""
    return lambda ids: {r["run_id"]: r["name"] for r in tables.rows(_SQL, ids=list(ids))}


class RunOwners:
    """`monotonic` gives seconds."""

    def __init__(self, read: Read, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._read, self._monotonic = read, monotonic
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._pause_until = 0.0
        # A thread of its own: tables that hang hold up nobody but who asks for owners.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="run-owners")

    async def of(self, run_ids: Sequence[str]) -> Mapping[str, str]:
        """Run → owner, '' for nobody, of those that are known. Never raises, and takes `ANSWER_SECONDS` at most."""
        now = self._monotonic()
        found = {
            r: known[0]
            for r in run_ids
            if (known := self._known.get(r)) and known[1] > now - REMEMBERED_SECONDS
        }
        missing = [r for r in dict.fromkeys(run_ids) if r not in found]
        if not missing or now < self._pause_until:
            return found
        try:
            asking = asyncio.get_running_loop().run_in_executor(self._thread, self._read, missing)
            answer = await asyncio.wait_for(asking, ANSWER_SECONDS)
        except (TimeoutError, TablesUnavailable, ClickHouseError) as error:
            self._pause_until = self._monotonic() + PAUSE_SECONDS
            _log.warning(
                "whose runs these are cannot be read: the projector judges alone", error=repr(error)[:300]
            )
            return found
        for run_id, owner in answer.items():
            self._known[run_id] = (owner, now)
            self._known.move_to_end(run_id)
        while len(self._known) > MOST_RUNS:
            self._known.popitem(last=False)
        return {**found, **answer}
