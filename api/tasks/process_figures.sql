{% from "schemas/macros/tasks.sql" import task_lifecycles %}
-- What the tasks of a process used and how long they took: minimum, quartiles and maximum over the last attempt of each task, and the
-- directives with which they ran. Tasks may share a name, so what was tried again is told by its error action. Cached tasks did no
-- work here.
SELECT
    count() AS tasks,
    arrayMap(x -> toFloat64(x), quantilesExactInclusive(0, 0.25, 0.5, 0.75, 1)(cpu_percent)) AS cpu,
    arrayMap(x -> toFloat64(x), quantilesExactInclusive(0, 0.25, 0.5, 0.75, 1)(peak_rss_bytes)) AS peak_rss,
    arrayMap(x -> toFloat64(x), quantilesExactInclusive(0, 0.25, 0.5, 0.75, 1)(read_bytes)) AS read_disk,
    arrayMap(x -> toFloat64(x), quantilesExactInclusive(0, 0.25, 0.5, 0.75, 1)(write_bytes)) AS write_disk,
    arrayMap(x -> toFloat64(x), quantilesExactInclusive(0, 0.25, 0.5, 0.75, 1)(read_chars)) AS read_logical,
    arrayMap(x -> toFloat64(x), quantilesExactInclusive(0, 0.25, 0.5, 0.75, 1)(write_chars)) AS write_logical,
    arrayMap(x -> toFloat64(x), quantilesExactInclusive(0, 0.25, 0.5, 0.75, 1)(queue_ms)) AS queued,
    arrayMap(x -> toFloat64(x), quantilesExactInclusive(0, 0.25, 0.5, 0.75, 1)(realtime_ms)) AS executed,
    arrayMap(x -> toFloat64(x), quantilesExactInclusive(0, 0.25, 0.5, 0.75, 1)(overhead_ms)) AS overheads,
    [count(cpu_percent), count(peak_rss_bytes), count(read_bytes), count(write_bytes), count(read_chars), count(write_chars),
        count(queue_ms), count(realtime_ms), count(overhead_ms)] AS known,
    arraySort(groupUniqArray(20)(cpus)) AS requested_cpus,
    arraySort(groupUniqArray(20)(memory_bytes)) AS requested_memory,
    arraySort(groupUniqArray(20)(time_limit_ms)) AS requested_time,
    arraySort(groupUniqArray(20)(toString(container))) AS containers,
    arraySort(groupUniqArray(20)(toString(executor))) AS executors,
    arraySort(groupUniqArray(20)(toString(queue))) AS queues
FROM
(
    SELECT
        cpu_percent, peak_rss_bytes, read_bytes, write_bytes, read_chars, write_chars, realtime_ms, cpus, memory_bytes, time_limit_ms,
        container, executor, queue,
        if(isNull(started_at) OR isNull(submitted_at), NULL, greatest(0, toUnixTimestamp64Milli(started_at) - toUnixTimestamp64Milli(submitted_at))) AS queue_ms,
        if(isNull(completed_at) OR isNull(started_at) OR isNull(realtime_ms), NULL,
            greatest(0, toUnixTimestamp64Milli(completed_at) - toUnixTimestamp64Milli(started_at) - realtime_ms)) AS overhead_ms
    FROM {{ task_lifecycles("[{run_id:String}]") }} AS task_lifecycles
    WHERE process = {process:String} AND shown != 'cached' AND NOT (shown = 'failed' AND upper(ifNull(error_action, '')) = 'RETRY')
)
