{% from "schemas/macros/tasks.sql" import task_lifecycles %}
-- What each process did in the runs {run_ids}. Time is of attempts that ran and ended; cached ones did no work.
SELECT
    run_id, process,
    count() AS tasks,
    countIf(shown = 'failed') AS failed,
    countIf(shown = 'cached') AS cached,
    sumIf(ran_ms, worked) AS time_ms,
    countIf(worked) AS worked_tasks,
    quantileExactLowIf(0.5)(ran_ms, worked) AS median_ms,
    maxIf(peak_rss_bytes, shown != 'cached') AS peak_memory_bytes,
    arraySort(groupUniqArrayIf(5)(toString(container), ifNull(container, '') != '')) AS containers
FROM
(
    SELECT
        run_id, toString(process) AS process, shown, peak_rss_bytes, container,
        toInt64(greatest(0, least(315360000000,
            ifNull(realtime_ms, ifNull(toUnixTimestamp64Milli(completed_at) - toUnixTimestamp64Milli(started_at), 0))))) AS ran_ms,
        shown IN ('succeeded', 'failed', 'aborted') AND (isNotNull(realtime_ms) OR (isNotNull(started_at) AND isNotNull(completed_at)))
            AS worked
    FROM {{ task_lifecycles("{run_ids:Array(String)}") }} AS task_lifecycles
)
GROUP BY run_id, process
ORDER BY run_id, process
