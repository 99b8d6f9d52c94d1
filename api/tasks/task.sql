{% from "schemas/macros/tasks.sql" import task_facts %}
-- One task of a run with all that was told of it. Times in ms.
SELECT
    task_id, hash, name, process, tag, shown AS status, inferred, attempt, error_action, exit, native_id,
    toUnixTimestamp64Milli(submitted_at) AS submitted_ms,
    toUnixTimestamp64Milli(started_at) AS started_ms,
    toUnixTimestamp64Milli(completed_at) AS completed_ms,
    duration_ms, realtime_ms, cpus, memory_bytes, machine_type, price_model, cloud_zone, hostname, container, executor, queue,
    task_facts.cost AS cost, cost_method, cpu_percent, peak_rss_bytes, read_bytes, write_bytes,
    disk_bytes, time_limit_ms, module, workdir, scratch, script, env, memory_percent, cpu_model,
    rss_bytes, vmem_bytes, peak_vmem_bytes, read_chars, write_chars, read_syscalls, write_syscalls,
    voluntary_switches, involuntary_switches, accelerators, accelerator_type, spot_interruptions,
    log_stream_id, resource_allocation, gpu_metrics, if(status = 'cached', 0, priced_ms) AS ran_ms
FROM {{ task_facts("[{run_id:String}]", "task_id = {task_id:Int64}") }} AS task_facts
