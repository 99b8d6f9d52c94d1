-- The groups of a run's timeline, as `timeline.sql` lays them out, with their attempts.
SELECT group_name, count() AS attempts
FROM
(
    SELECT
        multiIf(
            {group:String} = 'process', process,
            {group:String} = 'host', concat(ifNull(hostname, ''), ' ', ifNull(machine_type, ''), ' ', ifNull(price_model, '')),
            {group:String} = 'machine', ifNull(machine_type, ''), ifNull(price_model, '')) AS group_name
    FROM task_facts(run_ids = [{run_id:String}])
    WHERE shown != 'cached'
        AND (isNotNull(submitted_at) OR isNotNull(started_at))
        AND (empty({statuses:Array(String)}) OR shown IN {statuses:Array(String)})
        AND ({search:String} = '' OR positionCaseInsensitiveUTF8(name, {search:String}) > 0)
)
GROUP BY group_name
ORDER BY group_name
LIMIT {limit:UInt32}
