-- One row an attempt, as the runner last told it. Every record is a whole snapshot; of the records of one task the one
-- with the greatest version stays, whatever the order or the number of arrivals: version packs (rank, event time, hash
-- of the row), which is a total order over records. Records are never mixed and a task never steps back.
-- Key: run ids sort by time, so live runs lie together and a refresh of twenty of them reads few granules.
CREATE TABLE IF NOT EXISTS tasks
(
    run_id               String,
    task_id              Int64,
    status               LowCardinality(String),
    hash                 String,
    name                 String,
    process              LowCardinality(String),
    tag                  Nullable(String),
    attempt              Int32,
    error_action         LowCardinality(Nullable(String)),
    exit                 Nullable(Int32),
    native_id            Nullable(String),
    submitted_at         Nullable(DateTime64(3, 'UTC')),
    started_at           Nullable(DateTime64(3, 'UTC')),
    completed_at         Nullable(DateTime64(3, 'UTC')),
    duration_ms          Nullable(Int64),
    realtime_ms          Nullable(Int64),
    cpus                 Nullable(Float64),
    memory_bytes         Nullable(Int64),
    disk_bytes           Nullable(Int64),
    time_limit_ms        Nullable(Int64),
    executor             LowCardinality(Nullable(String)),
    queue                LowCardinality(Nullable(String)),
    container            LowCardinality(Nullable(String)),
    module               Array(String),
    machine_type         LowCardinality(Nullable(String)),
    price_model          LowCardinality(Nullable(String)),
    cloud_zone           LowCardinality(Nullable(String)),
    hostname             LowCardinality(Nullable(String)),
    workdir              Nullable(String),
    scratch              Nullable(String),
    script               Nullable(String),
    env                  Nullable(String),
    cpu_percent          Nullable(Float64),
    memory_percent       Nullable(Float64),
    cpu_model            LowCardinality(Nullable(String)),
    rss_bytes            Nullable(Int64),
    peak_rss_bytes       Nullable(Int64),
    vmem_bytes           Nullable(Int64),
    peak_vmem_bytes      Nullable(Int64),
    read_chars           Nullable(Int64),
    write_chars          Nullable(Int64),
    read_syscalls        Nullable(Int64),
    write_syscalls       Nullable(Int64),
    read_bytes           Nullable(Int64),
    write_bytes          Nullable(Int64),
    voluntary_switches   Nullable(Int64),
    involuntary_switches Nullable(Int64),
    accelerators         Nullable(Int64),
    accelerator_type     LowCardinality(Nullable(String)),
    spot_interruptions   Nullable(Int64),
    rank                 UInt8 MATERIALIZED transform(status, ['pending', 'submitted', 'running'], [1, 2, 3], 4),
    version              UInt128 MATERIALIZED
        bitShiftLeft(toUInt128(rank), 112)
        + bitShiftLeft(toUInt128(least(281474976710655, greatest(0, coalesce(
            toUnixTimestamp64Milli(completed_at), toUnixTimestamp64Milli(started_at), toUnixTimestamp64Milli(submitted_at), 0)))), 64)
        + cityHash64(tuple(
            hash, name, process, tag, attempt, error_action, exit, native_id, submitted_at, started_at, completed_at,
            duration_ms, realtime_ms, cpus, memory_bytes, disk_bytes, time_limit_ms, executor, queue, container, module,
            machine_type, price_model, cloud_zone, hostname, workdir, scratch, script, env, status,
            cpu_percent, memory_percent, cpu_model, rss_bytes, peak_rss_bytes, vmem_bytes, peak_vmem_bytes,
            read_chars, write_chars, read_syscalls, write_syscalls, read_bytes, write_bytes,
            voluntary_switches, involuntary_switches, accelerators, accelerator_type, spot_interruptions))
)
ENGINE = ${Replacing}(version)
ORDER BY (run_id, task_id)
