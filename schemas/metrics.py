"""Every Prometheus metric of the project, with what it means. The only place that names them.

Labels have few values each, all known here, in `schemas/statuses.py` or by the settings: never a run id, a path or anything
else that a client could make up.
"""

from prometheus_client import Counter, Gauge, Histogram

from schemas.topics import DEAD_LETTERS, TRANSITIONS

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

INGEST_REQUESTS = Counter(
    "tracker_ingest_requests_total",
    "Requests of runners. `outcome` is accepted (an event is on the log), unreadable (a dead letter), "
    "or why it was refused and nothing was appended: too_large, invalid and rate_limited (native only), log_unavailable, "
    "unauthorised and forbidden (the token; see tracker_denied_total), not_ready (the tokens are not known yet), "
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
LETTERS_REREAD = Counter(
    "tracker_dead_letters_reread_total",
    "Dead letters that somebody had read again. `outcome`: replayed (an event is on the log), or unreadable (still).",
    ["outcome"],
)
INGEST_ERRORS = Counter(
    "tracker_ingest_errors_total",
    "Requests on which the mapping failed unexpectedly: a defect of ours. They are kept as dead letters.",
)
INGEST_SPOOLED = Gauge(
    "tracker_ingest_spooled_requests",
    "Requests that this process keeps on disk because the log was away, and that are not yet on the log.",
)
INGEST_SPOOL_BYTES = Gauge(
    "tracker_ingest_spool_bytes", "What they take on disk; at TRACKER_SPOOL_BYTES ingest refuses."
)
INGEST_SPOOL_REFUSED = Gauge(
    "tracker_ingest_spool_refused_requests",
    "Those of them that the log refused, as too large for its topic: they stay on disk and are tried at the next start.",
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

DENIED = Counter(
    "tracker_denied_total",
    "Requests that were turned away. `reason`: missing, unknown, expired or revoked (the token), forbidden (its role), "
    "foreign (a page of another site sent it, or its form's token is wrong), rate (429), not_ready (the list of tokens is "
    "not known yet). `stage`: ingest or api.",
    ["stage", "reason"],
)
for _stage in ("ingest", "api"):  # from 0 on, else the first of each would be no increase
    for _reason in ("missing", "unknown", "expired", "revoked", "forbidden", "foreign", "rate", "not_ready"):
        DENIED.labels(_stage, _reason)
TOKENS_READ = Gauge(
    "tracker_tokens_read_timestamp_seconds",
    "When this process last read the list of tokens. Standing still means that it goes on with the list that it has.",
)

PROJECTED_EVENTS = Counter(
    "tracker_projected_events_total",
    "Messages of the log that this projector wrote. `outcome`: projected, dead_lettered or clock (ticks).",
    ["outcome"],
)
ROWS_SET_ASIDE = Counter(
    "tracker_rows_set_aside_total",
    "Rows that ClickHouse called wrong and that became dead letters, while the rest of their batch was written.",
    ["table"],
)
_HELD_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10)
LOOP_LAG = Histogram(
    "tracker_event_loop_lag_seconds",
    "How late the event loop of a process that answers requests came to what was due: looked at twenty times a second. "
    "A machine that is busy with other things makes it late too.",
    buckets=_HELD_SECONDS,
)
LOOP_HELD = Histogram(
    "tracker_event_loop_held_seconds",
    "CPU time of the event loop's thread between two such looks, beyond their distance: what our own code held it for.",
    buckets=_HELD_SECONDS,
)
NOT_PUBLISHED = Counter(
    "tracker_not_published_total",
    "Messages of the projector that the log takes in no case, as they are too large, and that were left out.",
    ["topic"],
)
for _topic in (TRANSITIONS, DEAD_LETTERS):
    NOT_PUBLISHED.labels(_topic)  # at 0, so that the first one is an increase
INSERT_SECONDS = Histogram(
    "tracker_insert_seconds",
    "How long ClickHouse took to write one batch into a table.",
    ["table"],
    buckets=_SECONDS,
)
RUNS_EXPIRED = Counter(
    "tracker_runs_expired_total", "Runs that left the tables, as TRACKER_KEEP_RUNS_DAYS wants it."
)
LIVE_RUNS = Gauge(
    "tracker_live_runs",
    "Runs that are not over, by the status that people see. Asked of the tables when the api is scraped.",
    ["status"],
)
TICK_AGE = Gauge(
    "tracker_newest_tick_age_seconds",
    "Age of the newest clock tick that is projected from the partition: how far the tracker is behind.",
    ["partition"],
)
ROUND_AGE = Gauge(
    "tracker_newest_round_age_seconds",
    "Age of the newest round of the partition. Above the age of its newest tick, an ingest process is missing "
    "and nobody's silence grows until it ticks or is taken for gone.",
    ["partition"],
)
LOG_LAG = Gauge(
    "tracker_log_lag_messages",
    "Messages of the partition that the log holds and the tables do not, ticks included.",
    ["partition"],
)
ARCHIVE_END = Gauge(
    "tracker_archive_end_offset",
    "The offset after the last message of the partition that is in the archive. From the archiver.",
    ["partition"],
)
ARCHIVE_LAG = Gauge(
    "tracker_archive_lag_messages",
    "Messages of the partition that the log holds and the archive does not: those of an hour that is not over, if all is well.",
    ["partition"],
)
ARCHIVE_WAITING_SINCE = Gauge(
    "tracker_archive_waiting_since_timestamp_seconds",
    "When the oldest message of the partition that is not archived was appended; 0 if none waits. An hour and some minutes ago "
    "is normal.",
    ["partition"],
)
ARCHIVE_REFUSES = Gauge(
    "tracker_archive_refuses",
    "1 while the archiver does not go on with the partition, since log and archive do not join or do not belong together.",
    ["partition"],
)
ARCHIVE_LAST_STEP = Gauge(
    "tracker_archive_last_step_timestamp_seconds",
    "When the archiver last got through all partitions; 0 before the first time.",
)
ARCHIVE_OBJECTS = Counter(
    "tracker_archive_objects_total",
    "Objects of the archive. `outcome`: written, there_already (by another archiver, or this one before it was killed), "
    "or cut_otherwise (there already, by an archiver of another version).",
    ["outcome"],
)
ARCHIVE_FAILURES = Counter(
    "tracker_archive_failures_total",
    "Tries that failed and are made again. `reason`: store, log or defect (ours).",
    ["reason"],
)
COLLECTOR_LAST_STEP = Gauge(
    "tracker_collector_last_step_timestamp_seconds",
    "When the collector last read which outputs are to be looked at; 0 before the first time.",
)
COLLECTOR_ERRORS = Counter(
    "tracker_collector_errors_total", "Unexpected failures of the collector, which went on: defects of ours."
)
OUTPUTS_LISTED = Counter(
    "tracker_outputs_listed_total",
    "Looks at runs' output folders. `state`: complete, too_many, or why nothing could be listed (docs/outputs.md).",
    ["state"],
)
OUTPUTS_DELETIONS = Counter(
    "tracker_outputs_deletions_total",
    "Tries to delete an output folder. `state`: succeeded, failed, or running (the store was away; it is tried again).",
    ["state"],
)
OUTPUTS_FILES = Counter("tracker_outputs_files_total", "Files that were found in output folders.")
LOG_DELETED = Gauge(
    "tracker_log_deleted_before_offset",
    "Up to where the archiver deleted the partition's messages from Kafka: archived, projected and older than the retention.",
    ["partition"],
)
ALERTS = Gauge("tracker_alerts", "Alerts that are not over, by state. From the active notifier.", ["state"])
NOTIFIER_QUEUE = Gauge("tracker_notifier_queue", "Messages of alerts that a receiver has not taken yet.")
NOTIFIER_LAST_STEP = Gauge(
    "tracker_notifier_last_step_timestamp_seconds",
    "When the active notifier last looked for what happened; 0 in a process whose notifier is not the active one.",
)
NOTIFIER_ERRORS = Counter(
    "tracker_notifier_errors_total",
    "Times that the notifier failed unexpectedly and began anew: a defect of ours.",
)
ALERT_DELIVERIES = Counter(
    "tracker_alert_deliveries_total", "Tries to tell a receiver. `outcome`: taken or failed.", ["outcome"]
)
