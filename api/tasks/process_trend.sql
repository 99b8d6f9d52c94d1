{% from "schemas/macros/tasks.sql" import task_lifecycles %}
-- How the tasks of a process went in each of some runs: attempts, how many failed and how many of those were tried again; and of the
-- attempts that worked, so not of cached ones, times and peaks. A run in which it had no task has no row.
SELECT
    run_id,
    count() AS attempts,
    countIf(shown = 'failed') AS failed,
    countIf(shown = 'failed' AND upper(ifNull(error_action, '')) = 'RETRY') AS retried,
    countIf(shown = 'cached') AS cached,
    toInt64OrNull(toString(round(quantileExactIf(0.5)(realtime_ms, shown = 'succeeded')))) AS median_realtime_ms,
    maxIf(realtime_ms, shown = 'succeeded') AS max_realtime_ms,
    maxIf(peak_rss_bytes, shown != 'cached') AS max_peak_rss_bytes,
    maxIf(memory_bytes, shown != 'cached') AS max_memory_bytes
FROM {{ task_lifecycles("{run_ids:Array(String)}") }} AS task_lifecycles
WHERE process = {process:String}
GROUP BY run_id
ORDER BY run_id
