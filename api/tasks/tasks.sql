{% from "schemas/macros/tasks.sql" import task_facts %}
-- The tasks {task_ids} of a run as lists show them. Times in ms.
SELECT
    task_id, hash, name, process, tag, shown AS status, inferred, attempt, error_action, exit, native_id,
    toUnixTimestamp64Milli(submitted_at) AS submitted_ms,
    toUnixTimestamp64Milli(started_at) AS started_ms,
    toUnixTimestamp64Milli(completed_at) AS completed_ms,
    duration_ms, realtime_ms, cpus, memory_bytes, machine_type, price_model, cloud_zone, hostname, container, executor, queue,
    task_facts.cost AS cost, cost_method, cpu_percent, peak_rss_bytes, read_bytes, write_bytes
FROM {{ task_facts("[{run_id:String}]", "task_id IN {task_ids:Array(Int64)}") }} AS task_facts
