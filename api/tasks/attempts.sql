{% from "schemas/macros/tasks.sql" import task_facts %}
-- All attempts of the task of this name in a run, oldest first.
SELECT task_id, attempt, shown AS status, exit, error_action, toUnixTimestamp64Milli(submitted_at) AS submitted_ms, duration_ms
FROM {{ task_facts("[{run_id:String}]") }} AS task_facts
WHERE name = {name:String} AND process = {process:String}
ORDER BY attempt, task_id
LIMIT 100
