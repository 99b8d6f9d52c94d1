"""Calls the projector for the Faust agent: one call at a time, in a thread."""

import asyncio
import os
from collections.abc import Mapping, Sequence

import structlog

from projections.project.projector import Projector
from projections.project.writer import Stopped
from schemas.topics import EVENTS, PROJECTOR_GROUP
from stores.log.port import Record

log = structlog.get_logger()

EXIT_SOFTWARE = 70


class Work:
    """Calls the projector from the agent and the timer, one at a time, in a thread. Any exception ends the process."""

    topic, group = EVENTS, PROJECTOR_GROUP

    def __init__(self, projector: Projector) -> None:
        self.projector = projector
        self.partitions: frozenset[int] = frozenset()
        #: Set from the first assignment on, also by one of no partitions.
        self.assigned = asyncio.Event()
        #: What the watchdog says is wrong; empty if nothing.
        self.problem = ""
        self._new_assignment = False
        self._lock = asyncio.Lock()

    def assign(self, partitions: frozenset[int]) -> None:
        """Take these partitions from the next call on.

        Call it at each assignment, also of the same partitions: another worker may have had them in between.
        """
        self.partitions = partitions
        self._new_assignment = True
        self.assigned.set()

    @property
    def waiting(self) -> bool:
        """Whether the projector waits for the tables."""
        return self.projector.writer.waiting

    @property
    def positions(self) -> Mapping[int, int]:
        """How far the projector has read."""
        return self.projector.positions

    def ping(self) -> bool:
        """Whether the tables answer. Blocking."""
        return self.projector.writer.tables.ping()

    async def project(self, records: Sequence[Record]) -> None:
        """Write the records. All of them are written when it returns."""
        async with self._lock:
            try:
                await asyncio.to_thread(self._call, records)
            except Stopped as e:
                log.warning(
                    "stopped in the middle of a batch, which the next start reads again", during=str(e)
                )
                os._exit(0)
            except Exception:
                log.exception(
                    "projector cannot go on: exiting, the next start reads again what is not acknowledged"
                )
                os._exit(EXIT_SOFTWARE)

    def _call(self, records: Sequence[Record]) -> None:
        if self._new_assignment:
            self._new_assignment = False
            self.projector.assign(self.partitions)
        if records:
            self.projector.project(records)
        else:
            self.projector.refresh_due()
