{% from "schemas/macros/tasks.sql" import task_lifecycles %}
-- Failed attempts of a run, at most {limit} that were retried and {limit} that were not, and how many there are of each. First those
-- that ended the run, in their order, for the first is the cause; then the others, the last first, and those that were ignored last.
SELECT
    task_id,
    upper(ifNull(error_action, '')) AS action,
    action = 'RETRY' AS retried,
    action IN ('TERMINATE', 'FINISH') AS fatal,
    count() OVER (PARTITION BY retried) AS of_kind,
    if(fatal, 1, -1) * toUnixTimestamp64Milli(ifNull(completed_at, toDateTime64(0, 3, 'UTC'))) AS place
FROM {{ task_lifecycles("[{run_id:String}]") }} AS task_lifecycles
WHERE shown = 'failed'
ORDER BY retried, fatal DESC, action = 'IGNORE', place, task_id
LIMIT {limit:UInt32} BY retried
