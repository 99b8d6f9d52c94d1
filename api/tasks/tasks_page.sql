{% from "schemas/macros/prices.sql" import all_branches_at_once %}
{% from "schemas/macros/tasks.sql" import task_facts %}
-- Ids of one page of the tasks of a run, filtered, sorted by one column of this list; only the columns that are asked for are
-- read. An empty text or list does not filter. NULLs come last in both directions, equal values by task id.
SELECT task_id
FROM
(
    SELECT
        task_id, hash, name, process, tag, shown AS status, inferred, attempt, error_action, exit, native_id,
        submitted_at, started_at, completed_at, duration_ms, realtime_ms, cpus, memory_bytes, machine_type, price_model,
        cloud_zone, hostname, container, executor, queue, task_facts.cost AS cost, cost_method,
        cpu_percent, peak_rss_bytes, read_bytes, write_bytes,
        concat(name, '\n', hash, '\n', ifNull(tag, ''), '\n', ifNull(native_id, '')) AS searched
    FROM {{ task_facts("[{run_id:String}]") }} AS task_facts
)
WHERE (empty({statuses:Array(String)}) OR status IN {statuses:Array(String)})
    AND ({process:String} = '' OR process = {process:String})
    AND ({search:String} = '' OR positionCaseInsensitiveUTF8(searched, {search:String}) > 0)
ORDER BY
    isNull({sort:Identifier}),
    if({descending:Bool}, NULL, {sort:Identifier}) ASC,
    if({descending:Bool}, {sort:Identifier}, NULL) DESC,
    task_id
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
{{ all_branches_at_once }}
