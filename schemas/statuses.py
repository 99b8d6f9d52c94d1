"""Statuses of tasks and runs, and the ranks that order the records of one task. The only place that names them."""

from enum import StrEnum


class TaskStatus(StrEnum):
    """Status of one task as people see it. Nextflow's own words are mapped in `ingest/tower.py`."""

    PENDING = "pending"
    SUBMITTED = "submitted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"
    CACHED = "cached"


#: A record of a lower rank never replaces one of a higher rank, whatever the order of arrival. The DDL of
#: `tasks` repeats this table as a MATERIALIZED column; `tests/schemas/test_schemas.py` compares the two.
RANKS: dict[TaskStatus, int] = {
    TaskStatus.PENDING: 1,
    TaskStatus.SUBMITTED: 2,
    TaskStatus.RUNNING: 3,
    TaskStatus.SUCCEEDED: 4,
    TaskStatus.FAILED: 4,
    TaskStatus.ABORTED: 4,
    TaskStatus.CACHED: 4,
}


class ReportedState(StrEnum):
    """What the runner said of its run."""

    SUBMITTED = "submitted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({ReportedState.SUCCEEDED, ReportedState.FAILED, ReportedState.CANCELLED})


class Liveness(StrEnum):
    """What a live run's silence says. A terminal run has none (null)."""

    LIVE = "live"
    DISCONNECTED = "disconnected"
    STALLED = "stalled"
    UNKNOWN = "unknown"


class RunStatus(StrEnum):
    """What people see: the reported state when terminal, else what the silence says, else the reported state."""

    SUBMITTED = "submitted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DISCONNECTED = "disconnected"
    STALLED = "stalled"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """What became of one message of the log; `events.outcome`. The books are counts over it."""

    PROJECTED = "projected"
    DEAD_LETTERED = "dead_lettered"
    CLOCK = "clock"


class Dialect(StrEnum):
    """How a runner spoke to us. Weblog has no heartbeats, so its runs have no liveness between events."""

    TOWER = "tower"
    WEBLOG = "weblog"
    NATIVE = "native"


class AlertKind(StrEnum):
    """What an alert is about. A watchdog fires always: its silence says that nobody would be told of anything."""

    DISCONNECTED = "disconnected"
    STALLED = "stalled"
    FAILED = "failed"
    TRACKER_BEHIND = "tracker-behind"
    DEAD_LETTERS = "dead-letters"
    WATCHDOG = "watchdog"


class AlertState(StrEnum):
    """How an alert stands; one alert is one episode."""

    PENDING = "pending"  # its delay is not over, or the same was told less than ten minutes ago
    FIRING = "firing"
    RESOLVED = "resolved"
    GROUPED = "grouped"  # one alert about many runs tells of it
    PASSED = "passed"  # it was over before anybody was told


#: Error messages by which Nextflow tells that a person or a scheduler stopped the run.
CANCEL_SIGNALS = frozenset({"SIGINT", "SIGTERM", "SIGHUP"})
