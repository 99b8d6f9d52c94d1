{% from "schemas/macros/tasks.sql" import task_lifecycles %}
-- What the processes of the runs {run_ids} requested and used, at most {most} of each, those that left most CPU time unused. Percentiles (median, 95th, greatest) are over attempts that succeeded and
-- were measured; CPU and memory over time are of all that were measured, cached ones left out. Times in ms, memory in bytes or GiB × ms.
SELECT
    run_id, process,
    countIf(measured) AS tasks,
    countIf(good) AS sample,
    max(cpus) AS cpus_requested,
    max(memory_bytes) AS memory_requested,
    max(time_limit_ms) AS time_requested,
    quantilesExactInclusiveIf(0.5, 0.95, 1)(ifNull(cpu_percent, 0.), good) AS cpu_used,
    quantilesExactInclusiveIf(0.5, 0.95, 1)(toFloat64(ifNull(peak_rss_bytes, 0)), good AND peak_rss_bytes > 0) AS memory_used,
    quantilesExactInclusiveIf(0.5, 0.95, 1)(toFloat64(ran_ms), good) AS time_used,
    countIf(good AND peak_rss_bytes > 0) AS memory_sample,
    sumIf(ran_ms * ifNull(cpus, 1.), measured) AS cpu_ms,
    sumIf(ran_ms * least(greatest(ifNull(cpus, 1.), 0.), ifNull(cpu_percent, 0.) / 100), measured) AS cpu_ms_used,
    sumIf(ran_ms * greatest(0., toFloat64(ifNull(memory_bytes, 0)) - toFloat64(ifNull(peak_rss_bytes, 0))) / 1073741824, measured)
        AS gib_ms_unused
FROM
(
    SELECT
        run_id, toString(process) AS process, memory_bytes, time_limit_ms, peak_rss_bytes,
        -- What runners tell may be anything; a sum of it must stay a number.
        least(1000000., t.cpus) AS cpus,
        least(100000000., t.cpu_percent) AS cpu_percent,
        greatest(0, least(315360000000, ifNull(realtime_ms, ifNull(toUnixTimestamp64Milli(completed_at) - toUnixTimestamp64Milli(started_at), 0))))
            AS ran_ms,
        ifNull(shown IN ('succeeded', 'failed', 'aborted') AND t.cpu_percent >= 0, 0) AS measured,
        measured AND shown = 'succeeded' AS good
    FROM {{ task_lifecycles("{run_ids:Array(String)}") }} AS t
    WHERE shown != 'cached'
)
GROUP BY run_id, process
HAVING tasks > 0
ORDER BY cpu_ms - cpu_ms_used DESC, process
LIMIT {most:UInt32} BY run_id
