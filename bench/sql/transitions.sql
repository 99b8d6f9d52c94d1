{% from "schemas/macros/runs.sql" import run_statuses %}
-- The last transition of each run, before any round, so that the first sweep finds nothing to tell.
INSERT INTO transitions (run_id, offset, partition, appended_at, observed_ms, from_status, to_status, reason)
SELECT run_id, -1, 0, fromUnixTimestamp64Milli(seen.appended, 'UTC'), 0, 'running', status, reason
FROM {{ run_statuses(
    clock_partitions="[0]", clock_times="[0]", behind="[]", disconnected_ms="86400000", stalled_ms="86400000") }}
