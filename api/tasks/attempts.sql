-- All attempts of the task of this name in a run, oldest first.
SELECT task_id, attempt, shown AS status, exit, error_action, toUnixTimestamp64Milli(submitted_at) AS submitted_ms, duration_ms
FROM task_facts(run_ids = [{run_id:String}])
WHERE name = {name:String} AND process = {process:String}
ORDER BY attempt, task_id
LIMIT 100
