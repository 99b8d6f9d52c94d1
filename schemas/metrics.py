"""Every Prometheus metric of the project, with what it means. The only place that names them.

Labels have few values each, all known here or in `schemas/statuses.py`: never a run id, a path or anything
else that a client could make up.
"""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

INGEST_REQUESTS = Counter(
    "tracker_ingest_requests_total",
    "Requests of runners. `outcome` is accepted (an event is on the log), unreadable (a dead letter), "
    "or why it was refused and nothing was appended: too_large, invalid (native only), log_unavailable, "
    "disconnected (the client went before its body was complete).",
    ["dialect", "verb", "outcome"],
)
INGEST_SECONDS = Histogram(
    "tracker_ingest_request_seconds",
    "From the first byte of a runner's request to the answer, the wait for the log included.",
    ["dialect"],
    buckets=_SECONDS,
)
INGEST_APPEND_SECONDS = Histogram(
    "tracker_ingest_append_seconds",
    "How long the log took to acknowledge one message of ingest.",
    buckets=_SECONDS,
)
INGEST_TASK_RECORDS = Counter("tracker_ingest_task_records_total", "Task records that ingest put on the log.")
INGEST_SET_ASIDE = Counter(
    "tracker_ingest_set_aside_total",
    "Parts of accepted requests (a record or a field) that could not be used and became dead letters.",
)
INGEST_ERRORS = Counter(
    "tracker_ingest_errors_total",
    "Requests on which the mapping failed unexpectedly: a defect of ours. They are kept as dead letters.",
)
INGEST_TICKS = Counter(
    "tracker_ingest_ticks_total",
    "Clock ticks of this process. `outcome`: appended or failed, each per partition.",
    ["outcome"],
)
INGEST_LAST_TICK = Gauge(
    "tracker_ingest_last_tick_timestamp_seconds",
    "When this process last ticked on all partitions. Standing still means that it cannot reach the log.",
)
