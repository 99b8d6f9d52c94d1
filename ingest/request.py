"""A request of a runner, as the dialects get it, and what they make of it."""

from dataclasses import dataclass
from typing import Any

from ingest import ids
from schemas.events import RunBegun, RunCompleted, RunCreated, RunHeartbeat, TaskRecord, TasksChangedEvent
from schemas.run_names import is_launched_as

RunnerEvent = RunCreated | RunBegun | TasksChangedEvent | RunHeartbeat | RunCompleted

#: An event and its task records, not yet redacted.
Read = tuple[RunnerEvent, list[TaskRecord]]


class Unreadable(Exception):
    """The request as a whole cannot be understood; the message is the reason that people see."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: run id and verb from its path, when it came (epoch ms), through which `process`, and whose token it had.

    `on_any_run`: the token may change every run. `launched_as`: the name that `tracker run` was asked for, as the address has it,
    '' where something else started the run.
    """

    run_id: str
    verb: str
    body: bytes
    workspace: str
    now: int
    process: str
    owner: str = ""
    on_any_run: bool = False
    launched_as: str = ""

    def launched_as_of(self, name: str) -> str:
        """What the address says, of a run of this name: '' where `tracker run` would not have named it so."""
        return self.launched_as if is_launched_as(name, self.launched_as) else ""

    def envelope(self, run_id: str | None = None) -> dict[str, Any]:
        """The fields of the event's envelope."""
        run_id = run_id or self.run_id
        event_id = ids.event_id(run_id, self.verb, self.body)
        return {
            "id": event_id,
            "source": self.process,
            "run_id": run_id,
            "received_at": self.now,
            "owner": self.owner,
            "on_any_run": self.on_any_run,
        }
