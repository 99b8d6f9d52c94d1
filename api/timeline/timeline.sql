{% from "schemas/macros/tasks.sql" import task_lifecycles %}
-- The attempts of a run in the order of the rows of its timeline, filtered. Sorted by group, then by start in steps of 30 s, then by
-- completion. Queue from `begin_ms` to `start_ms`, execution to `execution_end_ms`, overhead to `end_ms`; an open attempt is drawn up to
-- {last_ms}, the runner's last word. What took no time here has no length: a cached one stands at the run's beginning, {began_ms} (its
-- own times are those of the run that did the work), one that was neither submitted nor started at its end, or at the run's.
SELECT
    task_id, name, process, attempt, shown AS status,
    if(
        shown = 'cached', {began_ms:Int64},
        assumeNotNull(coalesce(toUnixTimestamp64Milli(submitted_at), toUnixTimestamp64Milli(started_at), ended_ms))) AS begin_ms,
    greatest(begin_ms, ifNull(started_ms, begin_ms)) AS start_ms,
    multiIf(
        isNull(started_ms), start_ms,
        isNull(completed_at) OR ifNull(realtime_ms, 0) <= 0, end_ms,
        least(end_ms, start_ms + least(realtime_ms, 315360000000))) AS execution_end_ms,
    multiIf(
        shown = 'cached', start_ms,
        ended_ms = 9223372036854775807, greatest(start_ms, {last_ms:Int64}),
        greatest(start_ms, ended_ms)) AS end_ms,
    multiIf(
        {group:String} = 'process', process,
        {group:String} = 'host', concat(ifNull(hostname, ''), ' ', ifNull(machine_type, ''), ' ', ifNull(price_model, '')),
        {group:String} = 'machine', ifNull(machine_type, ''),
        {group:String} = 'capacity', ifNull(price_model, ''), '') AS group_name
FROM {{ task_lifecycles("[{run_id:String}]") }} AS task_lifecycles
WHERE (shown = 'cached' OR isNotNull(submitted_at) OR isNotNull(started_at) OR (shown != 'pending' AND isNotNull(ended_at)))
    AND (empty({statuses:Array(String)}) OR shown IN {statuses:Array(String)})
    AND ({search:String} = '' OR positionCaseInsensitiveUTF8(name, {search:String}) > 0)
ORDER BY group_name, intDiv(start_ms, 30000), end_ms, task_id
