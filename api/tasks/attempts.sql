{% from "schemas/macros/tasks.sql" import task_lifecycles %}
-- All tasks of this name and process in a run, in the order in which they were made: attempts of one task, or of several.
SELECT task_id, attempt, shown AS status, exit, error_action, toUnixTimestamp64Milli(submitted_at) AS submitted_ms, duration_ms
FROM {{ task_lifecycles("[{run_id:String}]") }} AS task_lifecycles
WHERE name = {name:String} AND process = {process:String}
ORDER BY task_id
LIMIT 1000
