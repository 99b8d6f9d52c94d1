-- The version of a record counts all of its columns, so that of two that differ in any the same one stays. Records without the columns of
-- 0062 have the version that they had.
ALTER TABLE tasks
    MODIFY COLUMN version UInt128 MATERIALIZED
        bitShiftLeft(toUInt128(rank), 112)
        + bitShiftLeft(toUInt128(least(281474976710655, greatest(0, coalesce(
            toUnixTimestamp64Milli(completed_at), toUnixTimestamp64Milli(started_at), toUnixTimestamp64Milli(submitted_at), 0)))), 64)
        + bitXor(
            cityHash64(tuple(
                hash, name, process, tag, attempt, error_action, exit, native_id, submitted_at, started_at, completed_at,
                duration_ms, realtime_ms, cpus, memory_bytes, disk_bytes, time_limit_ms, executor, queue, container, module,
                machine_type, price_model, cloud_zone, hostname, workdir, scratch, script, env, status,
                cpu_percent, memory_percent, cpu_model, rss_bytes, peak_rss_bytes, vmem_bytes, peak_vmem_bytes,
                read_chars, write_chars, read_syscalls, write_syscalls, read_bytes, write_bytes,
                voluntary_switches, involuntary_switches, accelerators, accelerator_type, spot_interruptions)),
            if(isNull(log_stream_id) AND isNull(resource_allocation) AND isNull(gpu_metrics), 0,
                cityHash64(tuple(log_stream_id, resource_allocation, gpu_metrics))))
