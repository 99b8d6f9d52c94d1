{% from "schemas/macros/tasks.sql" import task_lifecycles %}
-- Failed attempts of a run: one of each group of one kind, process and exit status, at most {limit} groups, with how many there are; and
-- the first {listed} of those that failed for good. What ended the run comes first: the task that its error report names
-- ({subject}), else those whose error strategy ended it, in their order; then the others, the last first. Times in ms.
SELECT *
FROM
(
    SELECT
        *,
        row_number() OVER (PARTITION BY kind ORDER BY named DESC, fatal DESC, moment, task_id) AS place,
        row_number() OVER (PARTITION BY kind, process, exit ORDER BY named DESC, fatal DESC, moment, task_id) AS place_in_group,
        count() OVER (PARTITION BY kind, process, exit) AS attempts,
        count() OVER (PARTITION BY kind) AS of_kind
    FROM
    (
        SELECT
            task_id, name, process, attempt, exit, error_action, native_id, workdir, memory_bytes, peak_rss_bytes, time_limit_ms,
            realtime_ms, cpus, price_model, spot_interruptions, container, duration_ms,
            toUnixTimestamp64Milli(completed_at) AS completed_ms,
            completed_ms - toUnixTimestamp64Milli(started_at) AS lasted_ms,
            upper(ifNull(error_action, '')) AS action,
            multiIf(action = 'RETRY', 'retried', action = 'IGNORE', 'ignored', 'failed') AS kind,
            kind = 'failed' AND name != '' AND name = {subject:String} AS named,
            action IN ('TERMINATE', 'FINISH') AS fatal,
            if(fatal, 1, -1) * ifNull(completed_ms, 0) AS moment
        FROM {{ task_lifecycles("[{run_id:String}]") }} AS task_lifecycles
        WHERE shown = 'failed'
    )
)
WHERE place_in_group = 1 OR (kind = 'failed' AND place <= {listed:UInt32})
ORDER BY kind != 'failed', kind, place
LIMIT {limit:UInt32} + {listed:UInt32}
