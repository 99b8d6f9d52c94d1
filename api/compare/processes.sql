{% from "schemas/macros/tasks.sql" import task_lifecycles, work_done %}
-- What each process did in the runs {run_ids}, of each run at most {most}, those with the most tasks. Time is of attempts that ran and ended; cached ones did no work.
SELECT
    run_id, process,
    count() AS tasks,
    countIf(shown = 'succeeded') AS succeeded,
    countIf(shown = 'failed') AS failed,
    countIf(shown = 'cached') AS cached,
    sumIf(ran_ms, worked) AS time_ms,
    countIf(worked) AS worked_tasks,
    quantileExactLowIf(0.5)(ran_ms, worked) AS task_ms_p50,
    maxIf(peak_rss_bytes, shown != 'cached') AS peak_rss_max,
    maxIf(last_ms, shown != 'cached') - minIf(first_ms, shown != 'cached') AS span_ms,
    if(span_ms < 0, 0, span_ms) AS wallclock_ms,
    arraySort(groupUniqArrayIf(5)(toString(container), ifNull(container, '') != '')) AS containers
FROM
(
    SELECT
        run_id, toString(process) AS process, shown, peak_rss_bytes, container,
        toUnixTimestamp64Milli(submitted_at) AS first_ms,
        if(status = 'pending', NULL, toUnixTimestamp64Milli(task_lifecycles.ended_at)) AS last_ms,
        {{ work_done }}
    FROM {{ task_lifecycles("{run_ids:Array(String)}") }} AS task_lifecycles
)
GROUP BY run_id, process
ORDER BY run_id, tasks DESC, process
LIMIT {most:UInt32} BY run_id
